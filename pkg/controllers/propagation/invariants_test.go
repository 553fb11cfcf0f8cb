package propagation

import (
	"context"
	"time"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

func federatedKeyOf(target schema.GroupVersionResource, key types.NamespacedName) types.NamespacedName {
	if target == simNamespaces {
		key.Namespace = key.Name
	}
	return key
}

// applying implements simWatcher: nothing is written to a cluster that the status
// does not name.
func (w *world) applying(cluster string, target schema.GroupVersionResource, key types.NamespacedName) {
	key = federatedKeyOf(target, key)
	live, err := w.kinds[target].Get(context.WithoutCancel(w.t.Context()), key.Namespace, key.Name)
	if assert.NoError(w.t, err, "a copy of %s %s is written, which does not exist", target.Resource, key) {
		assert.NotNil(w.t, recordedCluster(live, cluster), "%s %s is written to %s, which is not recorded", target.Resource, key, cluster)
	}
}

// removing implements simWatcher: nothing is removed that is wanted.
func (w *world) removing(cluster string, target schema.GroupVersionResource, key types.NamespacedName, deletes bool) {
	key = federatedKeyOf(target, key)
	live, err := w.kinds[target].Get(context.WithoutCancel(w.t.Context()), key.Namespace, key.Name)
	pending := w.isPending(cluster, target, key)
	if apierrors.IsNotFound(err) {
		assert.Equal(w.t, pending, deletes, "a copy of %s %s, which does not exist, is deleted or released in %s, and a PendingRemoval says otherwise", target.Resource, key, cluster)
		return
	}
	if !assert.NoError(w.t, err) || live.DeletionTimestamp != nil {
		return
	}
	if deletes && w.lost != nil {
		w.lost.add(live.UID, cluster)
	}
	assert.False(w.t, deletes && isOrphaning(live) && !pending, "%s %s is deleted in %s, though its copies are to be kept", target.Resource, key, cluster)
	assert.True(w.t, w.mayExclude(cluster, target, key), "%s %s is removed from %s, which is selected", target.Resource, key, cluster)
}

// isPending says that a PendingRemoval names a copy.
func (w *world) isPending(cluster string, target schema.GroupVersionResource, key types.NamespacedName) bool {
	for _, removal := range w.removals() {
		if spec := &removal.Spec; spec.Target.TypeConfig == target.Resource && spec.Target.Name == key.Name && spec.Target.Namespace == key.Namespace && entryOf(&removal, cluster) != nil {
			return true
		}
	}
	return false
}

// removals are the PendingRemovals that there are.
func (w *world) removals() []corev1beta1.PendingRemoval {
	list, err := w.federation.CoreV1beta1().PendingRemovals(typeserver.Namespace).List(context.WithoutCancel(w.t.Context()), metav1.ListOptions{})
	if !assert.NoError(w.t, err) {
		return nil
	}
	return list.Items
}

// mayExclude says that the placement excludes a cluster, or did when it was last
// read from the storage: the user may change it while a request is on its way.
func (w *world) mayExclude(cluster string, target schema.GroupVersionResource, key types.NamespacedName) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	candidates := []placement.Cluster{{Name: cluster}}
	excludes := func(id string) bool {
		history := w.placements[id]
		since := max(0, len(history)-2)
		for _, read := range w.reads[id] {
			if time.Since(read.at) < time.Second {
				since = min(since, read.index)
			}
		}
		for _, p := range history[since:] {
			if selected, err := placement.Select(p, candidates); err == nil && !selected.Has(cluster) {
				return true
			}
		}
		return false
	}
	return excludes(target.Resource+" "+key.String()) ||
		target == simConfigMaps && excludes("namespaces "+key.Namespace+"/"+key.Namespace)
}
