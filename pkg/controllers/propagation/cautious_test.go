package propagation

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
)

// shipped are the limits that hold where nobody says otherwise.
var shipped = removals.Limits{
	Interval: 10 * time.Minute, ClustersPerObject: intstr.FromString("10%"), Objects: intstr.FromString("5%"),
	Confirm: []string{simNamespaces.Resource},
}

// newCautious is a world with a namespace and an object in all clusters, and with
// limits.
func newCautious(t *testing.T, limits removals.Limits) *world {
	w := newTeam(t)
	w.cautious = true
	w.configure(func(s *Settings) { s.Removals = limits })
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	return w
}

// get reads an object from the storage.
func (w *world) get(target schema.GroupVersionResource, key types.NamespacedName) *typesv1beta1.FederatedObject {
	w.t.Helper()
	obj, err := w.kinds[target].Get(w.t.Context(), key.Namespace, key.Name)
	require.NoError(w.t, err)
	return obj
}

// awaitPaused waits until removals are paused for a reason, from clusters and from
// no other ones.
func (w *world) awaitPaused(target schema.GroupVersionResource, key types.NamespacedName, reason string, clusters ...string) *typesv1beta1.FederatedObject {
	w.t.Helper()
	var obj *typesv1beta1.FederatedObject
	require.Eventually(w.t, func() bool {
		obj = w.get(target, key)
		paused := obj.Status.PausedRemoval
		return obj.Status.ObservedGeneration == obj.Generation && paused != nil && paused.Reason == reason && slices.Equal(paused.Clusters, clusters)
	}, patience, poll, "the removal from %v is never paused for %s", clusters, reason)
	said := condition(obj, typesv1beta1.RemovalPausedCondition)
	require.NotNil(w.t, said)
	require.Equal(w.t, corev1.ConditionTrue, said.Status)
	require.Equal(w.t, reason, said.Reason)
	require.Contains(w.t, said.Message, clusters[0])
	require.Contains(w.t, said.Message, fmt.Sprintf("kubectl fed approve %s %s -n %s", target.Resource, key.Name, key.Namespace))
	require.Contains(w.t, said.Message, obj.Status.PausedRemoval.Hash)
	for _, cluster := range clusters {
		require.Equal(w.t, typesv1beta1.RemovalPaused, recordedCluster(obj, cluster).Status)
	}
	return obj
}

// approve approves what is paused as it is now.
func (w *world) approve(target schema.GroupVersionResource, key types.NamespacedName, hash string) {
	w.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, typesv1beta1.ApproveRemovalAnnotation, hash)
	_, err := w.client.Resource(w.kinds[target].Resource()).Namespace(key.Namespace).
		Patch(w.t.Context(), key.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if !apierrors.IsNotFound(err) {
		require.NoError(w.t, err)
	}
}

func (w *world) copiesOf(key types.NamespacedName) (clusters []string) {
	for _, c := range w.clusters {
		if _, found := c.of(simConfigMaps).copy(key); found {
			clusters = append(clusters, c.name)
		}
	}
	return clusters
}
