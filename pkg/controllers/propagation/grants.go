package propagation

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// grant notes which copies of obj, as it is now, may go; no other ones may. Those of
// before that are gone are kept apart until the status does not name their clusters.
// It reports whether there is a change in what leaves.
func (l *ledger) grant(key objectKey, obj *typesv1beta1.FederatedObject, clusters, gone sets.Set[string]) (changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.leavingOf(key, obj)
	left := before.Intersection(gone).Difference(clusters)
	changed = !before.Equal(clusters.Union(left))
	if clusters.Len()+left.Len() == 0 {
		if r := l.records[key]; r != nil {
			changed = changed || len(r.granted) > 0
			r.granted, r.left = nil, nil
			l.tidy(key)
		}
		return changed
	}
	r := l.of(key, obj.UID)
	r.granted, r.left, r.grantedAt = clusters, left, obj.Generation
	return changed
}

// leaving are the clusters that copies of obj, as it is now, leave or have left while
// the status still names them.
func (l *ledger) leaving(key objectKey, obj *typesv1beta1.FederatedObject) sets.Set[string] {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leavingOf(key, obj)
}

// leavingOf is leaving; l.mu is held.
func (l *ledger) leavingOf(key objectKey, obj *typesv1beta1.FederatedObject) sets.Set[string] {
	r := l.records[key]
	if r == nil || r.uid != obj.UID || r.grantedAt != obj.Generation {
		return nil
	}
	return r.granted.Union(r.left)
}

// isGranted says that the copy of obj, as it is now, in a cluster may go.
func (l *ledger) isGranted(key objectKey, obj *typesv1beta1.FederatedObject, cluster string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[key]
	return r != nil && r.uid == obj.UID && r.grantedAt == obj.Generation && r.granted.Has(cluster)
}

// isGranted says that a copy of obj, which is not wanted, may be deleted. The
// deletion of the object is a reason of its own, unless the settings say that it
// is to be confirmed.
func (c *Controller) isGranted(k *kind, obj *typesv1beta1.FederatedObject, cluster string) bool {
	if obj.DeletionTimestamp != nil && !c.confirms(k, obj) {
		return true
	}
	return c.ledger.isGranted(k.keyOf(obj), obj, cluster)
}

// confirms says that all removals of copies of obj are to be approved.
func (c *Controller) confirms(k *kind, obj *typesv1beta1.FederatedObject) bool {
	limits := c.config.Settings().Removals
	return limits.Confirms(k.name, obj.DeletionTimestamp != nil)
}

// isPaused says that the status has the removal from a cluster as paused.
func isPaused(obj *typesv1beta1.FederatedObject, cluster string) bool {
	return obj.Status.PausedRemoval != nil && slices.Contains(obj.Status.PausedRemoval.Clusters, cluster)
}
