package propagation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

func TestTheScopeIsTakenUp(t *testing.T) {
	w := newTeam(t)
	lonely := types.NamespacedName{Namespace: typeserver.Namespace, Name: "web"}
	namespaces := w.clusters[0].of(simNamespaces)
	namespaces.mu.Lock()
	namespaces.objects[types.NamespacedName{Name: typeserver.Namespace}] = &simObject{uid: "theirs", version: 1}
	namespaces.mu.Unlock()
	require.NoError(t, w.put(simConfigMaps, lonely, "1", "c0"))
	require.Eventually(t, func() bool {
		obj, err := w.kinds[simConfigMaps].Get(t.Context(), lonely.Namespace, lonely.Name)
		found := err == nil && obj.Status.ObservedGeneration == obj.Generation
		return found && condition(obj, typesv1beta1.PropagationCondition).Reason == typesv1beta1.ReasonNamespaceNotFederated
	}, patience, poll)
	w.awaitIdle()

	w.configure(func(s *Settings) { s.Namespaced = true })
	w.awaitStatus(lonely, "c0", typesv1beta1.ClusterPropagationOK)

	// Elsewhere nothing is done any more, except what a deletion asks for.
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0"))
	require.Eventually(t, func() bool {
		obj, err := w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
		require.NoError(t, err)
		said := condition(obj, typesv1beta1.PropagationCondition)
		return said != nil && strings.Contains(said.Message, "confined to the namespace")
	}, patience, poll)
	w.awaitIdle()
	require.NotContains(t, w.clusters[0].of(simConfigMaps).Keys(), web)
	require.NoError(t, w.delete(simConfigMaps, web))
	require.Eventually(t, func() bool {
		_, err := w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
		return apierrors.IsNotFound(err)
	}, patience, poll)
}

func TestTheNumberOfObjectWorkersIsTakenUp(t *testing.T) {
	w := newTeam(t)
	running := func() int {
		w.controller.mu.RLock()
		defer w.controller.mu.RUnlock()
		return w.controller.objectWorkers
	}
	w.configure(func(s *Settings) { s.ObjectWorkers = 40 })
	require.Eventually(t, func() bool { return running() == 40 }, patience, poll)

	// KubeFed's default is no reason to be slow.
	w.configure(func(s *Settings) { s.ObjectWorkers = 1 })
	require.Eventually(t, func() bool {
		// They end after the next object.
		w.controller.resync(w.controller.kind(simNamespaces.Resource), "")
		return running() == 16
	}, patience, poll)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0"))
	w.awaitWanted(both)
}

func TestAListThatTakesTooLongIsTold(t *testing.T) {
	w := newTeam(t)
	w.configure(func(s *Settings) { s.CacheSyncTimeout = 50 * time.Millisecond })
	slow := w.clusters[0].of(simConfigMaps)
	slow.setState(CopiesSyncing)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
	obj := w.awaitStatus(web, "c0", typesv1beta1.CachedRetrievalFailed)
	require.Contains(t, recordedCluster(obj, "c0").Message, "no answer within 50ms (controllerDuration.cacheSyncTimeout)")
	w.awaitStatus(web, "c1", typesv1beta1.ClusterPropagationOK)

	slow.setState(CopiesSynced)
	w.awaitStatus(web, "c0", typesv1beta1.ClusterPropagationOK)
}
