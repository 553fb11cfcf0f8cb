// Package schedulingtarget refuses ReplicaSchedulingPreferences for kinds that
// have no replicas to schedule: spec.targetKind must be an enabled federated kind
// whose target has spec.replicas.
package schedulingtarget

import (
	"context"
	"errors"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/admission"

	"github.com/kubefederation/federation-apiserver/apis/scheduling"
)

// PluginName is the name of the plugin for --enable-admission-plugins.
const PluginName = "SchedulingTarget"

// Register adds the plugin to plugins.
func Register(plugins *admission.Plugins) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) {
		return New(), nil
	})
}

// Kinds tells about federated kinds.
type Kinds interface {
	// ReplicatedKinds returns the enabled kinds whose target has spec.replicas, or
	// may have: where the schema of the target is not known. ok is false while it is
	// not known which kinds are enabled.
	ReplicatedKinds() (names []string, ok bool)
}

// WantsKinds is a plugin that needs the kinds.
type WantsKinds interface {
	SetKinds(kinds Kinds)
}

// Initializer gives plugins the kinds.
type Initializer struct {
	Kinds Kinds
}

// Initialize gives plugin the kinds if it wants them.
func (i Initializer) Initialize(plugin admission.Interface) {
	if wants, ok := plugin.(WantsKinds); ok {
		wants.SetKinds(i.Kinds)
	}
}

// Plugin refuses preferences.
type Plugin struct {
	*admission.Handler
	kinds Kinds
}

var (
	_ admission.ValidationInterface     = &Plugin{}
	_ admission.InitializationValidator = &Plugin{}
	_ WantsKinds                        = &Plugin{}
)

// New makes a plugin that has no kinds yet.
func New() *Plugin {
	return &Plugin{Handler: admission.NewHandler(admission.Create)}
}

// SetKinds gives the plugin what it asks.
func (p *Plugin) SetKinds(kinds Kinds) { p.kinds = kinds }

// ValidateInitialization checks that the plugin has the kinds.
func (p *Plugin) ValidateInitialization() error {
	if p.kinds == nil {
		return errors.New(PluginName + " needs the federated kinds")
	}
	return nil
}

// Validate refuses a new preference for a kind that is not enabled or has no
// replicas. Of one that exists, the kind does not change; if its type is disabled,
// its condition Scheduled says so.
func (p *Plugin) Validate(_ context.Context, attributes admission.Attributes, _ admission.ObjectInterfaces) error {
	preference, ok := attributes.GetObject().(*scheduling.ReplicaSchedulingPreference)
	if !ok || attributes.GetSubresource() != "" || preference.Spec.TargetKind == "" {
		return nil
	}
	names, known := p.kinds.ReplicatedKinds()
	if !known {
		return nil
	}
	for _, name := range names {
		if name == preference.Spec.TargetKind {
			return nil
		}
	}
	path, given := field.NewPath("spec", "targetKind"), preference.Spec.TargetKind
	problem := field.NotSupported(path, given, names)
	if len(names) == 0 {
		problem = field.Invalid(path, given, "no type with replicas is federated: enable one by a FederatedTypeConfig")
	} else {
		problem.Detail = fmt.Sprintf("must be a federated kind that a FederatedTypeConfig enables and whose target has spec.replicas; %s", problem.Detail)
	}
	return apierrors.NewInvalid(attributes.GetKind().GroupKind(), attributes.GetName(), field.ErrorList{problem})
}
