package propagation

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// sharing returns the other members that are the same cluster as one: by their IDs or,
// where one has none, by the UID of the copy. Somebody may have joined a cluster under
// two names: what is unwanted under one of them may be the copy that is wanted under
// the other.
func (c *Controller) sharing(k *kind, name types.NamespacedName, member Member, uid types.UID) []Member {
	var others []Member
	id := member.ClusterID()
	for _, other := range c.config.Members.List() {
		switch otherID := other.ClusterID(); {
		case other.Name() == member.Name():
		case id != "" && otherID != "":
			if id == otherID {
				others = append(others, other)
			}
		case uid != "":
			if observed, exists := other.Copies(k.resource, k.namespaced).Get(name); exists && observed.UID == uid {
				others = append(others, other)
			}
		}
	}
	return others
}

// wantedAs returns the name of another member that is the same cluster as one, and
// where the caches say that obj shall be; empty if there is none.
func (c *Controller) wantedAs(k *kind, obj *typesv1beta1.FederatedObject, member Member, uid types.UID) string {
	for _, other := range c.sharing(k, k.inMember(k.keyOf(obj).NamespacedName), member, uid) {
		if d := c.decide(k, obj, []placement.Cluster{{Name: other.Name(), Labels: other.Labels()}}); d.selected.Has(other.Name()) {
			return other.Name()
		}
	}
	return ""
}

// locate returns what placements see, by the storage, of a cluster under all names
// under which it is a member; nothing if it is no member under its own.
func (c *Controller) locate(ctx context.Context, k *kind, obj *typesv1beta1.FederatedObject, cluster string, uid types.UID) ([]placement.Cluster, error) {
	names := []string{cluster}
	if member := c.config.Members.Get(cluster); member != nil {
		for _, other := range c.sharing(k, k.inMember(k.keyOf(obj).NamespacedName), member, uid) {
			names = append(names, other.Name())
		}
	}
	var located []placement.Cluster
	for _, name := range names {
		registered, err := c.config.Members.Registered(ctx, name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read the cluster before a removal: %w", err)
		case registered != nil:
			located = append(located, placement.Cluster{Name: name, Labels: registered.Labels})
		case name == cluster:
			return nil, nil // where it leaves, copies stay
		}
	}
	return located, nil
}
