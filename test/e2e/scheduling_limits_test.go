package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// TestSchedulingWithoutRoom has pods in one cluster that find no node: after a minute their replicas go elsewhere.
func TestSchedulingWithoutRoom(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	nodes, err := f.on(cluster1, core("nodes"), "").List(f.ctx(), metav1.ListOptions{})
	require.NoError(t, err)
	room := int64(len(nodes.Items))
	// A pod takes more than half a node, in that cluster only.
	object := override(federatedDeployment(namespace, "web", 1, cluster1, cluster2), cluster1,
		map[string]any{"path": "/spec/template/spec/containers/0/resources", "value": map[string]any{"requests": map[string]any{"cpu": "20"}}})
	f.create(federatedDeployments, object)
	total := 2*room + 4
	f.preference(namespace, "web", fmt.Sprintf(`{"totalReplicas": %d, "rebalance": true}`, total))
	even := map[string]int64{cluster1: total / 2, cluster2: total / 2}
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(even))
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", runs(cluster1, total/2, room), runs(cluster2, total/2, total/2))

	moved := map[string]int64{cluster1: room, cluster2: total - room}
	f.eventuallyAfterAMinute("replicas without room to move", func() error {
		object, err := f.host(federatedDeployments, namespace).Get(f.ctx(), "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		return isPlanned(moved)(object)
	})
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", runs(cluster1, room, room), runs(cluster2, total-room, total-room),
		hasInt(total, "status", "planned"), hasInt(total, "status", "ready"), condition("Unsatisfiable", "False", "Satisfiable"))
	// They do not come back when nothing tells of the lack of room any more.
	f.patch(env.HostName, replicaSchedulingPreferences, namespace, "web", fmt.Sprintf(`{"spec":{"totalReplicas":%d}}`, total+1))
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(map[string]int64{cluster1: room, cluster2: total + 1 - room}))

	// With no room in the other cluster either, its share by weight stays, and the total is not exceeded.
	f.patch(env.HostName, replicaSchedulingPreferences, namespace, "web", fmt.Sprintf(`{"spec":{"clusters":{%q:{"weight":1},%q:{"weight":1,"maxReplicas":2}}}}`, cluster1, cluster2))
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(map[string]int64{cluster1: (total + 2) / 2, cluster2: 2}))
	preference := f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", condition("Unsatisfiable", "True", "InsufficientCapacity"))
	assert.Equal(t, fmt.Sprintf("capacity for %d of %d", room+2, total+1), conditionMessage(preference, "Unsatisfiable"))
}

// eventuallyAfterAMinute waits for what the federation does a minute after something.
func (f *federation) eventuallyAfterAMinute(what string, check func() error) {
	f.t.Helper()
	var last error
	for range 3 {
		err := wait.PollUntilContextTimeout(f.ctx(), pollInterval, patience, true, func(context.Context) (bool, error) {
			last = check()
			return last == nil, nil
		})
		if err == nil {
			return
		}
	}
	require.FailNow(f.t, "waited in vain for "+what, "%v", last)
}

// TestSchedulingWhenAMemberIsLost moves replicas away and back, and leaves the copy where it is.
func TestSchedulingWhenAMemberIsLost(t *testing.T) {
	f := setup(t)
	f.configure(`{"clusterHealthCheck":{"period":"1s","timeout":"2s","failureThreshold":2,"successThreshold":1},
		"controllerDuration":{"availableDelay":"2s","unavailableDelay":"3s"}}`)
	namespace := f.namespace(cluster1, cluster3)
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1, cluster3))
	f.preference(namespace, "web", `{"totalReplicas": 6, "rebalance": true}`)
	both := map[string]int64{cluster1: 3, cluster3: 3}
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(both))
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", runs(cluster1, 3, 3), runs(cluster3, 3, 3))
	uid := f.get(cluster3, deployments, namespace, "web").GetUID()

	member := f.Member(cluster3)
	require.NoError(t, member.RefuseNetwork(f.ctx()))
	restored := false
	t.Cleanup(func() {
		if !restored {
			assert.NoError(t, member.RestoreNetwork(context.Background()))
		}
	})
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(map[string]int64{cluster1: 6, cluster3: 3}))
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", runs(cluster1, 6, 6), runs(cluster3, 0, 0), hasInt(6, "status", "planned"))

	require.NoError(t, member.RestoreNetwork(f.ctx()))
	restored = true
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(both))
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", runs(cluster1, 3, 3), runs(cluster3, 3, 3))
	assert.Equal(t, uid, f.get(cluster3, deployments, namespace, "web").GetUID(), "the copy was made anew")
}

// TestSchedulingIsDisabled switches the feature gate off and on.
func TestSchedulingIsDisabled(t *testing.T) {
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1, cluster2))
	f.preference(namespace, "web", `{"totalReplicas": 4}`)
	planned := map[string]int64{cluster1: 2, cluster2: 2}
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(planned))

	f.configure(`{"featureGates":[{"name":"SchedulerPreferences","configuration":"Disabled"}]}`)
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", condition("Scheduled", "False", "SchedulingDisabled"))
	f.patch(env.HostName, replicaSchedulingPreferences, namespace, "web", `{"spec":{"totalReplicas":8}}`)
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", condition("Scheduled", "False", "SchedulingDisabled"))
	require.NoError(t, isPlanned(planned)(f.get(env.HostName, federatedDeployments, namespace, "web")), "what is planned stays")

	f.configure(`{"featureGates":[{"name":"SchedulerPreferences","configuration":"Enabled"}]}`)
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(map[string]int64{cluster1: 4, cluster2: 4}))
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", condition("Scheduled", "True", "Scheduled"))

	// Whatever the gate says, a preference can be deleted.
	f.configure(`{"featureGates":[{"name":"SchedulerPreferences","configuration":"Disabled"}]}`)
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", condition("Scheduled", "False", "SchedulingDisabled"))
	f.kubectl("-n", namespace, "delete", "rsp", "web", timeoutFlag)
	require.NotContains(t, f.get(env.HostName, federatedDeployments, namespace, "web").GetAnnotations(), "kubefed.io/replica-scheduling")
}

// isHandedOver checks that the replicas of a copy have been left to its member.
func isHandedOver(object *unstructured.Unstructured) error {
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == "federation-apiserver-replicas" {
			return nil
		}
	}
	return fmt.Errorf("managedFields: %v", object.GetManagedFields())
}

// TestSchedulingBesideAnAutoscaler has somebody else set replicas through the subresource scale of a copy, as an
// autoscaler does: the preference tells, and plans nothing else for it.
func TestSchedulingBesideAnAutoscaler(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1, cluster2))
	f.preference(namespace, "web", `{"totalReplicas": 4}`)
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", runs(cluster1, 2, 2), runs(cluster2, 2, 2), condition("Scheduled", "True", ""))
	before := f.get(env.HostName, federatedDeployments, namespace, "web").GetGeneration()

	scale := func() {
		t.Helper()
		f.eventually("the scale to be written", func() error {
			_, err := f.on(cluster1, deployments, namespace).Patch(f.ctx(), "web", types.MergePatchType, []byte(`{"spec":{"replicas":7}}`),
				metav1.PatchOptions{FieldManager: "kube-controller-manager"}, "scale")
			if apierrors.IsConflict(err) {
				return err
			}
			require.NoError(t, err)
			return nil
		})
	}
	scale()
	object := f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", condition("Scheduled", "False", "ReplicasContended"))
	assert.Contains(t, conditionMessage(object, "Scheduled"), "kube-controller-manager sets spec.replicas in cluster "+cluster1)
	f.awaitCopy(cluster1, deployments, namespace, "web", hasReplicas(2))
	assert.Equal(t, before, f.get(env.HostName, federatedDeployments, namespace, "web").GetGeneration(), "the plan did not move")

	// Left to the members, nobody puts anything back.
	f.patch(env.HostName, federatedDeployments, namespace, "web", `{"spec":{"retainReplicas":true}}`)
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", condition("Scheduled", "False", "ReplicasRetained"))
	require.NoError(t, isPlanned(map[string]int64{})(withoutPlacement(f.get(env.HostName, federatedDeployments, namespace, "web"))), "overrides would win")
	f.awaitCopy(cluster1, deployments, namespace, "web", isHandedOver)
	scale()
	f.awaitCopy(cluster1, deployments, namespace, "web", hasReplicas(7), hasInt(7, "status", "readyReplicas"))
	f.awaitReady(federatedDeployments, namespace, "web")
	assert.NoError(t, hasReplicas(7)(f.get(cluster1, deployments, namespace, "web")))
}

// withoutPlacement leaves the list of clusters out.
func withoutPlacement(object *unstructured.Unstructured) *unstructured.Unstructured {
	unstructured.RemoveNestedField(object.Object, "spec", "placement")
	return object
}
