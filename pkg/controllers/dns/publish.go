package dns

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/dns"
)

// conflictError says that a DNSEndpoint is not the record's to write.
type conflictError struct{ endpoint string }

func (e *conflictError) Error() string {
	return fmt.Sprintf("DNSEndpoint %s does not belong to this record: delete it, or give the record another name", e.endpoint)
}

// recordOf returns the name of the record of a DNSEndpoint.
func (k *recordKind[R]) recordOf(endpoint string) (string, bool) {
	return strings.CutPrefix(endpoint, k.prefix)
}

// owns says whether a DNSEndpoint was made for a record of the name.
func (k *recordKind[R]) owns(endpoint *v1alpha1.DNSEndpoint, name string) bool {
	owner := metav1.GetControllerOf(endpoint)
	return owner != nil && owner.Kind == k.name && owner.Name == name &&
		strings.HasPrefix(owner.APIVersion, v1alpha1.SchemeGroupVersion.Group+"/")
}

// publish writes the DNSEndpoint of a record, or deletes it if there are no names.
// The error is a conflictError if it is somebody else's.
func (r *recordsRun[R]) publish(ctx context.Context, record R, endpoints []dns.Endpoint) error {
	key := keyOf(record)
	if len(endpoints) == 0 {
		return r.unpublish(ctx, key)
	}
	client := r.Federation.MulticlusterdnsV1alpha1().DNSEndpoints(key.Namespace)
	desired := &v1alpha1.DNSEndpoint{ObjectMeta: metav1.ObjectMeta{
		Namespace: key.Namespace, Name: r.kind.prefix + key.Name,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(record, v1alpha1.SchemeGroupVersion.WithKind(r.kind.name))},
	}}
	for _, e := range endpoints {
		desired.Spec.Endpoints = append(desired.Spec.Endpoints, &v1alpha1.Endpoint{
			DNSName: e.Name, Targets: e.Targets, RecordType: e.Type, RecordTTL: v1alpha1.TTL(e.TTL), Labels: e.Labels,
		})
	}
	stored, err := r.endpoints.DNSEndpoints(key.Namespace).Get(desired.Name)
	switch {
	case apierrors.IsNotFound(err):
		if _, err := client.Create(ctx, desired, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create the DNSEndpoint: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("read the DNSEndpoint: %w", err)
	case !r.kind.owns(stored, key.Name):
		return &conflictError{endpoint: stored.Name}
	case sameSpec(stored, desired):
		return nil
	}
	next := stored.DeepCopy()
	next.Spec, next.OwnerReferences = desired.Spec, desired.OwnerReferences
	if _, err := client.Update(ctx, next, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("update the DNSEndpoint: %w", err)
	}
	return nil
}

// withdraw deletes the DNSEndpoint of a record that went.
func (r *recordsRun[R]) withdraw(ctx context.Context, key types.NamespacedName) error {
	stored, err := r.endpoints.DNSEndpoints(key.Namespace).Get(r.kind.prefix + key.Name)
	if err != nil || !r.kind.owns(stored, key.Name) {
		return nil // a lister of a local cache has no other errors than that there is none
	}
	// The cache may not have come to a record that is new.
	exists, err := r.kind.exists(ctx, key.Namespace, key.Name)
	if err != nil {
		return fmt.Errorf("ask whether the record is gone: %w", err)
	}
	if exists {
		return nil
	}
	return r.unpublish(ctx, key)
}

// unpublish deletes the DNSEndpoint of a record, if there is one.
func (r *recordsRun[R]) unpublish(ctx context.Context, key types.NamespacedName) error {
	stored, err := r.endpoints.DNSEndpoints(key.Namespace).Get(r.kind.prefix + key.Name)
	if err != nil || !r.kind.owns(stored, key.Name) {
		return nil
	}
	err = r.Federation.MulticlusterdnsV1alpha1().DNSEndpoints(key.Namespace).Delete(ctx, stored.Name, metav1.DeleteOptions{
		Preconditions: metav1.NewUIDPreconditions(string(stored.UID)),
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the DNSEndpoint: %w", err)
	}
	return nil
}

// maxMessage bounds the message of a condition, in bytes.
const maxMessage = 4096

// setConditions says in the status how far the names are published. conflict is
// nil if the DNSEndpoint could be written.
func (r *recordsRun[R]) setConditions(record R, judged judgement, endpoints []dns.Endpoint, conflict error) {
	published := metav1.Condition{
		Type: v1alpha1.PublishedCondition, Status: metav1.ConditionTrue, Reason: ReasonPublished, ObservedGeneration: record.GetGeneration(),
	}
	notes := append([]string{judged.message}, judged.plan.Problems()...)
	switch {
	case conflict != nil:
		published.Status, published.Reason = metav1.ConditionFalse, ReasonEndpointConflict
		notes = []string{conflict.Error()}
	case judged.reason == ReasonNoClusterReady:
		published.Status, published.Reason = metav1.ConditionUnknown, judged.reason
	case judged.reason != "":
		published.Status, published.Reason = metav1.ConditionFalse, judged.reason
	default:
		notes = append([]string{fmt.Sprintf("%d records", len(endpoints))}, notes...)
	}
	published.Message = message(notes)
	conditions := r.kind.conditions(record)
	meta.SetStatusCondition(conditions, published)

	// Each condition is set once: its time moves with every change.
	ready := published
	if len(endpoints) == 0 || conflict != nil {
		meta.RemoveStatusCondition(conditions, v1alpha1.ExternalDNSCondition)
	} else {
		outcome := r.mirrored.of(types.NamespacedName{Namespace: record.GetNamespace(), Name: r.kind.prefix + record.GetName()})
		external := metav1.Condition{
			Type: v1alpha1.ExternalDNSCondition, Status: outcome.status, Reason: outcome.reason, Message: outcome.message, ObservedGeneration: record.GetGeneration(),
		}
		meta.SetStatusCondition(conditions, external)
		// A host without external-dns has chosen to do without.
		if ready.Status == metav1.ConditionTrue && external.Status == metav1.ConditionFalse && external.Reason != ReasonNotInstalled {
			ready = external
		}
	}
	ready.Type = v1alpha1.ReadyCondition
	meta.SetStatusCondition(conditions, ready)
}

// message joins what is not empty.
func message(notes []string) string {
	var said []string
	for _, note := range notes {
		if note != "" {
			said = append(said, note)
		}
	}
	text := strings.Join(said, "; ")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage-3], "") + "..."
	}
	return text
}
