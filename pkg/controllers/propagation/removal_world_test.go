package propagation

import (
	"fmt"
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
)

func TestARemovalBeyondTheBudgetIsPaused(t *testing.T) {
	w := newCautious(t, shipped)
	require.NoError(t, w.put(simConfigMaps, web, "2", "c2"))
	w.awaitStatus(web, "c2", typesv1beta1.ClusterPropagationOK) // the rest goes on
	obj := w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c0", "c1")
	require.Equal(t, []string{"c0", "c1", "c2"}, w.copiesOf(web))
	stalled := condition(obj, typesv1beta1.StalledCondition)
	require.NotNil(t, stalled, "%+v", obj.Status.Conditions)
	require.Equal(t, typesv1beta1.ReasonBlastRadiusExceeded, stalled.Reason)
	require.Equal(t, corev1.ConditionFalse, condition(obj, typesv1beta1.PropagationCondition).Status)

	// It waits for an approval of this list, also in another process.
	w.kill()
	w.run()
	w.awaitIdle()
	require.NoError(t, w.put(simConfigMaps, web, "3", "c1", "c2"))
	fewer := w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c0")
	require.Equal(t, obj.Status.PausedRemoval.Since, fewer.Status.PausedRemoval.Since)
	w.approve(simConfigMaps, web, obj.Status.PausedRemoval.Hash)
	w.awaitIdle()
	require.Equal(t, []string{"c0", "c1", "c2"}, w.copiesOf(web), "another list was approved")
	w.approve(simConfigMaps, web, fewer.Status.PausedRemoval.Hash)
	w.awaitWanted(both)
	w.awaitIdle()
	require.Equal(t, []string{"c1", "c2"}, w.copiesOf(web))
	done := w.get(simConfigMaps, web)
	require.Nil(t, done.Status.PausedRemoval)
	require.Empty(t, done.Status.ApprovedRemovals)
	require.Empty(t, done.Status.RecentRemovals, "an approved removal is not at the expense of the budget")
	require.Nil(t, condition(done, typesv1beta1.RemovalPausedCondition))

	// An approval is good once.
	require.NoError(t, w.put(simConfigMaps, web, "4", "c0", "c1", "c2"))
	w.awaitWanted(both)
	require.NoError(t, w.put(simConfigMaps, web, "5", "c1", "c2"))
	w.awaitWanted(both)
	require.Len(t, w.get(simConfigMaps, web).Status.RecentRemovals, 1)
}

func TestAPauseEndsWhenNothingIsToGo(t *testing.T) {
	w := newCautious(t, shipped)
	writes := w.writes()
	require.NoError(t, w.put(simConfigMaps, web, "1"))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonEmptyPlacement, "c0", "c1", "c2")
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	require.Nil(t, w.get(simConfigMaps, web).Status.PausedRemoval)
	require.Equal(t, writes, w.writes(), "nothing was touched")

	// Its author means it.
	w.cautious = false
	require.NoError(t, w.put(simConfigMaps, web, "1"))
	w.awaitWanted(both)
	require.Len(t, w.get(simConfigMaps, web).Status.RecentRemovals, 3)
}

func TestRecentRemovalsAreRemembered(t *testing.T) {
	w := newCautious(t, shipped)
	before := w.hubWrites()
	require.NoError(t, w.put(simConfigMaps, web, "1", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	require.LessOrEqual(t, w.hubWrites()-before, 2, "what is remembered is written with the rest")
	recent := w.get(simConfigMaps, web).Status.RecentRemovals
	require.Len(t, recent, 1)
	require.Equal(t, "c0", recent[0].Name)
	w.kill()
	w.run()
	require.NoError(t, w.put(simConfigMaps, web, "1", "c2"))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c1")
	require.Equal(t, []string{"c1", "c2"}, w.copiesOf(web))

	// A deletion needs nobody else.
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitWanted(both)
}

func TestTheBudgetOfAllObjects(t *testing.T) {
	limits := shipped
	limits.Objects = intstr.FromInt32(2)
	w := newCautious(t, limits)
	other := func(i int) types.NamespacedName {
		return types.NamespacedName{Namespace: web.Namespace, Name: fmt.Sprintf("other%d", i)}
	}
	for i := range 3 {
		require.NoError(t, w.put(simConfigMaps, other(i), "1", "c0", "c1"))
		w.awaitStatus(other(i), "c1", typesv1beta1.ClusterPropagationOK)
	}
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
	w.awaitWanted(both)
	require.NoError(t, w.put(simConfigMaps, other(0), "1", "c0"))
	w.awaitWanted(map[schema.GroupVersionResource][]types.NamespacedName{simConfigMaps: {other(0)}})
	w.awaitIdle()
	require.Zero(t, w.controller.budgetLeft())
	require.NoError(t, w.put(simConfigMaps, other(1), "1", "c0"))
	obj := w.awaitPaused(simConfigMaps, other(1), typesv1beta1.ReasonGlobalBudgetExceeded, "c1")
	w.kill()
	w.run()
	require.NoError(t, w.put(simConfigMaps, other(2), "1", "c0"))
	w.awaitPaused(simConfigMaps, other(2), typesv1beta1.ReasonGlobalBudgetExceeded, "c1")
	w.approve(simConfigMaps, other(1), obj.Status.PausedRemoval.Hash)
	w.awaitWanted(map[schema.GroupVersionResource][]types.NamespacedName{simConfigMaps: {other(0), other(1), web}})
}

func TestANamespaceGoesOnlyWhenThatIsConfirmed(t *testing.T) {
	w := newCautious(t, shipped)
	namespaces := w.clusters[2].of(simNamespaces)
	require.NoError(t, w.put(simNamespaces, team, "", "c0", "c1"))
	obj := w.awaitPaused(simNamespaces, team, typesv1beta1.ReasonConfirmationRequired, "c2")

	// What is in it stays, and is kept up to date.
	require.NoError(t, w.put(simConfigMaps, web, "2", "c0", "c1", "c2"))
	require.Eventually(t, func() bool {
		copy, _ := w.clusters[2].of(simConfigMaps).copy(web)
		return copy.body != "" && w.get(simConfigMaps, web).Status.ObservedGeneration == w.get(simConfigMaps, web).Generation
	}, patience, poll)
	w.awaitStatus(web, "c2", typesv1beta1.ClusterPropagationOK)
	fresh := types.NamespacedName{Namespace: team.Namespace, Name: "fresh"}
	require.NoError(t, w.put(simConfigMaps, fresh, "1", "c2"))
	w.awaitStatus(fresh, "c2", typesv1beta1.ClusterPropagationOK)
	w.awaitIdle()
	w.kill()
	w.run()
	w.awaitIdle()
	require.Equal(t, []string{"c0", "c1", "c2"}, w.copiesOf(web))
	require.Equal(t, 1, namespaces.len())

	w.approve(simNamespaces, team, obj.Status.PausedRemoval.Hash)
	w.awaitWanted(both)
	w.awaitIdle()
	require.Equal(t, []string{"c0", "c1"}, w.copiesOf(web))
	require.Empty(t, w.get(simConfigMaps, web).Status.RecentRemovals, "it is covered by the approval for the namespace")
	require.Zero(t, w.controller.window.Count(time.Now(), time.Hour))

	// To delete the federated object is to confirm it.
	require.NoError(t, w.delete(simNamespaces, team))
	require.Eventually(t, func() bool {
		_, err := w.kinds[simNamespaces].Get(t.Context(), team.Namespace, team.Name)
		return apierrors.IsNotFound(err)
	}, patience, poll)
}

// A namespace that is let go takes nothing with it, so that what is in it counts by
// itself.
func TestWhatIsInANamespaceThatStaysHasABudget(t *testing.T) {
	w := newCautious(t, shipped)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"true"}}}`, typesv1beta1.OrphanAnnotation)
	_, err := w.client.Resource(w.kinds[simNamespaces].Resource()).Namespace(team.Namespace).
		Patch(t.Context(), team.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(t, err)
	require.NoError(t, w.put(simNamespaces, team, "", "c0"))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c1", "c2")
	w.awaitIdle()
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c1", "c2")
	require.Len(t, w.copiesOf(web), 3)
	require.Len(t, w.get(simNamespaces, team).Status.Clusters, 1)
	require.Equal(t, 1, w.clusters[1].of(simNamespaces).len())
}

// Somebody deletes in a cluster what was not to go without an approval.
func TestACopyThatIsPausedMayGoByItself(t *testing.T) {
	w := newCautious(t, shipped)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0"))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c1", "c2")
	for _, cluster := range w.clusters[1:] {
		copies := cluster.of(simConfigMaps)
		copies.mu.Lock()
		delete(copies.objects, web)
		copies.mu.Unlock()
		copies.interrupt()
	}
	require.Eventually(t, func() bool {
		obj := w.get(simConfigMaps, web)
		return len(obj.Status.Clusters) == 1 && obj.Status.PausedRemoval == nil
	}, patience, poll)
	w.awaitWanted(both)
}

func TestADeletionThatIsToBeConfirmed(t *testing.T) {
	limits := shipped
	limits.ConfirmDeletion = []string{simConfigMaps.Resource}
	w := newCautious(t, limits)
	require.NoError(t, w.delete(simConfigMaps, web))
	obj := w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonConfirmationRequired, "c0", "c1", "c2")
	require.NotNil(t, obj.DeletionTimestamp)
	w.kill()
	w.run()
	w.awaitIdle()
	require.Len(t, w.copiesOf(web), 3)
	w.approve(simConfigMaps, web, obj.Status.PausedRemoval.Hash)
	w.awaitWanted(both)
	require.Empty(t, w.copiesOf(web))

	// The settings may change their mind.
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
	w.awaitWanted(both)
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonConfirmationRequired, "c0", "c1")
	w.configure(func(s *Settings) { s.Removals = shipped })
	w.awaitWanted(both)
	require.Empty(t, w.copiesOf(web))
}

func TestOrphansAndLeaversAreNotCounted(t *testing.T) {
	w := newCautious(t, shipped)
	w.annotate(web, typesv1beta1.OrphanAnnotation, "true")
	require.NoError(t, w.put(simConfigMaps, web, "1", "c2"))
	w.awaitWanted(both)
	require.Equal(t, 1, w.clusters[0].of(simConfigMaps).len(), "it is let go")
	w.leave("c2")
	w.awaitWanted(both)
	w.awaitIdle()
	obj := w.get(simConfigMaps, web)
	require.Empty(t, obj.Status.RecentRemovals)
	require.Nil(t, obj.Status.PausedRemoval)
	require.Equal(t, 1, w.clusters[2].of(simConfigMaps).len())
}
