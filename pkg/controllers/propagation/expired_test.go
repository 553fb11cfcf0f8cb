package propagation

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// The credentials of a member have expired: what it does not show is not gone, no
// deletion completes, nothing is asked again and again, and all that was asked for
// meanwhile is done when there are others.
func TestExpiredCredentialsDeleteNothing(t *testing.T) {
	w := newTeam(t)
	deleted := types.NamespacedName{Namespace: team.Namespace, Name: "deleted"}
	moved := types.NamespacedName{Namespace: team.Namespace, Name: "moved"}
	for _, key := range []types.NamespacedName{web, deleted, moved} {
		require.NoError(t, w.put(simConfigMaps, key, "1", "c0", "c1"))
		w.awaitStatus(key, "c1", typesv1beta1.ClusterPropagationOK)
	}
	w.awaitIdle()
	member := w.clusters[1]
	copies := member.of(simConfigMaps)
	before := map[types.NamespacedName]*simObject{web: copies.object(web), deleted: copies.object(deleted), moved: copies.object(moved)}
	member.expired.Store(true)

	// Before the watch has ended, and after that.
	require.NoError(t, w.delete(simConfigMaps, deleted))
	w.awaitStatus(deleted, "c1", typesv1beta1.DeletionFailed)
	copies.setState(CopiesFailed)
	require.NoError(t, w.put(simConfigMaps, moved, "1", "c0"))
	w.awaitStatus(moved, "c1", typesv1beta1.CachedRetrievalFailed)
	w.awaitStatus(web, "c1", typesv1beta1.CachedRetrievalFailed)
	w.kill()
	w.run()
	copies.setState(CopiesFailed)
	w.awaitStatus(deleted, "c1", typesv1beta1.CachedRetrievalFailed)
	require.NotEmpty(t, w.get(simConfigMaps, deleted).Finalizers, "the copy is still there")
	for key, object := range before {
		require.Equal(t, object, copies.object(key))
	}
	require.Less(t, member.unauthorized.Load(), int32(100), "it is asked ever more seldom")

	member.expired.Store(false)
	copies.relist()
	w.awaitGone(deleted)
	require.Eventually(t, func() bool {
		return copies.object(deleted) == nil && copies.object(moved) == nil
	}, patience, poll)
	w.awaitWanted(both)
	require.Equal(t, before[web], copies.object(web), "it is recognized without a write")
}
