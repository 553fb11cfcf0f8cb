package propagation

import (
	"testing"

	"github.com/stretchr/testify/require"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// A member that has joined becomes ready between the look that found it unready and the write that says so: the change of readiness does
// not find the copy, and the event of the write is our own.
func TestReadinessOvertakesTheReport(t *testing.T) {
	w := newTeam(t)
	member := w.clusters[1]
	w.leave(member.name)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", member.name))
	require.Eventually(t, func() bool {
		live, err := w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
		return err == nil && len(live.Status.Clusters) == 1 && live.Status.Conditions[0].Status == "True"
	}, patience, poll)
	w.awaitIdle()
	hold := make(chan struct{})
	overtake := func(obj *typesv1beta1.FederatedObject) {
		if entry := recordedCluster(obj, member.name); obj.Name == web.Name && entry != nil && entry.Status == typesv1beta1.ClusterNotReady {
			w.beforeStatus.Store(nil)
			w.holdEvents.Store(&hold)
			member.setReady(true)
		}
	}
	w.beforeStatus.Store(&overtake)
	member.setReady(false)
	w.join(member.name)
	require.Eventually(t, func() bool { return w.beforeStatus.Load() == nil && w.controller.isWritten(web.Name) }, patience, poll)
	w.holdEvents.Store(nil)
	close(hold)
	w.awaitWanted(both)
}

// isWritten says that our last write of an object has not come back yet.
func (c *Controller) isWritten(name string) bool {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	for key, record := range c.ledger.records {
		if key.Name == name && record.written != nil {
			return true
		}
	}
	return false
}
