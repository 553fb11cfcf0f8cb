// Package kubefedconfig stores the configuration of the control plane.
package kubefedconfig

import (
	"context"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/storage/names"

	"github.com/kubefederation/federation-apiserver/apis/core"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

// strategy holds the rules for creating, updating and deleting a KubeFedConfig,
// which has no status.
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

// PrepareForCreate starts to count changes of the spec.
func (strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	obj.(*core.KubeFedConfig).Generation = 1
}

// PrepareForUpdate counts changes of the spec.
func (strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	config, oldConfig := obj.(*core.KubeFedConfig), old.(*core.KubeFedConfig)
	if !apiequality.Semantic.DeepEqual(config.Spec, oldConfig.Spec) {
		config.Generation = oldConfig.Generation + 1
	}
}

// Validate validates a new object.
func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	return validation.ValidateKubeFedConfig(obj.(*core.KubeFedConfig))
}

// ValidateUpdate validates a changed object.
func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validation.ValidateKubeFedConfigUpdate(obj.(*core.KubeFedConfig), old.(*core.KubeFedConfig))
}

// WarningsOnCreate has none.
func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

// WarningsOnUpdate has none.
func (strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

// Canonicalize has nothing to do.
func (strategy) Canonicalize(runtime.Object) {}
