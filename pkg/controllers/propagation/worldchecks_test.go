package propagation

import (
	"fmt"
	"sync/atomic"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// asWanted says what is not as the objects in the storage say.
func (w *world) asWanted(target schema.GroupVersionResource, key types.NamespacedName) error {
	obj, err := w.kinds[target].Get(w.t.Context(), key.Namespace, key.Name)
	exists := err == nil
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	inMember := key
	if target == simNamespaces {
		inMember.Namespace = ""
	}
	for _, cluster := range w.clusters {
		copy, found := cluster.of(target).copy(inMember)
		wanted := exists && w.isSelected(obj, target, cluster.name)
		if w.Get(cluster.name) == nil {
			continue
		}
		switch {
		case found != wanted:
			return fmt.Errorf("%s %s in %s: found %t, wanted %t", target.Resource, key, cluster.name, found, wanted)
		case !wanted:
			continue
		case copy.deleting:
			return fmt.Errorf("%s %s in %s is being deleted", target.Resource, key, cluster.name)
		}
		kind := map[schema.GroupVersionResource]string{simConfigMaps: "ConfigMap", simNamespaces: "Namespace"}[target]
		rendered, err := overrides.Render(obj, overrides.Target{APIVersion: "v1", Kind: kind, Namespace: inMember.Namespace, Name: key.Name},
			overrides.Cluster{Name: cluster.name, Labels: cluster.Labels()}, true)
		if err != nil {
			return err
		}
		if copy.body != string(rendered.JSON) || copy.drift != 0 {
			return fmt.Errorf("%s %s in %s: is %s (drift %d), not %s", target.Resource, key, cluster.name, copy.body, copy.drift, rendered.JSON)
		}
	}
	if !exists {
		return nil
	}
	if obj.DeletionTimestamp != nil {
		return fmt.Errorf("%s %s is being deleted", target.Resource, key)
	}
	ready := condition(obj, typesv1beta1.ReadyCondition)
	if ready == nil || ready.Status != corev1.ConditionTrue || ready.ObservedGeneration != obj.Generation {
		return fmt.Errorf("%s %s is not ready: %+v, %+v", target.Resource, key, obj.Status.Conditions, obj.Status.Clusters)
	}
	for _, entry := range obj.Status.Clusters {
		if !w.isSelected(obj, target, entry.Name) {
			return fmt.Errorf("%s %s still names %s", target.Resource, key, entry.Name)
		}
	}
	return nil
}

func (w *world) isSelected(obj *typesv1beta1.FederatedObject, target schema.GroupVersionResource, cluster string) bool {
	candidates := []placement.Cluster{{Name: cluster}}
	selected, err := placement.Select(obj.Spec.Placement, candidates)
	if err != nil || !selected.Has(cluster) || w.Get(cluster) == nil {
		return false
	}
	if target == simNamespaces {
		return true
	}
	namespace, err := w.kinds[simNamespaces].Get(w.t.Context(), obj.Namespace, obj.Namespace)
	if err != nil {
		return false
	}
	selected, err = placement.Select(namespace.Spec.Placement, candidates)
	return err == nil && selected.Has(cluster)
}

// awaitWanted waits until all is as the storage says.
func (w *world) awaitWanted(keys map[schema.GroupVersionResource][]types.NamespacedName) {
	w.t.Helper()
	var last atomic.Pointer[error]
	if !assert.Eventually(w.t, func() bool {
		missing := w.missing(keys)
		last.Store(&missing)
		return missing == nil
	}, patience, 20*poll) {
		require.NotNil(w.t, last.Load(), "the storage does not answer")
		require.FailNow(w.t, "something is not as the storage says", "%v", *last.Load())
	}
}

// missing is the first that is not as the storage says.
func (w *world) missing(keys map[schema.GroupVersionResource][]types.NamespacedName) error {
	for target, names := range keys {
		for _, name := range names {
			if err := w.asWanted(target, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitIdle waits until the controller has nothing more to do, and nothing in mind.
func (w *world) awaitIdle() {
	w.t.Helper()
	quiet, left := 0, ""
	defer func() {
		if w.t.Failed() {
			w.t.Log(left)
		}
	}()
	require.Eventually(w.t, func() bool {
		c := w.controller
		busy := c.objects.Len() + c.pacer.len() + c.pending.Len()
		c.mu.RLock()
		for _, worker := range c.workers {
			busy += worker.queue.Len()
		}
		c.mu.RUnlock()
		left = fmt.Sprintf("%d objects, %d to be rewritten, %d removals", c.objects.Len(), c.pacer.len(), c.pending.Len())
		c.ledger.mu.Lock()
		for key, r := range c.ledger.records {
			if r.written == nil && len(r.copies) == 0 && r.due.IsZero() {
				continue // what may be removed stays known until it is
			}
			busy++
			left += fmt.Sprintf("; %s: written %t, due %s, granted %v, %d copies", key, r.written != nil, r.due, r.granted, len(r.copies))
			for cluster, copied := range r.copies {
				left += fmt.Sprintf(", %s: %+v", cluster, *copied)
			}
		}
		c.ledger.mu.Unlock()
		if quiet++; busy > 0 {
			quiet = 0
		}
		return quiet > 20
	}, patience, poll, "there is something left in the queues or in the ledger")
}

func (w *world) writes() int { return w.sum(func(c *simCluster) int { return c.writes }) }

// askedInVain counts the questions for copies whose end the answers to deletions
// told.
func (w *world) askedInVain() int { return w.sum(func(c *simCluster) int { return c.askedInVain }) }

// refused counts the writes that were tried though they were held.
func (w *world) refused() int { return w.sum(func(c *simCluster) int { return c.refused }) }

// sum adds up what count says of each cluster, with its lock held.
func (w *world) sum(count func(*simCluster) int) int {
	sum := 0
	for _, c := range w.clusters {
		c.mu.Lock()
		sum += count(c)
		c.mu.Unlock()
	}
	return sum
}

func (w *world) versions(keys map[schema.GroupVersionResource][]types.NamespacedName) map[string]string {
	versions := map[string]string{}
	for target, names := range keys {
		for _, name := range names {
			if obj, err := w.kinds[target].Get(w.t.Context(), name.Namespace, name.Name); err == nil {
				versions[target.Resource+" "+name.String()] = obj.ResourceVersion
			}
		}
	}
	return versions
}
