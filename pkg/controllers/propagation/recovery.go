package propagation

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// Report says what would be done to members if they were written to: by what is
// known now, without a request.
func (c *Controller) Report(ctx context.Context) *identity.Report {
	var found identity.Collector
	clusters, byName := c.clusters()
	if !c.config.Members.HasSynced() {
		found.Unseen("the members are not known yet")
	}
	kinds := c.allKinds()
	if len(kinds) == 0 {
		found.Unseen("no type is propagated")
	}
	for _, k := range kinds {
		if !k.informer.HasSynced() {
			found.Unseen("%s: the objects are not read yet", k.name)
			continue
		}
		for name, member := range byName {
			state, _ := member.Copies(k.resource, k.namespaced).State()
			switch {
			case !member.Ready():
				found.Unseen("%s in %s: the cluster is not ready", k.name, name)
			case state == CopiesSynced:
				c.reportLeftovers(&found, k, member)
			case state != CopiesNotAvailable:
				found.Unseen("%s in %s: the copies are not known", k.name, name)
			}
		}
		k.each("", func(obj *typesv1beta1.FederatedObject) {
			if ctx.Err() == nil {
				c.reportObject(ctx, &found, &pass{c: c, k: k, key: k.keyOf(obj), obj: obj, members: byName}, clusters)
			}
		})
	}
	return found.Report(len(byName))
}

// reportLeftovers finds copies without a federated object.
func (c *Controller) reportLeftovers(found *identity.Collector, k *kind, member Member) {
	copies := member.Copies(k.resource, k.namespaced)
	for _, name := range copies.Keys() {
		observed, exists := copies.Get(name)
		if !exists || observed.Managed != typesv1beta1.ManagedLabelValueTrue || k.get(k.ofMember(name).NamespacedName) != nil {
			continue
		}
		effect := identity.Released
		if w := c.worker(member.Name()); w != nil && w.pendingHere(k.ofMember(name), nil) != nil {
			effect = identity.Removed // what was left of a deletion is done
		}
		found.Add(effect, member.Name(), k.name, shown(name))
	}
}

// reportObject finds what one object asks of members.
func (c *Controller) reportObject(ctx context.Context, found *identity.Collector, p *pass, clusters []placement.Cluster) {
	k, name := p.k, shown(p.key.NamespacedName)
	p.decision = c.decide(k, p.obj, clusters)
	if p.parked || p.frozen {
		found.Unseen("%s %s: it is not known where it shall be", k.name, name)
		return
	}
	for cluster := range p.concerned() {
		v, err := c.look(ctx, k, p.obj, &p.decision, cluster, p.members[cluster], p.renderer)
		if err != nil {
			found.Unseen("%s %s in %s: %v", k.name, name, cluster, err)
			continue
		}
		v.granted = true // what has a budget may go too
		if effect := effectOf(assess(v).action, v); effect != "" {
			found.Add(effect, cluster, k.name, name)
		}
	}
}

// effectOf says what an action does to a copy; empty: nothing.
func effectOf(action action, v *copyView) identity.Effect {
	switch action {
	case actApply, actProbe:
		switch {
		case v.exists && v.fingerprint == "":
			return identity.Adopted
		case v.exists:
			return identity.Changed
		case v.fingerprint != "":
			return identity.MadeAgain
		}
		return identity.Created
	case actDelete, actUnmanage:
		return identity.Removed
	}
	return ""
}

func shown(name types.NamespacedName) string {
	if name.Namespace == "" {
		return name.Name
	}
	return name.String()
}
