package propagation

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// A member that bears one request at a time lists all its copies anew, and each has
// to be repaired. What a user changes meanwhile does not wait for them.
func TestAResyncDoesNotHoldUpAChange(t *testing.T) {
	const copies = 40
	w := newWorld(t, 1)
	narrow := w.clusters[0]
	narrow.flow = members.NewFlow(1, clock.RealClock{})
	w.run()
	keys := map[schema.GroupVersionResource][]types.NamespacedName{simNamespaces: {team}, simConfigMaps: {web}}
	require.NoError(t, w.put(simNamespaces, team, "", narrow.name))
	for i := range copies {
		keys[simConfigMaps] = append(keys[simConfigMaps], types.NamespacedName{Namespace: team.Name, Name: fmt.Sprint("o", i)})
	}
	for _, key := range keys[simConfigMaps] {
		require.NoError(t, w.put(simConfigMaps, key, "1", narrow.name))
	}
	w.awaitWanted(keys)
	w.awaitIdle()

	narrow.hang(true)
	t.Cleanup(func() { narrow.hang(false) })
	objects := narrow.of(simConfigMaps)
	objects.mu.Lock()
	for key, object := range objects.objects {
		if key != web {
			object.drift++
		}
	}
	objects.mu.Unlock()
	objects.interrupt()
	queue := w.controller.worker(narrow.name).queue
	require.Eventually(t, func() bool { return queue.Len() >= copies-1 }, patience, poll, "the repairs do not wait")
	require.NoError(t, w.put(simConfigMaps, web, "2", narrow.name))
	changing, err := w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		asked, ok := w.controller.ledger.get(objectKey{kind: "configmaps", NamespacedName: web}, changing.UID, narrow.name)
		return ok && asked.generation == changing.Generation && queue.Len() >= copies
	}, patience, poll, "the change does not wait")
	_, inFlight := narrow.flow.Limit()
	require.Equal(t, 1, inFlight)

	narrow.hang(false)
	w.awaitWanted(keys)
	changed, _ := objects.copy(web)
	before := 0
	for _, key := range keys[simConfigMaps] {
		if repaired, _ := objects.copy(key); repaired.version < changed.version {
			before++
		}
	}
	require.LessOrEqual(t, before, 3, "repairs that went before the change")
}
