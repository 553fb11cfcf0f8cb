package federatedtypes

import (
	"context"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// deleteStrategy has the rules for deletions.
type deleteStrategy struct {
	strategy
}

var _ rest.RESTGracefulDeleteStrategy = deleteStrategy{}

// CheckGracefulDelete is asked in the write that marks an object as being deleted,
// the first time only. Whoever orphans an object's dependents (kubectl delete
// --cascade=orphan) wants to keep its copies too, and that has to be known when the
// host's garbage collector has taken its finalizer off again: so the annotation
// that says so is set in the same write, and so is who deletes it. There is no
// grace period.
func (deleteStrategy) CheckGracefulDelete(ctx context.Context, obj runtime.Object, options *metav1.DeleteOptions) bool {
	federated, ok := obj.(*typesv1beta1.FederatedObject)
	if !ok {
		return false
	}
	// The mark counts as a change: it makes the next generation.
	federated.Status.LastChange = lastChange(ctx, federated.Status.LastChange, federated.Generation+1)
	if orphans(options) {
		federated.Annotations = maps.Clone(federated.Annotations)
		if federated.Annotations == nil {
			federated.Annotations = map[string]string{}
		}
		federated.Annotations[typesv1beta1.OrphanAnnotation] = "true"
	}
	return false
}

// orphans says whether options ask for dependents to be kept, in the way of today
// or in that of old.
func orphans(options *metav1.DeleteOptions) bool {
	if options == nil {
		return false
	}
	if options.PropagationPolicy != nil {
		return *options.PropagationPolicy == metav1.DeletePropagationOrphan
	}
	return options.OrphanDependents != nil && *options.OrphanDependents //nolint:staticcheck // old clients still send it
}
