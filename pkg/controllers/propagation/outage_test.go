package propagation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Users go on while a member is away, for as long as anything: when it is back,
// nothing is written there but what differs, and in the end all is as they want it.
func TestPartition(t *testing.T) {
	w := newTeam(t)
	lost := w.clusters[2]
	untouched := types.NamespacedName{Namespace: "team", Name: "untouched"}
	require.NoError(t, w.put(simConfigMaps, untouched, "1", "c0", "c1", "c2"))
	keys := map[schema.GroupVersionResource][]types.NamespacedName{simNamespaces: {team}, simConfigMaps: {untouched}}
	const rounds, objects, edits = 12, 4, 10
	for i := range objects {
		keys[simConfigMaps] = append(keys[simConfigMaps], types.NamespacedName{Namespace: "team", Name: fmt.Sprintf("o%d", i)})
	}
	w.awaitWanted(keys)
	before := lost.of(simConfigMaps).object(untouched)
	for round := range rounds {
		seed := rand.Uint64()
		t.Logf("round %d: seed %d", round, seed)
		random := rand.New(rand.NewPCG(seed, 0))
		w.configure(func(s *Settings) {
			s.UnreachableAfter = []time.Duration{0, time.Millisecond, time.Hour}[random.IntN(3)]
		})
		lost.setReady(false)
		writes := lost.writeCount()
		for range edits {
			key := keys[simConfigMaps][1+random.IntN(objects)]
			switch random.IntN(8) {
			case 0, 1, 2:
				require.NoError(t, w.delete(simConfigMaps, key))
			case 3, 4:
				require.NoError(t, w.put(simConfigMaps, key, fmt.Sprint(random.Int()), "c0", "c2"))
			case 5:
				require.NoError(t, w.put(simConfigMaps, key, fmt.Sprint(random.Int()), "c1"))
			case 6:
				require.NoError(t, w.delete(simConfigMaps, key))
				require.NoError(t, w.put(simConfigMaps, key, "again", "c1", "c2"))
			case 7:
				if random.IntN(3) == 0 {
					w.kill()
					w.run()
				}
				lost.of(simConfigMaps).interrupt()
			}
			if random.IntN(3) == 0 {
				time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond) // an edit may meet any state
			}
		}
		require.Equal(t, writes, lost.writeCount(), "a member that is away was written to")
		if random.IntN(2) == 0 {
			w.configure(atOnce)
		}
		lost.setReady(true)
		w.awaitWanted(keys)
		w.awaitNoRemovals()
		w.awaitIdle()
		require.Equal(t, before, lost.of(simConfigMaps).object(untouched), "what nobody changed was written to")
	}
}

func (c *simCluster) writeCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// A member that is lost, or found, has the statuses of all its objects rewritten at
// a bounded rate, and nobody waits for that.
func TestStatusesAreRewrittenAtABoundedRate(t *testing.T) {
	const objects, rate = 60, 20
	w := newWorld(t, 2)
	w.rewrites, w.punctual = rate, true
	w.run()
	require.NoError(t, w.put(simNamespaces, team, "", "c0", "c1"))
	keys := map[schema.GroupVersionResource][]types.NamespacedName{simNamespaces: {team}}
	for i := range objects {
		key := types.NamespacedName{Namespace: "team", Name: fmt.Sprintf("o%03d", i)}
		require.NoError(t, w.put(simConfigMaps, key, "1", "c0", "c1"))
		keys[simConfigMaps] = append(keys[simConfigMaps], key)
	}
	w.awaitWanted(keys)
	w.awaitIdle()
	before, began := w.hubWrites(), time.Now()
	w.clusters[1].setReady(false)
	last := keys[simConfigMaps][objects-1]
	require.NoError(t, w.put(simConfigMaps, last, "2", "c0", "c1"))
	require.Eventually(t, func() bool {
		copy, found := w.clusters[0].of(simConfigMaps).copy(last)
		return found && strings.Contains(copy.body, `"value":"2"`)
	}, patience, poll)
	require.Less(t, w.hubWrites()-before, objects, "the user's change did not wait for all the others")

	// Back before it was told of all.
	w.clusters[1].setReady(true)
	w.awaitWanted(keys)
	w.awaitIdle()
	written, took := w.hubWrites()-before, time.Since(began)
	require.Less(t, written, 2*objects, "some were lost and found again before their turn")
	require.LessOrEqual(t, float64(written), 5+rate*(took.Seconds()+1), "written within %s", took)
}

// Watches that break and come back say nothing of the copies.
func TestAnInterruptionWritesNothing(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	before := w.hubWrites()
	for range 3 {
		for _, c := range w.clusters {
			c.of(simConfigMaps).interrupt()
			c.of(simNamespaces).interrupt()
		}
		w.awaitIdle()
	}
	require.Equal(t, before, w.hubWrites())
}
