package propagation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// registers has the storage say something of a cluster that nobody was told of.
func (w *world) registers(cluster string, live *Registration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.registered[cluster] = live
}

// What a removal rests on is what the storage says of the object and of the cluster.
func TestARemovalRestsOnTheStorage(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	for _, c := range w.clusters {
		c.setReady(false)
	}
	patch := `{"spec":{"placement":{"clusters":null,"clusterSelector":{"matchLabels":{"env":"prod"}}}}}`
	_, err := w.client.Resource(w.kinds[simConfigMaps].Resource()).Namespace(web.Namespace).
		Patch(t.Context(), web.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(t, err)
	w.awaitStatus(web, "c0", typesv1beta1.WaitingForRemoval)
	k, obj := w.controller.kind(simConfigMaps.Resource), w.get(simConfigMaps, web)
	excluded := func(obj *typesv1beta1.FederatedObject) bool {
		t.Helper()
		excluded, err := w.controller.isExcluded(t.Context(), k, obj, "c0", "")
		require.NoError(t, err)
		return excluded
	}
	require.True(t, excluded(obj))
	w.registers("c0", &Registration{Labels: map[string]string{"env": "prod"}})
	require.False(t, excluded(obj), "it has the label again")
	w.registers("c0", nil)
	require.False(t, excluded(obj), "it leaves, and what is there stays")
	w.registers("c0", &Registration{})
	require.True(t, excluded(obj))
	w.annotate(web, typesv1beta1.OrphanAnnotation, "true")
	require.False(t, excluded(obj), "the copy is to be kept")
	require.True(t, excluded(w.get(simConfigMaps, web)), "and may be let go")
}

// A cluster leaves and joins while nobody looks. What was left to do in the one of
// that name is not done in this one.
func TestAClusterThatJoinedAnewHasNothingLeftToRemove(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	lost := w.clusters[2]
	w.configure(atOnce)
	lost.setReady(false)
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitGone(web)
	require.NotNil(t, w.removal(web))
	w.kill()
	w.registers("c2", &Registration{Since: time.Now().Add(time.Minute)})
	w.run()
	lost.setReady(true)
	w.awaitNoRemovals()
	require.Eventually(t, func() bool {
		object := lost.of(simConfigMaps).object(web)
		return object != nil && object.managed == ""
	}, patience, poll, "it is let go")
}

// A removal that is done leaves nothing behind, also where its end was seen before
// the answer.
func TestWhatIsTakenOutIsForgotten(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c2"))
	w.awaitWanted(both)
	w.configure(atOnce)
	w.clusters[2].setReady(false)
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitGone(web)
	behind := newPendingRemovals(w.federation, w.controller.config.SystemNamespace)
	removal := w.removal(web)
	require.NotNil(t, removal)
	w.kill()
	require.NoError(t, behind.takeOut(t.Context(), removal, "c2"))
	require.Nil(t, w.removal(web))
	require.Empty(t, behind.taken)
}
