// Package authorauthorization lets nobody do in the members, with the rights that
// the federation has there, what they may not do in the host cluster: who writes a
// federated object must be allowed to write its target, in that namespace, by the
// host's authorization.
//
// KubeFed let everybody who could write federated objects write anything that they
// stand for.
package authorauthorization

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"

	"github.com/kubefederation/federation-apiserver/apis/core"
	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/apis/scheduling"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// PluginName is the name of the plugin for --enable-admission-plugins.
const PluginName = "AuthorAuthorization"

// Policy says what becomes of a write whose author has not the rights.
type Policy string

const (
	// Enforce refuses it.
	Enforce Policy = "Enforce"
	// Warn lets it pass with a warning to its author.
	Warn Policy = "Warn"
	// Off lets it pass, as KubeFed did, and asks nobody.
	Off Policy = "Off"
)

// Policies are all policies.
var Policies = []Policy{Enforce, Warn, Off}

// answerLimit bounds all questions about one write together.
const answerLimit = 10 * time.Second

// Register adds the plugin to plugins.
func Register(plugins *admission.Plugins) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) {
		return New(), nil
	})
}

// Kinds tells what federated kinds stand for.
type Kinds interface {
	// TypeConfig returns the FederatedTypeConfig of the federated kind that is
	// served as a resource of the group types.kubefed.io.
	TypeConfig(resource string) (*corev1beta1.FederatedTypeConfig, bool)
	// TypeConfigOfKind returns that of the federated kind with a name, nil if none
	// is enabled. ok is false while it is not known which are.
	TypeConfigOfKind(kind string) (config *corev1beta1.FederatedTypeConfig, ok bool)
}

// WantsPolicy is a plugin that needs policy and kinds.
type WantsPolicy interface {
	SetPolicy(policy Policy, kinds Kinds)
}

// Initializer gives plugins policy and kinds.
type Initializer struct {
	Policy Policy
	Kinds  Kinds
}

// Initialize gives plugin policy and kinds if it wants them.
func (i Initializer) Initialize(plugin admission.Interface) {
	if wants, ok := plugin.(WantsPolicy); ok {
		wants.SetPolicy(i.Policy, i.Kinds)
	}
}

// Plugin refuses writes whose author has not the rights.
type Plugin struct {
	*admission.Handler
	policy     Policy
	kinds      Kinds
	authorizer authorizer.UnconditionalAuthorizer
	roles      rbacv1client.ClusterRolesGetter
	namespaces corev1listers.NamespaceLister
}

var (
	_ admission.ValidationInterface                = &Plugin{}
	_ initializer.WantsUnconditionalAuthorizer     = &Plugin{}
	_ initializer.WantsExternalKubeClientSet       = &Plugin{}
	_ initializer.WantsExternalKubeInformerFactory = &Plugin{}
	_ WantsPolicy                                  = &Plugin{}
)

// New makes a plugin that knows nobody to ask yet.
func New() *Plugin {
	return &Plugin{Handler: admission.NewHandler(admission.Create, admission.Update)}
}

// SetPolicy gives the plugin policy and kinds.
func (p *Plugin) SetPolicy(policy Policy, kinds Kinds) { p.policy, p.kinds = policy, kinds }

// SetUnconditionalAuthorizer gives the plugin the authorizer of the server, which
// asks the host and keeps the answers for some seconds.
func (p *Plugin) SetUnconditionalAuthorizer(authorizer authorizer.UnconditionalAuthorizer) {
	p.authorizer = authorizer
}

// SetExternalKubeClientSet gives the plugin the host's roles.
func (p *Plugin) SetExternalKubeClientSet(host kubernetes.Interface) { p.roles = host.RbacV1() }

// SetExternalKubeInformerFactory gives the plugin the host's namespaces.
func (p *Plugin) SetExternalKubeInformerFactory(host informers.SharedInformerFactory) {
	namespaces := host.Core().V1().Namespaces()
	p.namespaces = namespaces.Lister()
	p.SetReadyFunc(namespaces.Informer().HasSynced)
}

// ValidateInitialization checks that the plugin has everything.
func (p *Plugin) ValidateInitialization() error {
	if !slices.Contains(Policies, p.policy) || p.kinds == nil || p.authorizer == nil || p.roles == nil || p.namespaces == nil {
		return errors.New(PluginName + " needs a policy, the federated kinds, an authorizer, and roles and namespaces of the host")
	}
	return nil
}

// Validate refuses a write whose author may not write in the host what it has
// written in the members. It asks about what a write changes, dry runs included.
func (p *Plugin) Validate(ctx context.Context, attributes admission.Attributes, _ admission.ObjectInterfaces) error {
	if p.policy == Off {
		return nil
	}
	author := attributes.GetUserInfo()
	if author == nil {
		return apierrors.NewForbidden(attributes.GetResource().GroupResource(), attributes.GetName(), errors.New("nobody is known as its author"))
	}
	// The server's own controllers are among these.
	if slices.Contains(author.GetGroups(), user.SystemPrivilegedGroup) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	w := &write{Plugin: p, author: author, resource: attributes.GetResource().GroupResource(), namespace: attributes.GetNamespace()}
	err := w.check(ctx, attributes)
	if err != nil && p.policy == Warn {
		warning.AddWarning(ctx, "", "would be refused with --author-authorization=Enforce: "+err.Error())
		return nil
	}
	return err
}

// write is a write to one object, with its author.
type write struct {
	*Plugin
	author          user.Info
	resource        resource
	namespace, name string
}

// check asks what the kind of object calls for.
func (w *write) check(ctx context.Context, attributes admission.Attributes) error {
	subresource := attributes.GetSubresource()
	switch obj := attributes.GetObject().(type) {
	case *typesv1beta1.FederatedObject:
		if subresource != "" {
			return nil // the right to it is all
		}
		w.name = obj.Name
		old, _ := attributes.GetOldObject().(*typesv1beta1.FederatedObject)
		return w.checkObject(ctx, obj, old)
	case *autoscalingv1.Scale:
		w.name = obj.Name
		if old, ok := attributes.GetOldObject().(*autoscalingv1.Scale); ok && old.Spec.Replicas == obj.Spec.Replicas {
			return nil
		}
		return w.checkScale(ctx)
	case *scheduling.ReplicaSchedulingPreference:
		if subresource != "" {
			return nil
		}
		w.name = obj.Name
		if old, ok := attributes.GetOldObject().(*scheduling.ReplicaSchedulingPreference); ok && old.Generation == obj.Generation {
			return nil
		}
		return w.checkPreference(ctx, obj)
	case *core.KubeFedCluster:
		if subresource != "" {
			return nil
		}
		w.name = obj.Name
		old, _ := attributes.GetOldObject().(*core.KubeFedCluster)
		return w.checkCluster(ctx, obj, old)
	}
	return nil
}

// refuse is the answer to an author who has not the rights.
func (w *write) refuse(format string, args ...any) error {
	return apierrors.NewForbidden(w.resource, w.name, fmt.Errorf(format, args...))
}
