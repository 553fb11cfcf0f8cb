package propagation

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Where a namespace was let go, what is in it does not go with it, neither then nor
// when the next one would not be let go.
func TestWhatIsInANamespaceThatWasLetGoHasABudget(t *testing.T) {
	w := newCautious(t, shipped)
	w.annotateNamespace(typesv1beta1.OrphanAnnotation, "true")
	require.NoError(t, w.put(simNamespaces, team, "", "c0"))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c1", "c2")
	w.awaitWanted(map[schema.GroupVersionResource][]types.NamespacedName{simNamespaces: {team}})
	w.annotateNamespace(typesv1beta1.OrphanAnnotation, "false")
	require.NoError(t, w.put(simConfigMaps, web, "2", "c0", "c1", "c2"))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c1", "c2")
	w.awaitIdle()
	require.Len(t, w.copiesOf(web), 3)
}

// Where a namespace is not the federation's, its removal is none, and nobody
// approves it.
func TestWhatIsInTheNamespaceOfAnotherHasABudget(t *testing.T) {
	w := newCautious(t, shipped)
	for _, c := range w.clusters[1:] {
		namespaces, name := c.of(simNamespaces), types.NamespacedName{Name: team.Name}
		namespaces.alter(name, func(o *simObject) { o.managed = "false" })
		namespaces.show(name)
		require.Eventually(t, func() bool {
			return recordedCluster(w.get(simNamespaces, team), c.name).Status == typesv1beta1.ManagedLabelFalse
		}, patience, poll)
	}
	require.NoError(t, w.put(simNamespaces, team, "", "c0"))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c1", "c2")
	w.awaitIdle()
	require.Len(t, w.copiesOf(web), 3)
	require.Len(t, w.get(simNamespaces, team).Status.Clusters, 1)
}

// What other objects have lost of late counts, also where their kind is started
// after this one.
func TestTheBudgetWaitsForKindsThatStartLate(t *testing.T) {
	limits := shipped
	limits.Objects, limits.Confirm = intstr.FromInt32(1), nil
	w := newCautious(t, limits)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
	w.awaitWanted(both)
	require.Len(t, w.get(simConfigMaps, web).Status.RecentRemovals, 1)
	w.kill()
	w.starting.Store(true)
	w.run()
	require.NoError(t, w.put(simNamespaces, team, "", "c0", "c1"))
	require.Eventually(t, func() bool {
		obj := w.get(simNamespaces, team)
		return obj.Status.ObservedGeneration == obj.Generation
	}, patience, poll)
	w.startKind(simConfigMaps)
	w.starting.Store(false)
	w.awaitPaused(simNamespaces, team, typesv1beta1.ReasonGlobalBudgetExceeded, "c2")
	require.Equal(t, 1, w.clusters[2].of(simNamespaces).len())
}
