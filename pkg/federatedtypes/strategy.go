package federatedtypes

import (
	"bytes"
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/types"
)

// strategy has the rules for writes to a kind. It asks the kind for what may
// change while the kind is served: mode of propagation, target, schema.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	kind   *Kind
	config *Config
}

var (
	_ rest.RESTCreateStrategy  = strategy{}
	_ rest.RESTUpdateStrategy  = strategy{}
	_ rest.RESTDeleteStrategy  = strategy{}
	_ rest.ResetFieldsStrategy = strategy{}
	_ rest.RESTUpdateStrategy  = statusStrategy{}
	_ rest.ResetFieldsStrategy = statusStrategy{}
)

func newStrategy(kind *Kind, scheme *runtime.Scheme, config *Config) strategy {
	return strategy{ObjectTyper: scheme, NameGenerator: names.SimpleNameGenerator, kind: kind, config: config}
}

func (s strategy) NamespaceScoped() bool                         { return s.kind.namespaced }
func (s strategy) AllowCreateOnUpdate(context.Context) bool      { return false }
func (s strategy) AllowUnconditionalUpdate(context.Context) bool { return false }
func (s strategy) Canonicalize(runtime.Object)                   {}

// PrepareForCreate drops a status that the user sent, and takes the object into
// the care of the propagation in the same write.
func (s strategy) PrepareForCreate(ctx context.Context, obj runtime.Object) {
	federated := obj.(*typesv1beta1.FederatedObject)
	federated.Status = typesv1beta1.FederatedObjectStatus{}
	federated.Generation = 1
	federated.Status.LastChange = lastChange(ctx, nil, federated.Generation)
	if s.kind.propagates() {
		federated.Status.Conditions = unseenConditions(time.Now())
	}
	s.prune(federated)
	s.keepSyncFinalizer(federated)
	s.recordPlaces(ctx, federated)
}

// unseenConditions are those of an object that the propagation has not looked at
// yet. An object without conditions is taken for ready by tools that follow
// kstatus.
func unseenConditions(now time.Time) []typesv1beta1.Condition {
	condition := func(conditionType string, status corev1.ConditionStatus) typesv1beta1.Condition {
		return typesv1beta1.Condition{
			Type: conditionType, Status: status, ObservedGeneration: 1,
			Reason: "Progressing", Message: "the object has not been looked at yet",
			LastTransitionTime: metav1.NewTime(now).Rfc3339Copy(),
		}
	}
	return []typesv1beta1.Condition{
		condition(typesv1beta1.ReadyCondition, corev1.ConditionUnknown),
		condition(typesv1beta1.ReconcilingCondition, corev1.ConditionTrue),
	}
}

// PrepareForUpdate keeps the status, and counts the generation only if the spec
// says something else than before. A template that says the same in other bytes
// stays as it is stored, so that nothing is written.
func (s strategy) PrepareForUpdate(ctx context.Context, obj, old runtime.Object) {
	federated, stored := obj.(*typesv1beta1.FederatedObject), old.(*typesv1beta1.FederatedObject)
	federated.Status = stored.Status
	if !identical(federated, stored) {
		s.prune(federated)
		if sameTemplate(federated.Spec.Template, stored.Spec.Template) {
			federated.Spec.Template = stored.Spec.Template
		}
	}
	if identical(federated, stored) && sameSpec(&federated.Spec, &stored.Spec) {
		federated.Spec = stored.Spec
	} else {
		federated.Generation = stored.Generation + 1
		federated.Status.LastChange = lastChange(ctx, stored.Status.LastChange, federated.Generation)
		s.recordPlaces(ctx, federated)
	}
	if !syncFinalizerUnguarded(ctx) {
		s.keepSyncFinalizer(federated)
	}
}

// identical says that two templates have the same bytes, which PrepareForUpdate gives to those that say the same.
func identical(a, b *typesv1beta1.FederatedObject) bool {
	return bytes.Equal(a.Spec.Template.Raw, b.Spec.Template.Raw)
}

// Validate checks what the user wrote: ours by our rules, the template by the
// schema of the target.
func (s strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	federated := obj.(*typesv1beta1.FederatedObject)
	errs := validation.ValidateFederatedObject(federated, s.target())
	return append(errs, s.validateTemplate(federated)...)
}

// ValidateUpdate does not hold a schema against a template that stays as it is:
// the target's schema may have changed since.
func (s strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	federated, stored := obj.(*typesv1beta1.FederatedObject), old.(*typesv1beta1.FederatedObject)
	errs := validation.ValidateFederatedObjectUpdate(federated, stored, s.target())
	if !identical(federated, stored) {
		errs = append(errs, s.validateTemplate(federated)...)
	}
	return errs
}

func (s strategy) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	federated := obj.(*typesv1beta1.FederatedObject)
	return append(s.warnings(federated), validation.ApprovalWarnings(federated, nil)...)
}

func (s strategy) WarningsOnUpdate(_ context.Context, obj, old runtime.Object) []string {
	federated, stored := obj.(*typesv1beta1.FederatedObject), old.(*typesv1beta1.FederatedObject)
	warnings := validation.ApprovalWarnings(federated, stored)
	if federated.Generation == stored.Generation {
		return warnings
	}
	warnings = append(warnings, s.warnings(federated)...)
	if s.config.Clusters != nil {
		warnings = append(warnings, validation.WideningWarnings(federated, stored, s.config.Clusters())...)
	}
	return warnings
}

func (s strategy) warnings(obj *typesv1beta1.FederatedObject) []string {
	warnings := validation.Warnings(obj, s.target())
	if s.config.Clusters == nil {
		return warnings
	}
	if clusters := s.config.Clusters(); clusters != nil {
		warnings = append(warnings, validation.ClusterWarnings(obj, clusters)...)
	}
	return warnings
}

// GetResetFields names what users cannot set through the kind itself.
func (s strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return resetFields(fieldpath.NewSet(fieldpath.MakePathOrDie("status")))
}

func (s strategy) target() validation.Target {
	target := s.kind.TypeConfig().Spec.TargetType
	return validation.Target{
		APIVersion: metav1.GroupVersion{Group: target.Group, Version: target.Version}.String(),
		Kind:       target.Kind,
		Namespaced: isNamespaced(target),
	}
}

// keepSyncFinalizer makes the propagation see the deletion of the object. While
// the object is being deleted the finalizer may go.
func (s strategy) keepSyncFinalizer(obj *typesv1beta1.FederatedObject) {
	if obj.DeletionTimestamp != nil || !s.kind.propagates() || slices.Contains(obj.Finalizers, typesv1beta1.SyncFinalizer) {
		return
	}
	obj.Finalizers = append(slices.Clone(obj.Finalizers), typesv1beta1.SyncFinalizer)
}

// prune takes out of the template what the target's schema does not know. A
// template that is no object is left to validation.
func (s strategy) prune(obj *typesv1beta1.FederatedObject) {
	schema := s.kind.served.Load().template
	if schema == nil {
		return
	}
	content, err := decodeTemplate(obj.Spec.Template)
	if err != nil || len(schema.Prune(content, templatePath)) == 0 {
		return
	}
	obj.Spec.Template = encodeTemplate(content)
}

func (s strategy) validateTemplate(obj *typesv1beta1.FederatedObject) field.ErrorList {
	schema := s.kind.served.Load().template
	if schema == nil {
		return nil
	}
	content, err := decodeTemplate(obj.Spec.Template)
	if err != nil {
		return nil // reported as no object already
	}
	return schema.Validate(content, field.NewPath("spec", "template"))
}

// statusStrategy has the rules for writes to /status: nothing but the status.
type statusStrategy struct {
	strategy
}

// PrepareForUpdate keeps what is not the writer's to say: who changed the object and,
// if a client writes, what may be removed. An approval is an annotation, for which its
// author has to see the list.
func (s statusStrategy) PrepareForUpdate(ctx context.Context, obj, old runtime.Object) {
	federated, stored := obj.(*typesv1beta1.FederatedObject), old.(*typesv1beta1.FederatedObject)
	federated.Spec = stored.Spec
	federated.Status.LastChange = stored.Status.LastChange
	if isOfClient(ctx) {
		federated.Status.PausedRemoval = stored.Status.PausedRemoval
		federated.Status.ApprovedRemovals = stored.Status.ApprovedRemovals
		federated.Status.RecentRemovals = stored.Status.RecentRemovals
	}
	metav1.ResetObjectMetaForStatus(federated, stored)
}

func (s statusStrategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validation.ValidateFederatedObjectStatusUpdate(obj.(*typesv1beta1.FederatedObject), old.(*typesv1beta1.FederatedObject))
}

func (s statusStrategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

// GetResetFields names what users cannot set through /status.
func (s statusStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return resetFields(fieldpath.NewSet(
		fieldpath.MakePathOrDie("spec"),
		fieldpath.MakePathOrDie("status", "lastChange"),
		fieldpath.MakePathOrDie("status", "pausedRemoval"),
		fieldpath.MakePathOrDie("status", "approvedRemovals"),
		fieldpath.MakePathOrDie("status", "recentRemovals"),
		fieldpath.MakePathOrDie("metadata", "deletionTimestamp"),
		fieldpath.MakePathOrDie("metadata", "generation"),
		fieldpath.MakePathOrDie("metadata", "labels"),
		fieldpath.MakePathOrDie("metadata", "annotations"),
		fieldpath.MakePathOrDie("metadata", "finalizers"),
		fieldpath.MakePathOrDie("metadata", "ownerReferences"),
	))
}

func resetFields(set *fieldpath.Set) map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(typesv1beta1.SchemeGroupVersion.String()): set,
	}
}

type unguarded struct{}

// withoutSyncFinalizerGuard lets an update take the finalizer of the propagation.
func withoutSyncFinalizerGuard(ctx context.Context) context.Context {
	return context.WithValue(ctx, unguarded{}, true)
}

func syncFinalizerUnguarded(ctx context.Context) bool {
	return ctx.Value(unguarded{}) != nil
}

type ofClient struct{}

// withClient says that what is written is what a client sent.
func withClient(ctx context.Context) context.Context {
	return context.WithValue(ctx, ofClient{}, true)
}

func isOfClient(ctx context.Context) bool {
	return ctx.Value(ofClient{}) != nil
}
