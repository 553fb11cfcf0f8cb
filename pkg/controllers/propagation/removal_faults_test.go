package propagation

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Users change placements at random while members fail and the controller is killed:
// no object loses more than its budget, and with approvals all is as wanted in the
// end.
func TestFaultsWithinTheBudget(t *testing.T) {
	const objects, rounds = 6, 25
	w := newCautious(t, shipped)
	lost := &losses{clusters: map[types.UID]map[string]bool{}}
	w.lost = lost
	var keys []types.NamespacedName
	for i := range objects {
		keys = append(keys, types.NamespacedName{Namespace: team.Namespace, Name: fmt.Sprintf("o%d", i)})
	}
	for _, c := range w.clusters {
		c.setFaulty(true)
	}
	for round := range rounds {
		for range 5 {
			var names []string
			for _, c := range w.clusters {
				if rand.IntN(2) > 0 {
					names = append(names, c.name)
				}
			}
			require.NoError(t, w.put(simConfigMaps, keys[rand.IntN(objects)], fmt.Sprint(rand.Int()), names...))
		}
		cluster := w.clusters[rand.IntN(len(w.clusters))]
		switch rand.IntN(3) {
		case 0:
			cluster.setReady(!cluster.Ready())
		case 1:
			cluster.of(simConfigMaps).interrupt()
		}
		if round%8 == 7 {
			w.kill()
			w.run()
		}
	}
	for _, c := range w.clusters {
		c.setFaulty(false)
		c.setReady(true)
	}
	w.awaitIdle()
	lost.mu.Lock()
	for uid, clusters := range lost.clusters {
		require.LessOrEqual(t, len(clusters), 1, "%s lost copies in %v", uid, clusters)
	}
	lost.mu.Unlock()

	all := map[schema.GroupVersionResource][]types.NamespacedName{simConfigMaps: keys}
	require.Eventually(t, func() bool {
		asWanted := true
		for _, key := range keys {
			obj, err := w.kinds[simConfigMaps].Get(t.Context(), key.Namespace, key.Name)
			if err == nil && obj.Status.PausedRemoval != nil {
				asWanted = false
				w.approve(simConfigMaps, key, obj.Status.PausedRemoval.Hash)
			}
		}
		return asWanted
	}, patience, 20*poll)
	w.awaitWanted(all)
	w.awaitIdle()
}

// losses are the clusters in which copies of objects were deleted.
type losses struct {
	mu       sync.Mutex
	clusters map[types.UID]map[string]bool
}

func (l *losses) add(uid types.UID, cluster string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clusters[uid] == nil {
		l.clusters[uid] = map[string]bool{}
	}
	l.clusters[uid][cluster] = true
}
