// Package plan says what the federation makes of a federated object, cluster by
// cluster, and why. It decides nothing itself: placements are evaluated and
// objects rendered by the packages that the server uses. No request is sent.
package plan

import (
	"fmt"
	"slices"
	"strings"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// Input is what a plan is made from.
type Input struct {
	// Object is the federated object.
	Object *typesv1beta1.FederatedObject
	// Type is its type.
	Type *corev1beta1.FederatedTypeConfig
	// Clusters are the members.
	Clusters []corev1beta1.KubeFedCluster
	// Namespace is the FederatedNamespace of the object's namespace, nil if there is
	// none, or if the type does not need one.
	Namespace *typesv1beta1.FederatedObject
	// NamespacesDisabled says that FederatedNamespaces are not propagated, so that
	// nobody knows where the object may go.
	NamespacesDisabled bool
	// Confined says that the federation works in one namespace only, where objects
	// need no FederatedNamespace.
	Confined bool
	// SystemNamespace is that of the federation.
	SystemNamespace string
}

// Cluster is what becomes of the object in one cluster.
type Cluster struct {
	// Name of the cluster.
	Name string
	// Member is the cluster; nil if it is none.
	Member *corev1beta1.KubeFedCluster
	// Selected says that it shall have a copy.
	Selected bool
	// Why says what decided that, one rule each.
	Why []string
	// Recorded is the state that the federation has reported, nil if none.
	Recorded *typesv1beta1.ClusterStatus
	// Rendered is the object for the cluster if it is selected, unless Err says why
	// there is none.
	Rendered *overrides.Rendered
	Err      error
}

// Exists says whether the federation has written a copy to the cluster.
func (c *Cluster) Exists() bool {
	return c.Recorded != nil && (c.Recorded.Version != "" || c.Recorded.Fingerprint != "")
}

// Plan is what becomes of an object.
type Plan struct {
	Input
	// Impediment says why no copy is written or removed anywhere, if that is so.
	Impediment string
	// Clusters are the members, and others that the object or its status names, by
	// name.
	Clusters []Cluster
	// needsNamespace says that the object goes only where its namespace goes.
	needsNamespace bool
	// targets is all members as placements see them.
	targets  []placement.Cluster
	renderer *overrides.Renderer
}

// New makes the plan. The error says that a placement is invalid, which is then
// true for every cluster.
func New(in Input) (*Plan, error) {
	p := &Plan{Input: in, targets: make([]placement.Cluster, 0, len(in.Clusters))}
	for i := range in.Clusters {
		p.targets = append(p.targets, placement.Cluster{Name: in.Clusters[i].Name, Labels: in.Clusters[i].Labels})
	}
	target := in.Type.Spec.TargetType
	p.needsNamespace = target.Scope == corev1beta1.NamespaceScoped && (in.Namespace != nil || !in.Confined)
	selected, err := p.decide()
	if err != nil {
		return nil, err
	}

	var renderErr error
	p.renderer, renderErr = overrides.NewRenderer(in.Object, Target(in.Type, in.Object))
	for _, name := range p.names() {
		c := Cluster{Name: name, Member: p.member(name), Selected: slices.Contains(selected, name), Recorded: recorded(in.Object, name)}
		c.Why = p.why(&c)
		switch {
		case !c.Selected:
		case renderErr != nil:
			c.Err = renderErr
		default:
			c.Rendered, c.Err = p.renderer.Render(overrides.Cluster{Name: name, Labels: c.Member.Labels}, c.Exists())
		}
		p.Clusters = append(p.Clusters, c)
	}
	return p, nil
}

// Find returns a cluster of the plan, nil if there is none of this name.
func (p *Plan) Find(name string) *Cluster {
	i := slices.IndexFunc(p.Clusters, func(c Cluster) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &p.Clusters[i]
}

// Target is the identity of the copies of an object.
func Target(config *corev1beta1.FederatedTypeConfig, object *typesv1beta1.FederatedObject) overrides.Target {
	target := config.Spec.TargetType
	identity := overrides.Target{APIVersion: target.Version, Kind: target.Kind, Name: object.Name}
	if target.Group != "" {
		identity.APIVersion = target.Group + "/" + target.Version
	}
	if target.Scope == corev1beta1.NamespaceScoped {
		identity.Namespace = object.Namespace
	}
	return identity
}

// decide returns the names of the selected clusters.
func (p *Plan) decide() ([]string, error) {
	if p.isNamespace() {
		if p.Object.Name != p.Object.Namespace {
			p.Impediment = "a FederatedNamespace must have the name of the namespace that it is in; this one is ignored"
			return nil, nil
		}
		if p.Confined {
			p.Impediment = "the federation is confined to the namespace " + p.SystemNamespace + ": a FederatedNamespace only limits where the objects in it go"
			return nil, nil
		}
		if isProtected(p.Object.Name, p.SystemNamespace) {
			p.Impediment = "the namespace " + p.Object.Name + " is never created, changed or deleted in members; the placement holds for what is in it"
			return nil, nil
		}
	}
	switch {
	case p.Object.DeletionTimestamp != nil:
		p.Impediment = "the federated object is being deleted"
		return nil, nil
	case p.Type.Spec.Propagation != corev1beta1.PropagationEnabled:
		p.Impediment = "propagation of the type is Disabled: copies are left as they are"
	case p.Confined && p.Type.Spec.TargetType.Scope == corev1beta1.NamespaceScoped && p.Object.Namespace != p.SystemNamespace:
		p.Impediment = "the federation is confined to the namespace " + p.SystemNamespace
		return nil, nil
	case p.needsNamespace && p.NamespacesDisabled:
		p.Impediment = "the type namespaces is not propagated: copies are left as they are"
		return nil, nil
	case p.Namespace != nil && p.Namespace.DeletionTimestamp != nil:
		p.Impediment = "the FederatedNamespace is being deleted: copies are left as they are until it is gone"
		return nil, nil
	}
	decided, err := placement.Decide(p.Object.Spec.Placement, p.needsNamespace, p.allowed(), p.targets)
	if err != nil {
		return nil, err
	}
	return decided.Clusters.UnsortedList(), nil
}

func (p *Plan) isNamespace() bool {
	target := p.Type.Spec.TargetType
	return target.Group == "" && target.Kind == "Namespace"
}

// allowed is the placement of the FederatedNamespace, nil if there is none.
func (p *Plan) allowed() *typesv1beta1.Placement {
	if p.Namespace == nil {
		return nil
	}
	return &p.Namespace.Spec.Placement
}

// names are those of all clusters that there is something to say about.
func (p *Plan) names() []string {
	var names []string
	for i := range p.Input.Clusters {
		names = append(names, p.Input.Clusters[i].Name)
	}
	for _, reference := range p.Object.Spec.Placement.Clusters {
		names = append(names, reference.Name)
	}
	for i := range p.Object.Status.Clusters {
		names = append(names, p.Object.Status.Clusters[i].Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (p *Plan) member(name string) *corev1beta1.KubeFedCluster {
	for i := range p.Input.Clusters {
		if p.Input.Clusters[i].Name == name {
			return &p.Input.Clusters[i]
		}
	}
	return nil
}

func recorded(object *typesv1beta1.FederatedObject, cluster string) *typesv1beta1.ClusterStatus {
	for i := range object.Status.Clusters {
		if object.Status.Clusters[i].Name == cluster {
			return &object.Status.Clusters[i]
		}
	}
	return nil
}

// isProtected says whether a namespace is one that the federation leaves alone.
func isProtected(namespace, systemNamespace string) bool {
	return slices.Contains([]string{"default", "kube-system", "kube-public", "kube-node-lease", systemNamespace}, namespace)
}

// Unplaced says in one sentence why a cluster gets no copy.
func (p *Plan) Unplaced(c *Cluster) string {
	reason := strings.Join(c.Why, "; ")
	if p.Impediment != "" {
		reason = p.Impediment
	}
	return fmt.Sprintf("%s is not placed in %s: %s", p.Object.Name, c.Name, reason)
}
