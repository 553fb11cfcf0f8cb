package propagation

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// grant notes which copies of obj, as it is now, may go; no other ones may. It
// reports whether that is new.
func (l *ledger) grant(key objectKey, obj *typesv1beta1.FederatedObject, clusters sets.Set[string]) (changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[key]
	if clusters.Len() == 0 {
		if r != nil && len(r.granted) > 0 {
			r.granted, changed = nil, true
			l.tidy(key)
		}
		return changed
	}
	r = l.of(key, obj.UID)
	changed = r.grantedAt != obj.Generation || !r.granted.Equal(clusters)
	r.granted, r.grantedAt = clusters, obj.Generation
	return changed
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
