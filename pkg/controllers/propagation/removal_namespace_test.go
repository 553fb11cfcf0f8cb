package propagation

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Where a namespace was let go, what is in it does not go with it, neither then nor
// when the next one would not be let go.
func TestWhatIsInANamespaceThatWasLetGoHasABudget(t *testing.T) {
	w := newCautious(t, shipped)
	w.annotateNamespace(typesv1beta1.OrphanAnnotation, "true")
	require.NoError(t, w.put(simNamespaces, team, "", "c0"))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c1", "c2")
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
