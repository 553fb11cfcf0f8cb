package propagation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// pendingHere returns a removal that has something left to do for a copy in the
// member, nil if there is none. obj is the federated object of this name, nil if
// there is none.
func (w *memberWorker) pendingHere(key objectKey, obj *typesv1beta1.FederatedObject) *corev1beta1.PendingRemoval {
	for _, removal := range w.c.removals.of(key) {
		if obj != nil && removal.Spec.Target.UID == obj.UID {
			continue // the object itself sees to it as long as it is there
		}
		if w.c.removals.entry(removal, w.name) != nil {
			return removal
		}
	}
	return nil
}

// fate is what became of a removal in one member.
type fate struct {
	// over says that nothing is left to do; reason and message say why.
	over            bool
	reason, message string
	// after is when to look again, if that is known.
	after time.Duration
	// event says that the readiness of the member brings the removal back.
	event bool
	err   error
}

// carryOut does what is left of a deletion in the member, and sees to what comes
// next.
func (w *memberWorker) carryOut(ctx context.Context, k *kind, key objectKey, obj *typesv1beta1.FederatedObject, removal *corev1beta1.PendingRemoval, member Member) {
	if !member.Ready() || member.Held() != nil || !k.informer.HasSynced() || w.c.isOutOfScope(k) {
		w.queue.Forget(key) // each is an event
		return
	}
	limited, cancel := context.WithTimeout(ctx, w.c.config.RequestTimeout)
	defer cancel()
	f := w.tryRemoval(limited, k, key, obj, removal, member)
	if f.over {
		f.err = w.c.removals.takeOut(limited, removal, w.name)
	}
	switch {
	case ctx.Err() != nil:
		return // the end of the work is no result
	case f.err != nil && !f.event:
		w.c.reportRemoval(ctx, removal, w.name, f.err)
		w.queue.AddRateLimited(key)
	case f.over:
		w.queue.Forget(key)
		w.c.tellRemoval(removal, f.reason, f.message)
		w.queue.Add(key) // a copy that stays is without a federated object
	case f.event && f.after == 0:
		w.queue.Forget(key)
	case f.after > 0:
		w.queue.AddAfter(key, f.after)
	default:
		w.queue.AddRateLimited(key)
	}
}

// tryRemoval deletes the copy if it is still what was to be deleted, by what the
// storage and the member say now.
func (w *memberWorker) tryRemoval(ctx context.Context, k *kind, key objectKey, obj *typesv1beta1.FederatedObject, removal *corev1beta1.PendingRemoval, member Member) fate {
	live, err := k.source.Get(ctx, key.Namespace, key.Name)
	switch {
	case apierrors.IsNotFound(err):
		if obj != nil {
			return fate{} // the cache is behind
		}
	case err != nil:
		return fate{err: fmt.Errorf("look for the federated object: %w", err)}
	case obj == nil || live.UID != obj.UID || live.Generation != obj.Generation:
		return fate{} // the cache is behind, or its finalizer is not off yet
	}
	entry, err := w.c.removals.confirm(ctx, removal, w.name)
	switch {
	case err != nil:
		return fate{err: err}
	case entry == nil: // it was given up
		return fate{event: true}
	}
	registered, err := w.c.config.Members.Registered(ctx, w.name)
	switch {
	case err != nil:
		return fate{err: fmt.Errorf("find out whether the cluster is still the same member: %w", err)}
	case registered == nil: // that is told next
		return fate{event: true}
	case registered.Since.After(removal.CreationTimestamp.Time):
		// It has left and come back, maybe as another one, while nobody looked.
		return fate{over: true, reason: removalGivenUp, message: "the cluster has left and joined anew: " + leftBehind(removal, w.name)}
	}

	copies, name := member.Copies(k.resource, k.namespaced), k.inMember(key.NamespacedName)
	what := fmt.Sprintf("%s %s in cluster %s", k.target.Kind, displayName(name.Namespace, name.Name), w.name)
	observed, found, err := copies.GetLive(ctx, name)
	var notAvailable *members.NotAvailableError
	if errors.As(err, &notAvailable) {
		found, err = false, nil // where the type is not served, there is no object of it
	}
	if err != nil {
		return failedRemoval(err)
	}
	if !found {
		return fate{over: true, reason: "RemovedInCluster", message: what + " does not exist any more"}
	}
	if why := w.keeps(k, name.Name, entry, removal, observed); why != "" {
		return fate{over: true, reason: "RemovalSuperseded", message: what + " stays: " + why}
	}
	if observed.Deleting {
		return fate{}
	}
	host, err := w.c.isHostNamespace(ctx, k, name.Name, observed.UID)
	if err != nil {
		return fate{err: err}
	}
	if audit := removal.Spec.RequestedBy; audit != nil {
		ctx = members.WithAuditID(ctx, audit.AuditID)
	}
	if host {
		if err := copies.Unmanage(ctx, name); err != nil && !apierrors.IsNotFound(err) {
			return failedRemoval(err)
		}
		return fate{over: true, reason: "RemovalSuperseded", message: what + " stays: it is the host's own"}
	}
	gone, err := copies.Delete(ctx, name, observed.UID, optionsOf(removal))
	memberRequests.WithLabelValues(w.name, actionName(actDelete, true), requestResult(err)).Inc()
	switch {
	case err != nil:
		return failedRemoval(err)
	case !gone:
		return fate{} // it is being deleted
	}
	klog.FromContext(ctx).Info("Deleted a copy whose federated object was deleted while the cluster could not be reached", "removal", removal.Name)
	return fate{over: true, reason: "RemovedInCluster", message: fmt.Sprintf("deleted %s, as asked for at %s", what, removal.Spec.RequestedAt.UTC().Format(time.RFC3339))}
}

// keeps says why an object in a member is not, or not any more, what was to be
// deleted; empty if it is.
func (w *memberWorker) keeps(k *kind, name string, entry *corev1beta1.RemovalCluster, removal *corev1beta1.PendingRemoval, observed members.Observed) string {
	switch {
	case observed.Managed != typesv1beta1.ManagedLabelValueTrue:
		return "it is not managed by the federation"
	case entry.UID != "" && entry.UID != observed.UID:
		return "it is another object than the copy that was to be deleted"
	case k.namespaces && isProtected(name, w.c.config.SystemNamespace):
		return "it is never deleted"
	}
	if options := removal.Spec.DeleteOptions; options != nil && options.Preconditions != nil && options.Preconditions.UID != nil && *options.Preconditions.UID != observed.UID {
		return "it does not meet the precondition of its deletion"
	}
	return ""
}

func optionsOf(removal *corev1beta1.PendingRemoval) metav1.DeleteOptions {
	options := removal.Spec.DeleteOptions
	if options == nil {
		return metav1.DeleteOptions{}
	}
	return metav1.DeleteOptions{
		GracePeriodSeconds: options.GracePeriodSeconds, PropagationPolicy: options.PropagationPolicy, Preconditions: options.Preconditions.DeepCopy()}
}

func failedRemoval(err error) fate {
	var notReady *members.NotReadyError
	var other *members.NotOursError
	var held *members.HeldError
	switch {
	case errors.As(err, &held):
		return fate{err: err, event: true}
	case errors.As(err, &notReady):
		return fate{err: err, event: true, after: notReady.RetryAfter}
	case errors.As(err, &other), apierrors.IsConflict(err):
		return fate{} // it has changed meanwhile
	}
	return fate{err: err}
}

// confirm returns the entry of a cluster in a removal as the storage has it, nil if
// it has none any more.
func (r *pendingRemovals) confirm(ctx context.Context, removal *corev1beta1.PendingRemoval, cluster string) (*corev1beta1.RemovalCluster, error) {
	live, err := r.client.Get(ctx, removal.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read PendingRemoval %s: %w", removal.Name, err)
	case live.UID != removal.UID:
		return nil, nil
	}
	return entryOf(live, cluster), nil
}

// reportRemoval has a removal say why it fails in a cluster. The first one that does
// so stands until it is done there: two that fail would take turns.
func (c *Controller) reportRemoval(ctx context.Context, removal *corev1beta1.PendingRemoval, cluster string, failure error) {
	message := cluster + ": " + stableMessage(failure)
	if before := meta.FindStatusCondition(removal.Status.Conditions, corev1beta1.PendingRemovalReady); before != nil && before.Reason == corev1beta1.ReasonRemovalFailed {
		name, _, _ := strings.Cut(before.Message, ": ")
		if before.Message == message || name != cluster && entryOf(removal, name) != nil {
			return
		}
	}
	next := removal.DeepCopy()
	next.Status.ObservedGeneration = next.Generation
	meta.SetStatusCondition(&next.Status.Conditions, metav1.Condition{
		Type: corev1beta1.PendingRemovalReady, Status: metav1.ConditionFalse, ObservedGeneration: next.Generation,
		Reason: corev1beta1.ReasonRemovalFailed, Message: truncate(message, mostMessage),
	})
	if _, err := c.removals.client.UpdateStatus(ctx, next, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		klog.FromContext(ctx).V(2).Info("Cannot say why a removal fails", "removal", removal.Name, "err", err)
	}
}
