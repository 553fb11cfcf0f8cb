package propagation

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// reasonRecreate is the reason of the event about a copy that is deleted to be made
// anew.
const reasonRecreate = "RecreateInCluster"

// namedFields is how many fields a message names.
const namedFields = 4

// immutableWords are in what API servers, and rules of CustomResourceDefinitions,
// say of a field that must stay as it is.
var immutableWords = regexp.MustCompile(`(?i)immutable|may not change|cannot change|can ?not be changed|must not be changed|may not be changed|` +
	`updates to .* are forbidden|may not be (updated|modified)|field is fixed`)

// immutableFields returns the fields that a member refused to change, by the
// causes in its answer; none if that is not why it refused.
func immutableFields(err error) []string {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var fields []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Field != "" && immutableWords.MatchString(cause.Message) && !slices.Contains(fields, cause.Field) {
			fields = append(fields, cause.Field)
		}
	}
	return fields
}

func fieldList(fields []string) string {
	if more := len(fields) - namedFields; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(fields[:namedFields], ", "), more)
	}
	return strings.Join(fields, ", ")
}

// holdsData says that the deletion of an object of a type loses what is in it.
func holdsData(target schema.GroupVersionKind) bool {
	switch target.GroupKind() {
	case schema.GroupKind{Kind: "Namespace"}, schema.GroupKind{Kind: "PersistentVolumeClaim"},
		schema.GroupKind{Kind: "PersistentVolume"}, schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return true
	}
	return false
}

// allowsRecreation says whether obj allows that its copies are deleted to be made
// anew, and else the value of the annotation that would.
func allowsRecreation(target schema.GroupVersionKind, obj *typesv1beta1.FederatedObject) (allowed bool, value string) {
	value = typesv1beta1.RecreateImmutableTrue
	if holdsData(target) {
		value = typesv1beta1.RecreateImmutableIncludingData
	}
	given := obj.Annotations[typesv1beta1.RecreateImmutableAnnotation]
	return given == value || given == typesv1beta1.RecreateImmutableIncludingData, value
}

// immutable is the outcome of an apply that would have changed fields that the
// member does not let change: the copy is made anew if its object allows that, and
// else somebody has to do something.
func (w *memberWorker) immutable(ctx context.Context, t *task, op operation, fields []string, err error) outcome {
	o := t.failed(op, err)
	o.retry, o.after = retryAfter, w.c.config.MaxBackoff
	what := refused + fieldList(fields) + " cannot be changed in the cluster: "
	if !t.v.exists || t.v.observed.Managed != typesv1beta1.ManagedLabelValueTrue {
		o.result.message = what + "it has such an object already, which is not a copy; delete that, or make the template match it"
		return o
	}
	allowed, value := allowsRecreation(t.k.target, t.obj)
	if !allowed {
		o.result.message = what + fmt.Sprintf("set the former value again, or annotate the federated object with %s=%s to have the copy deleted and made anew",
			typesv1beta1.RecreateImmutableAnnotation, value)
		return o
	}
	if delay := w.repairs.delay(t.key, w.c.now()); delay > 0 {
		o.after, o.result.message = delay, what+"the copy has been made anew again and again; it is done ever more seldom"
		return o
	}
	return w.recreate(ctx, t, fields)
}

// recreate deletes a copy to make it anew. Its end brings the copy back.
func (w *memberWorker) recreate(ctx context.Context, t *task, fields []string) outcome {
	live, err := t.k.source.Get(ctx, t.obj.Namespace, t.obj.Name)
	if err != nil {
		return undecided(fmt.Errorf("read the object before its copy is made anew: %w", err))
	}
	if allowed, _ := allowsRecreation(t.k.target, live); !allowed || live.UID != t.obj.UID || live.Generation != t.obj.Generation || live.DeletionTimestamp != nil {
		return undecided(nil)
	}
	if host, err := w.c.isHostNamespace(ctx, t.k, t.name().Name, t.v.observed.UID); host || err != nil {
		return undecided(err)
	}
	foreground := metav1.DeletePropagationForeground
	gone, err := t.copies.Delete(ctx, t.name(), t.v.observed.UID, metav1.DeleteOptions{PropagationPolicy: &foreground})
	var other *members.NotOursError
	switch {
	case errors.As(err, &other), apierrors.IsConflict(err):
		return undecided(err)
	case err != nil:
		return t.failed(opDelete, err)
	}
	message := fmt.Sprintf("the copy is deleted and made anew, for %s cannot be changed", fieldList(fields))
	w.c.announcer.events.Eventf(t.k.reference(t.obj), corev1.EventTypeNormal, reasonRecreate, "%s %q in cluster %q: %s",
		t.k.target.Kind, displayName(t.name().Namespace, t.name().Name), w.name, message)
	o := t.done(result{status: typesv1beta1.Pending, message: message, operation: opUpdate})
	o.settled = false
	if gone {
		o.retry = retryBackoff
	}
	return o
}

// retryUpdates tries again at once what a member refused to update.
func (c *Controller) retryUpdates(k *kind, obj *typesv1beta1.FederatedObject) {
	for i := range obj.Status.Clusters {
		entry := &obj.Status.Clusters[i]
		if entry.Status != typesv1beta1.UpdateFailed {
			continue
		}
		if w := c.worker(entry.Name); w != nil {
			w.queue.Forget(k.keyOf(obj))
			w.queue.Add(k.keyOf(obj))
		}
	}
}
