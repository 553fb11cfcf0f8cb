// Package deniedtargets keeps the federation from being pointed at what must not
// be written to from outside a cluster by default: types that could take over
// another cluster's API, and the namespaces that clusters and the federation
// itself run in. It is about everybody, whatever rights they have.
package deniedtargets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/admission"

	"github.com/kubefederation/federation-apiserver/apis/core"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// PluginName is the name of the plugin for --enable-admission-plugins.
const PluginName = "DeniedTargets"

// DefaultTypes are the types that are denied by default, beside those that can
// never be federated: what they say is asked about every write in a cluster.
var DefaultTypes = []string{
	"mutatingwebhookconfigurations.admissionregistration.k8s.io",
	"validatingwebhookconfigurations.admissionregistration.k8s.io",
	"mutatingadmissionpolicies.admissionregistration.k8s.io",
	"mutatingadmissionpolicybindings.admissionregistration.k8s.io",
	"validatingadmissionpolicies.admissionregistration.k8s.io",
	"validatingadmissionpolicybindings.admissionregistration.k8s.io",
}

// Register adds the plugin to plugins.
func Register(plugins *admission.Plugins) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) {
		return New(), nil
	})
}

// Rules say what is denied.
type Rules struct {
	// Types that no new FederatedTypeConfig may have as target.
	Types sets.Set[schema.GroupResource]
	// SystemNamespace is that of the federation.
	SystemNamespace string
	// AllowedNamespaces are namespaces of the system that may be written to.
	AllowedNamespaces sets.Set[string]
	// Confined says whether the federation acts in the system namespace only, which
	// is then what it is for. An error means that this is not known.
	Confined func(context.Context) (bool, error)
}

// WantsRules is a plugin that needs the rules.
type WantsRules interface {
	SetRules(rules Rules)
}

// Initializer gives plugins the rules.
type Initializer struct {
	Rules Rules
}

// Initialize gives plugin the rules if it wants them.
func (i Initializer) Initialize(plugin admission.Interface) {
	if wants, ok := plugin.(WantsRules); ok {
		wants.SetRules(i.Rules)
	}
}

// Plugin refuses what is denied.
type Plugin struct {
	*admission.Handler
	rules Rules
}

var (
	_ admission.ValidationInterface     = &Plugin{}
	_ admission.InitializationValidator = &Plugin{}
	_ WantsRules                        = &Plugin{}
)

// New makes a plugin that has no rules yet.
func New() *Plugin {
	return &Plugin{Handler: admission.NewHandler(admission.Create, admission.Update)}
}

// SetRules gives the plugin its rules.
func (p *Plugin) SetRules(rules Rules) { p.rules = rules }

// ValidateInitialization checks that the plugin has rules.
func (p *Plugin) ValidateInitialization() error {
	if p.rules.SystemNamespace == "" || p.rules.Confined == nil {
		return errors.New(PluginName + " needs the system namespace and its scope")
	}
	return nil
}

// Validate refuses a new FederatedTypeConfig of a denied type, and a federated
// object in a namespace of the system that is new or asks for something else than
// before. What is there already can be labelled and deleted.
func (p *Plugin) Validate(ctx context.Context, attributes admission.Attributes, _ admission.ObjectInterfaces) error {
	if attributes.GetSubresource() != "" {
		return nil
	}
	switch obj := attributes.GetObject().(type) {
	case *core.FederatedTypeConfig:
		if attributes.GetOperation() == admission.Create {
			return p.validateType(obj, attributes)
		}
	case *typesv1beta1.FederatedObject:
		if old, ok := attributes.GetOldObject().(*typesv1beta1.FederatedObject); ok && old.Generation == obj.Generation {
			return nil
		}
		return p.validateNamespace(ctx, obj, attributes)
	}
	return nil
}

func (p *Plugin) validateType(config *core.FederatedTypeConfig, attributes admission.Attributes) error {
	target := schema.GroupResource{Group: config.Spec.TargetType.Group, Resource: config.Spec.TargetType.PluralName}
	if !p.rules.Types.Has(target) {
		return nil
	}
	return apierrors.NewInvalid(attributes.GetKind().GroupKind(), config.Name, field.ErrorList{field.Forbidden(field.NewPath("spec", "targetType"),
		fmt.Sprintf("%s cannot be federated: --denied-target-types of the server names it", target))})
}

func (p *Plugin) validateNamespace(ctx context.Context, obj *typesv1beta1.FederatedObject, attributes admission.Attributes) error {
	namespace := obj.Namespace
	if !p.isSystem(namespace) || p.rules.AllowedNamespaces.Has(namespace) {
		return nil
	}
	if namespace == p.rules.SystemNamespace {
		confined, err := p.rules.Confined(ctx)
		if err != nil {
			return apierrors.NewServiceUnavailable(fmt.Sprintf("cannot tell whether the federation is confined to the namespace %s: %v", namespace, err))
		}
		if confined {
			return nil
		}
	}
	return apierrors.NewForbidden(attributes.GetResource().GroupResource(), obj.Name, field.Forbidden(field.NewPath("metadata", "namespace"),
		fmt.Sprintf("nothing is propagated to the namespace %q, which clusters need for themselves; --allowed-system-namespaces of the server makes an exception", namespace)))
}

// isSystem says whether a namespace is one that clusters or the federation run in.
func (p *Plugin) isSystem(namespace string) bool {
	switch namespace {
	case metav1.NamespaceSystem, metav1.NamespacePublic, "kube-node-lease", p.rules.SystemNamespace:
		return namespace != ""
	}
	return false
}

// ParseTypes reads types that are denied: RESOURCE or RESOURCE.GROUP each.
func ParseTypes(names []string) (sets.Set[schema.GroupResource], error) {
	types := sets.New[schema.GroupResource]()
	for _, name := range names {
		resource := schema.ParseGroupResource(name)
		if resource.Resource == "" || strings.ContainsAny(name, "/ *") || name != strings.ToLower(name) {
			return nil, fmt.Errorf("%q must be RESOURCE.GROUP, such as %s, or RESOURCE for a type of the core group", name, DefaultTypes[0])
		}
		types.Insert(resource)
	}
	return types, nil
}
