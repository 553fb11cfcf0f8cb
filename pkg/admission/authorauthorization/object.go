package authorauthorization

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// checkObject is about a federated object. old is nil for a new one. What is
// neither spec nor the record that a plan for replicas is taken back by changes
// nothing in the members.
func (w *write) checkObject(ctx context.Context, obj, old *typesv1beta1.FederatedObject) error {
	verbs := []string{"create"}
	if old != nil {
		const record = schedulingv1alpha1.SchedulingAnnotation
		replanned := old.Annotations[record] != obj.Annotations[record]
		placed := !apiequality.Semantic.DeepEqual(old.Spec.Placement, obj.Spec.Placement)
		switch {
		case replanned, placed:
			verbs = []string{"update", "create"} // there may be copies where there were none
		case old.Generation != obj.Generation:
			verbs = []string{"update"}
		default:
			return nil
		}
	}
	target, err := w.target()
	if err != nil {
		return err
	}
	asked := target.question(obj)
	if err := w.needs(ctx, asked, "the federation writes it in the members for its author", verbs...); err != nil {
		return err
	}
	if !target.isEscalating() && !target.isNamespace() && !reachesAPIVersion(obj) {
		return nil
	}

	v := variantsOf(obj, target)
	if v.incomplete && reachesAPIVersion(obj) {
		return w.refuse("spec.overrides: what types overrides of /apiVersion lead to cannot be told, as more than %d combinations of overrides are possible", mostVariants)
	}
	for _, group := range v.groups() {
		if group == target.resource.Group {
			continue
		}
		asked.resource.Group = group
		if err := w.needs(ctx, asked, "overrides of /apiVersion make it that", verbs...); err != nil {
			return err
		}
	}
	if err := w.checkEscalation(ctx, target, obj, v); err != nil {
		return err
	}
	if target.isNamespace() || target.resource.Resource == "namespaces" && v.has("") {
		return w.checkPodSecurity(ctx, target, v, old)
	}
	return nil
}

// checkScale is about the replicas of a federated object: who may scale the target
// may scale it in the members.
func (w *write) checkScale(ctx context.Context) error {
	target, err := w.target()
	if err != nil {
		return err
	}
	asked := question{verb: "update", resource: target.resource, subresource: "scale", namespace: w.namespace, name: w.name}
	if allowed, err := w.may(ctx, asked); allowed || err != nil {
		return err
	}
	asked.subresource = ""
	return w.needs(ctx, asked, "the federation scales it in the members for its author", "update")
}

// target is what the federated kind that is written to stands for.
func (w *write) target() (*target, error) {
	config, ok := w.kinds.TypeConfig(w.resource.Resource)
	if !ok {
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("%s are not served any more", w.resource))
	}
	return targetOf(config), nil
}

// target is a type that is federated.
type target struct {
	resource   resource
	version    string
	kind       string
	namespaced bool
}

func targetOf(config *corev1beta1.FederatedTypeConfig) *target {
	t := config.Spec.TargetType
	return &target{
		resource:   resource{Group: t.Group, Resource: t.PluralName},
		version:    schema.GroupVersion{Group: t.Group, Version: t.Version}.String(),
		kind:       t.Kind,
		namespaced: t.Scope == corev1beta1.NamespaceScoped,
	}
}

// question is about the object that obj stands for.
func (t *target) question(obj *typesv1beta1.FederatedObject) question {
	q := question{resource: t.resource, name: obj.Name}
	switch {
	case t.isNamespace():
		q.namespace = obj.Name
	case t.namespaced:
		q.namespace = obj.Namespace
	}
	return q
}

func (t *target) isNamespace() bool { return isNamespaces(t.resource) }
