package propagation

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// alias joins a cluster under another name.
func (w *world) alias(name string, same *simCluster) {
	alias := newSimCluster(name, w, w.tell)
	alias.same, alias.id = same, same.id
	w.mu.Lock()
	w.clusters = append(w.clusters, alias)
	w.mu.Unlock()
	w.tell(MemberChange{Name: name, Added: true})
}

// uid is that of a copy, empty if there is none.
func (c *simCluster) uid(key types.NamespacedName) types.UID {
	observed, _ := c.of(simConfigMaps).copy(key)
	return observed.uid
}

func TestAClusterUnderTwoNamesLosesNothing(t *testing.T) {
	for name, id := range map[string]string{"the cluster is known": "the one", "only its copies are": ""} {
		t.Run(name, func(t *testing.T) {
			w := newTeam(t)
			for _, c := range w.clusters {
				if c.id = id; id != "" && c.name != "c0" {
					c.id = c.name
				}
			}
			require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
			w.awaitWanted(both)
			w.awaitIdle()
			before := w.clusters[0].uid(web)
			require.NotEmpty(t, before)
			w.alias("by-mistake", w.clusters[0])
			w.awaitIdle()
			obj := w.get(simConfigMaps, web)
			require.Equal(t, before, w.clusters[0].uid(web), "it is wanted as c0")
			require.Empty(t, obj.Status.RecentRemovals)
			require.Nil(t, recordedCluster(obj, "by-mistake"))
			require.Nil(t, recordedCluster(w.get(simNamespaces, team), "by-mistake"))

			// Neither is it let go.
			w.annotate(web, typesv1beta1.OrphanAnnotation, "true")
			w.awaitIdle()
			require.Equal(t, before, w.clusters[0].uid(web))
			require.Equal(t, typesv1beta1.ManagedLabelValueTrue, w.clusters[0].of(simConfigMaps).objects[web].managed)
			w.annotate(web, typesv1beta1.OrphanAnnotation, "false")

			// It was placed under both names, and is to stay under one.
			require.NoError(t, w.put(simNamespaces, team, "", "c0", "c1", "c2", "by-mistake"))
			require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "by-mistake"))
			w.awaitIdle()
			require.NoError(t, w.put(simConfigMaps, web, "1", "by-mistake", "c1"))
			w.awaitIdle()
			obj = w.get(simConfigMaps, web)
			require.Equal(t, before, w.clusters[0].uid(web), "it is wanted as by-mistake")
			require.Nil(t, recordedCluster(obj, "c0"))

			// The storage knows better than a cache that has not been told yet.
			w.mu.Lock()
			w.registered["by-mistake"] = nil
			w.mu.Unlock()
			k := w.controller.kind(simConfigMaps.Resource)
			excluded, err := w.controller.isExcluded(t.Context(), k, obj, "c0", before)
			require.NoError(t, err)
			require.True(t, excluded, "it is not wanted as anything else any more")
			w.mu.Lock()
			delete(w.registered, "by-mistake")
			w.mu.Unlock()
			excluded, err = w.controller.isExcluded(t.Context(), k, obj, "c0", before)
			require.NoError(t, err)
			require.False(t, excluded)
		})
	}
}
