package propagation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func TestTheScopeIsTakenUp(t *testing.T) {
	w := newTeam(t)
	lonely := types.NamespacedName{Namespace: "lonely", Name: "web"}
	namespaces := w.clusters[0].of(simNamespaces)
	namespaces.mu.Lock()
	namespaces.objects[types.NamespacedName{Name: "lonely"}] = &simObject{uid: "theirs", version: 1}
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
