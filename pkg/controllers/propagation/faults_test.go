package propagation

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Users change objects while members fail, third parties change copies and the
// controller is killed again and again. Nothing may be written or removed without
// right meanwhile, and in the end all is as the users want it.
func TestFaults(t *testing.T) {
	const clusters, namespaces, objects, rounds = 4, 3, 8, 40
	w := newWorld(t, clusters)
	keys := map[schema.GroupVersionResource][]types.NamespacedName{}
	for i := range namespaces {
		name := fmt.Sprintf("ns%d", i)
		keys[simNamespaces] = append(keys[simNamespaces], types.NamespacedName{Namespace: name, Name: name})
		for j := range objects {
			keys[simConfigMaps] = append(keys[simConfigMaps], types.NamespacedName{Namespace: name, Name: fmt.Sprintf("o%d", j)})
		}
	}
	some := func() []string {
		var names []string
		for _, c := range w.clusters {
			if rand.IntN(3) > 0 {
				names = append(names, c.name)
			}
		}
		return names
	}
	for _, c := range w.clusters {
		c.setFaulty(true)
	}
	w.settings.UnreachableAfter = time.Second
	w.run()

	for round := range rounds {
		for range 10 {
			target := simConfigMaps
			if rand.IntN(10) == 0 {
				target = simNamespaces
			}
			key := keys[target][rand.IntN(len(keys[target]))]
			if rand.IntN(5) == 0 {
				require.NoError(t, w.delete(target, key))
			} else {
				require.NoError(t, w.put(target, key, fmt.Sprint(rand.Int()), some()...))
			}
		}
		cluster := w.clusters[rand.IntN(len(w.clusters))]
		switch rand.IntN(5) {
		case 0:
			cluster.setReady(!cluster.Ready())
		case 1:
			cluster.of(simConfigMaps).interrupt()
			cluster.of(simNamespaces).interrupt()
		case 2, 3:
			cluster.of(simConfigMaps).disturb()
		case 4:
			cluster.of(simNamespaces).disturb()
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
	for _, name := range keys[simNamespaces] {
		require.Eventually(t, func() bool {
			obj, err := w.kinds[simNamespaces].Get(t.Context(), name.Namespace, name.Name)
			if apierrors.IsNotFound(err) {
				err = w.put(simNamespaces, name, "", some()...)
			}
			return err == nil && obj != nil && obj.DeletionTimestamp == nil
		}, patience, poll)
	}
	w.awaitWanted(keys)
	w.awaitIdle()
	require.Empty(t, w.removals())

	// Another process finds nothing to do.
	writes, versions := w.writes(), w.versions(keys)
	w.kill()
	w.run()
	require.Eventually(t, func() bool {
		for _, k := range w.controller.allKinds() {
			if !k.informer.HasSynced() {
				return false
			}
		}
		return true
	}, patience, poll)
	w.awaitIdle()
	require.Equal(t, writes, w.writes(), "a restart wrote to members")
	require.Equal(t, versions, w.versions(keys), "a restart wrote to the storage")
	w.awaitWanted(keys)

	// A cluster that leaves the federation releases what is there.
	left := w.clusters[0]
	w.leave(left.name)
	w.awaitWanted(keys)
	for target, names := range keys {
		for _, name := range names {
			require.NoError(t, w.delete(target, name))
		}
	}
	w.awaitWanted(keys)
	w.awaitIdle()
}
