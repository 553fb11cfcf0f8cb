// Package typeconfigprotection keeps a FederatedTypeConfig from being deleted, or
// from naming another federated type, while objects of its federated type exist:
// they would stay in storage where nobody can reach them, and their copies in the
// members.
package typeconfigprotection

import (
	"context"
	"errors"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/admission"

	"github.com/kubefederation/federation-apiserver/apis/core"
)

// PluginName is the name of the plugin for --enable-admission-plugins.
const PluginName = "TypeConfigProtection"

// Register adds the plugin to plugins.
func Register(plugins *admission.Plugins) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) {
		return New(), nil
	})
}

// ObjectCounter counts the objects of the federated type that the
// FederatedTypeConfig with the name enables. An error means that the number is
// not known.
type ObjectCounter interface {
	CountObjects(ctx context.Context, typeConfig string) (int64, error)
}

// WantsObjectCounter is a plugin that needs a counter; the namespace is the one
// whose FederatedTypeConfigs enable types.
type WantsObjectCounter interface {
	SetObjectCounter(namespace string, counter ObjectCounter)
}

// Initializer gives plugins the counter.
type Initializer struct {
	Namespace string
	Counter   ObjectCounter
}

// Initialize gives plugin the counter if it wants it.
func (i Initializer) Initialize(plugin admission.Interface) {
	if wants, ok := plugin.(WantsObjectCounter); ok {
		wants.SetObjectCounter(i.Namespace, i.Counter)
	}
}

// Plugin refuses deletions and changes.
type Plugin struct {
	*admission.Handler
	namespace string
	counter   ObjectCounter
}

var (
	_ admission.ValidationInterface     = &Plugin{}
	_ admission.InitializationValidator = &Plugin{}
	_ WantsObjectCounter                = &Plugin{}
)

// New makes a plugin that has no counter yet.
func New() *Plugin {
	return &Plugin{Handler: admission.NewHandler(admission.Delete, admission.Update)}
}

// SetObjectCounter gives the plugin what it counts with.
func (p *Plugin) SetObjectCounter(namespace string, counter ObjectCounter) {
	p.namespace, p.counter = namespace, counter
}

// ValidateInitialization checks that the plugin has a counter.
func (p *Plugin) ValidateInitialization() error {
	if p.counter == nil || p.namespace == "" {
		return errors.New(PluginName + " needs a counter of objects and the system namespace")
	}
	return nil
}

// Validate refuses the deletion of a FederatedTypeConfig with objects, one by one
// too if a collection is deleted, and a change of its federated type.
func (p *Plugin) Validate(ctx context.Context, attributes admission.Attributes, _ admission.ObjectInterfaces) error {
	if attributes.GetResource().GroupResource() != core.Resource("federatedtypeconfigs") || attributes.GetSubresource() != "" {
		return nil
	}
	config, ok := attributes.GetOldObject().(*core.FederatedTypeConfig)
	if !ok || config.Namespace != p.namespace {
		return nil
	}
	orphan := config.Annotations[core.OrphanObjectsAnnotation] == "true"
	if changed, ok := attributes.GetObject().(*core.FederatedTypeConfig); ok && attributes.GetOperation() == admission.Update {
		if changed.Spec.FederatedType == config.Spec.FederatedType {
			return nil
		}
		// Objects of one kind cannot be read as objects of another from the same place.
		orphan = orphan && changed.Spec.FederatedType.PluralName != config.Spec.FederatedType.PluralName
	} else if config.DeletionTimestamp != nil {
		return nil
	}
	if orphan {
		return nil
	}

	federated := config.Spec.FederatedType
	count, err := p.counter.CountObjects(ctx, config.Name)
	if err != nil {
		return apierrors.NewServiceUnavailable(fmt.Sprintf("cannot tell whether objects of %s exist: %v", federated.PluralName, err))
	}
	if count == 0 {
		return nil
	}
	return apierrors.NewConflict(attributes.GetResource().GroupResource(), config.Name, fmt.Errorf(
		"%d objects of %s.%s exist; delete them first (kubectl delete %s --all --all-namespaces), or set the annotation %s=true on the FederatedTypeConfig to leave them in storage and their copies in the members",
		count, federated.PluralName, federated.Group, federated.PluralName, core.OrphanObjectsAnnotation))
}
