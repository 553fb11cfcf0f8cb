// Package federatedtypeconfig stores which types are federated.
package federatedtypeconfig

import (
	"context"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

// strategy holds the rules for creating, updating and deleting a FederatedTypeConfig.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
}

func newStrategy(typer runtime.ObjectTyper) strategy {
	return strategy{ObjectTyper: typer, NameGenerator: names.SimpleNameGenerator}
}

// NamespaceScoped is true.
func (strategy) NamespaceScoped() bool { return true }

// AllowCreateOnUpdate is false: a PUT does not create.
func (strategy) AllowCreateOnUpdate(context.Context) bool { return false }

// AllowUnconditionalUpdate is false: an update says which version it is of.
func (strategy) AllowUnconditionalUpdate(context.Context) bool { return false }

// GetResetFields names what a write to the resource itself leaves alone.
func (strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(v1beta1.SchemeGroupVersion.String()): fieldpath.NewSet(fieldpath.MakePathOrDie("status")),
	}
}

// PrepareForCreate drops the status, which is not the client's to write here.
func (strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	config := obj.(*core.FederatedTypeConfig)
	config.Status = core.FederatedTypeConfigStatus{}
	config.Generation = 1
}

// PrepareForUpdate keeps the status, and counts changes of the spec.
func (strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	config, oldConfig := obj.(*core.FederatedTypeConfig), old.(*core.FederatedTypeConfig)
	config.Status = oldConfig.Status
	if !apiequality.Semantic.DeepEqual(config.Spec, oldConfig.Spec) {
		config.Generation = oldConfig.Generation + 1
	}
}

// Validate validates a new object.
func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	return validation.ValidateFederatedTypeConfig(obj.(*core.FederatedTypeConfig))
}

// ValidateUpdate validates a changed object.
func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validation.ValidateFederatedTypeConfigUpdate(obj.(*core.FederatedTypeConfig), old.(*core.FederatedTypeConfig))
}

// WarningsOnCreate has none.
func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

// WarningsOnUpdate has none.
func (strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

// Canonicalize has nothing to do.
func (strategy) Canonicalize(runtime.Object) {}

// statusStrategy holds the rules for updating the status subresource.
type statusStrategy struct {
	strategy
}

// GetResetFields names what a write to the status leaves alone.
func (statusStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(v1beta1.SchemeGroupVersion.String()): fieldpath.NewSet(
			fieldpath.MakePathOrDie("spec"),
			fieldpath.MakePathOrDie("metadata", "labels"),
			fieldpath.MakePathOrDie("metadata", "annotations"),
			fieldpath.MakePathOrDie("metadata", "finalizers"),
			fieldpath.MakePathOrDie("metadata", "ownerReferences"),
		),
	}
}

// PrepareForUpdate keeps everything but the status.
func (statusStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	config, oldConfig := obj.(*core.FederatedTypeConfig), old.(*core.FederatedTypeConfig)
	config.Spec = oldConfig.Spec
	metav1.ResetObjectMetaForStatus(&config.ObjectMeta, &oldConfig.ObjectMeta)
}

// ValidateUpdate validates the status.
func (statusStrategy) ValidateUpdate(_ context.Context, obj, _ runtime.Object) field.ErrorList {
	return validation.ValidateFederatedTypeConfigStatusUpdate(obj.(*core.FederatedTypeConfig))
}
