package propagation

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// holdAll keeps writes from all clusters, or lets them through again.
func (w *world) holdAll(held *members.HeldError) {
	for _, cluster := range w.clusters {
		cluster.hold(held)
	}
}

// effects of a report, by cluster of ConfigMaps.
func effects(report *identity.Report) map[string]map[identity.Effect][]string {
	found := map[string]map[identity.Effect][]string{}
	for _, group := range report.Groups {
		if group.Type != "configmaps" {
			continue
		}
		if found[group.Cluster] == nil {
			found[group.Cluster] = map[identity.Effect][]string{}
		}
		found[group.Cluster][group.Effect] = group.Names
	}
	return found
}

// While an operator has to confirm that the store is the right one, members are not
// even asked to change anything; objects say why, and the report says what would be
// done. All of it is done when it is confirmed.
func TestNothingIsWrittenInARecovery(t *testing.T) {
	w := newTeam(t)
	deleted, excluded, missing := types.NamespacedName{Namespace: "team", Name: "deleted"}, types.NamespacedName{Namespace: "team", Name: "excluded"}, types.NamespacedName{Namespace: "team", Name: "missing"}
	unchanged, fresh, planted := types.NamespacedName{Namespace: "team", Name: "unchanged"}, types.NamespacedName{Namespace: "team", Name: "fresh"}, types.NamespacedName{Namespace: "team", Name: "planted"}
	for _, name := range []types.NamespacedName{web, deleted, excluded, missing, unchanged} {
		require.NoError(t, w.put(simConfigMaps, name, "1", "c0", "c1", "c2"))
	}
	wanted := map[schema.GroupVersionResource][]types.NamespacedName{simNamespaces: {team}, simConfigMaps: {web, deleted, excluded, missing, unchanged, fresh}}
	w.awaitWanted(wanted)
	w.awaitIdle()

	held := &members.HeldError{Reason: members.HoldRecovery, Message: "the store was restored"}
	w.holdAll(held)
	before := w.writes()
	require.NoError(t, w.put(simConfigMaps, web, "2", "c0", "c1", "c2"))
	require.NoError(t, w.put(simConfigMaps, excluded, "1", "c0", "c1"))
	require.NoError(t, w.put(simConfigMaps, fresh, "1", "c0", "c1", "c2"))
	require.NoError(t, w.delete(simConfigMaps, deleted))
	w.clusters[0].of(simConfigMaps).lose(missing)
	w.clusters[0].of(simConfigMaps).plant(planted)

	obj := w.awaitStatus(web, "c2", typesv1beta1.RecoveryPending)
	require.Equal(t, "the store was restored", recordedCluster(obj, "c2").Message)
	for conditionType, status := range map[string]corev1.ConditionStatus{
		typesv1beta1.PropagationCondition: corev1.ConditionFalse, typesv1beta1.ReadyCondition: corev1.ConditionFalse, typesv1beta1.StalledCondition: corev1.ConditionTrue,
	} {
		require.NotNil(t, condition(obj, conditionType), conditionType)
		require.Equal(t, status, condition(obj, conditionType).Status, conditionType)
		require.Equal(t, ReasonRecoveryPending, condition(obj, conditionType).Reason, conditionType)
	}
	w.awaitStatus(excluded, "c2", typesv1beta1.RecoveryPending)
	w.awaitStatus(fresh, "c0", typesv1beta1.RecoveryPending)
	w.awaitStatus(missing, "c0", typesv1beta1.RecoveryPending)
	w.awaitStatus(missing, "c1", typesv1beta1.ClusterPropagationOK)
	w.awaitStatus(deleted, "c1", typesv1beta1.RecoveryPending)
	w.awaitIdle()
	require.Equal(t, before, w.writes())
	require.Zero(t, w.refused(), "writes that were tried in vain")

	var report *identity.Report
	require.Eventually(t, func() bool {
		report = w.controller.Report(t.Context())
		return len(report.Unseen) == 0
	}, patience, poll)
	require.Equal(t, map[string]map[identity.Effect][]string{
		"c0": {
			identity.Changed: {"team/web"}, identity.Created: {"team/fresh"}, identity.Removed: {"team/deleted"},
			identity.MadeAgain: {"team/missing"}, identity.Released: {"team/planted"},
		},
		"c1": {identity.Changed: {"team/web"}, identity.Created: {"team/fresh"}, identity.Removed: {"team/deleted"}},
		"c2": {identity.Changed: {"team/web"}, identity.Created: {"team/fresh"}, identity.Removed: {"team/deleted", "team/excluded"}},
	}, effects(report))
	require.Equal(t, report.Hash, w.controller.Report(t.Context()).Hash)

	w.holdAll(nil)
	w.awaitWanted(wanted)
	require.Eventually(t, func() bool {
		object := w.clusters[0].of(simConfigMaps).object(planted)
		return object != nil && object.managed == ""
	}, patience, poll, "a copy without a federated object is let go, and stays")
}

// A member whose owner is not known yet is written to when it is, and one of another
// hub is not at all; the others go on.
func TestTheMemberOfAnotherHubIsLeftAlone(t *testing.T) {
	w := newTeam(t)
	w.clusters[0].hold(&members.HeldError{Reason: members.HoldUnchecked, Message: "not known yet"})
	w.clusters[1].hold(&members.HeldError{Reason: members.HoldNotOwner, Message: "the hub b writes there"})
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	obj := w.awaitStatus(web, "c1", typesv1beta1.NotOwner)
	require.Equal(t, "the hub b writes there", recordedCluster(obj, "c1").Message)
	w.awaitStatus(web, "c2", typesv1beta1.ClusterPropagationOK)
	obj = w.awaitStatus(web, "c0", typesv1beta1.Pending)
	require.Equal(t, typesv1beta1.ReasonCheckClusters, condition(obj, typesv1beta1.PropagationCondition).Reason)
	require.Zero(t, w.refused())

	w.clusters[0].hold(nil)
	w.awaitStatus(web, "c0", typesv1beta1.ClusterPropagationOK)
	w.clusters[1].hold(nil)
	w.awaitWanted(both)
}
