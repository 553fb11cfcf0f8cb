package propagation

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// look gathers what is known of the copy of obj in a cluster; member is nil if
// there is none of this name. renderer is asked for when the copy is to be
// rendered. No request is sent.
func (c *Controller) look(ctx context.Context, k *kind, obj *typesv1beta1.FederatedObject, d *decision, cluster string, member Member, renderer func() (*overrides.Renderer, error)) (*copyView, error) {
	key := k.keyOf(obj)
	v := &copyView{
		generation: obj.Generation,
		deleting:   obj.DeletionTimestamp != nil,
		selected:   d.selected.Has(cluster),
		handsOff:   d.handsOff,
		orphan:     isOrphaning(obj),
		adopt:      c.config.Settings().AdoptResources,
	}
	if !v.selected || v.deleting {
		v.granted = c.isGranted(k, obj, cluster)
		v.paused = !v.granted && isPaused(obj, cluster)
	}
	v.render = func() (*overrides.Rendered, error) {
		renderer, err := renderer()
		if err != nil {
			return nil, err
		}
		return renderer.Render(overrides.Cluster{Name: cluster, Labels: member.Labels()}, v.exists)
	}
	if entry := recordedCluster(obj, cluster); entry != nil {
		v.recorded, v.fingerprint, v.version = true, entry.Fingerprint, entry.Version
	}
	if noted, ok := c.ledger.get(key, obj.UID, cluster); ok && noted.known {
		switch {
		case noted.result.gone:
			v.fingerprint, v.version = "", ""
		case noted.result.fingerprint != "":
			v.fingerprint, v.version = noted.result.fingerprint, noted.result.version
		}
	}
	if member == nil || v.handsOff {
		return v, nil
	}

	name := k.inMember(key.NamespacedName)
	copies := member.Copies(k.resource, k.namespaced)
	v.registered, v.ready, v.held = true, member.Ready(), member.Held()
	if !v.ready {
		v.lastSeen = member.LastSeen()
		if limit := c.config.Settings().UnreachableAfter; limit > 0 {
			v.until = v.lastSeen.Add(limit)
		}
	}
	v.state, v.stateErr = copies.State()
	if v.state == CopiesSyncing && v.ready {
		if w := c.worker(cluster); w != nil {
			if limit, overdue := w.overdue(k); overdue {
				v.state, v.stateErr = CopiesFailed, fmt.Errorf("no answer within %s (controllerDuration.cacheSyncTimeout)", limit)
			}
		}
	}
	v.target, v.versions = k.resource, copies.Versions()
	v.observed, v.exists = copies.Get(name)
	v.detail = members.Detail(k.detail.Load())
	if !v.exists && v.selected {
		v.namespaceMissing = c.isNamespaceMissing(k, name.Namespace, member)
	}
	if !v.selected || v.deleting {
		_, v.deleteOptionsErr = deleteOptions(obj)
	}
	if !v.selected && !v.deleting {
		v.wantedAs = c.wantedAs(k, obj, member, v.observed.UID)
	}
	return v, c.lookForHost(ctx, k, v, name.Name)
}

// lookForHost finds out whether the copy is the host's own namespace. It matters
// only where a copy is to go, or goes already.
func (c *Controller) lookForHost(ctx context.Context, k *kind, v *copyView, name string) error {
	if !k.namespaces || !v.exists || v.selected && !v.deleting && !v.observed.Deleting {
		return nil
	}
	var err error
	v.hostNamespace, err = c.isHostNamespace(ctx, k, name, v.observed.UID)
	return err
}

// isHostNamespace says whether a copy with a UID is the host's own namespace,
// which is labelled only.
func (c *Controller) isHostNamespace(ctx context.Context, k *kind, name string, uid types.UID) (bool, error) {
	if !k.namespaces {
		return false, nil
	}
	host, err := c.config.HostNamespaceUID(ctx, name)
	if err != nil {
		return false, fmt.Errorf("look up namespace %s of the host: %w", name, err)
	}
	return host != "" && host == uid, nil
}

// isNamespaceMissing says that the namespace of a copy is known not to be in a
// member, though it is on its way: a write would only fail.
func (c *Controller) isNamespaceMissing(k *kind, namespace string, member Member) bool {
	namespaces := c.kind(namespacesName)
	if !k.namespaced || namespaces == nil || isProtected(namespace, c.config.SystemNamespace) {
		return false
	}
	federated := c.namespaceObject(namespaces, namespace)
	if federated == nil {
		return false
	}
	if entry := recordedCluster(federated, member.Name()); entry != nil && mayBeAnothers(entry) {
		return false
	}
	copies := member.Copies(namespaces.resource, namespaces.namespaced)
	if state, _ := copies.State(); state != CopiesSynced {
		return false
	}
	_, exists := copies.Get(types.NamespacedName{Name: namespace})
	return !exists
}

// clusters returns the members as placements see them, and by name.
func (c *Controller) clusters() ([]placement.Cluster, map[string]Member) {
	list := c.config.Members.List()
	clusters := make([]placement.Cluster, 0, len(list))
	byName := make(map[string]Member, len(list))
	for _, member := range list {
		clusters = append(clusters, placement.Cluster{Name: member.Name(), Labels: member.Labels()})
		byName[member.Name()] = member
	}
	return clusters, byName
}
