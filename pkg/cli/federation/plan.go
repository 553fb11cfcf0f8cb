package federation

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/plan"
)

// Planner makes plans of objects, reading what they share once.
type Planner struct {
	client   *Client
	types    []corev1beta1.FederatedTypeConfig
	clusters []corev1beta1.KubeFedCluster
	confined bool
	// namespaces has FederatedNamespaces by name, nil for those that are not there.
	namespaces map[string]*typesv1beta1.FederatedObject
}

// Planner reads the types, the clusters and the configuration of the federation.
func (c *Client) Planner(ctx context.Context) (*Planner, error) {
	p := &Planner{client: c, namespaces: map[string]*typesv1beta1.FederatedObject{}}
	var err error
	if p.types, err = c.TypeConfigs(ctx); err != nil {
		return nil, err
	}
	if p.clusters, err = c.Clusters(ctx); err != nil {
		return nil, err
	}
	p.confined, err = c.Confined(ctx)
	return p, err
}

// Types returns the federated types.
func (p *Planner) Types() []corev1beta1.FederatedTypeConfig { return p.types }

// SetNamespace has plans made as if a FederatedNamespace were as given.
func (p *Planner) SetNamespace(namespace *typesv1beta1.FederatedObject) {
	p.namespaces[namespace.Name] = namespace
}

// Plan makes the plan of an object, which need not be stored.
func (p *Planner) Plan(ctx context.Context, config *corev1beta1.FederatedTypeConfig, object *typesv1beta1.FederatedObject) (*plan.Plan, error) {
	in := plan.Input{Object: object, Type: config, Clusters: p.clusters, Confined: p.confined, SystemNamespace: p.client.SystemNamespace}
	if config.Spec.TargetType.Scope == corev1beta1.NamespaceScoped {
		i := slices.IndexFunc(p.types, func(config corev1beta1.FederatedTypeConfig) bool { return IsNamespaces(&config) })
		if i < 0 || p.types[i].Spec.Propagation != corev1beta1.PropagationEnabled {
			in.NamespacesDisabled = true
		} else {
			var err error
			if in.Namespace, err = p.namespace(ctx, &p.types[i], object.Namespace); err != nil {
				return nil, err
			}
		}
	}
	return plan.New(in)
}

func (p *Planner) namespace(ctx context.Context, config *corev1beta1.FederatedTypeConfig, name string) (*typesv1beta1.FederatedObject, error) {
	if namespace, known := p.namespaces[name]; known {
		return namespace, nil
	}
	namespace, err := p.client.Get(ctx, config, name, name)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	p.namespaces[name] = namespace
	return namespace, nil
}

// Plan reads an object and makes its plan.
func (c *Client) Plan(ctx context.Context, named *Named) (*plan.Plan, error) {
	planner, err := c.Planner(ctx)
	if err != nil {
		return nil, err
	}
	object, err := c.Object(ctx, named)
	if err != nil {
		return nil, err
	}
	return planner.Plan(ctx, named.Type, object)
}

// PlanOf reads the object that the arguments of a command name, and makes its plan.
func (c *Client) PlanOf(ctx context.Context, args []string) (*Named, *plan.Plan, error) {
	named, err := c.Find(ctx, args)
	if err != nil {
		return nil, nil, err
	}
	made, err := c.Plan(ctx, named)
	return named, made, err
}
