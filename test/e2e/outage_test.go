package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// quickHealthChecks makes the federation notice within seconds that a member is gone or back.
const quickHealthChecks = `{"clusterHealthCheck":{"period":"1s","timeout":"2s","failureThreshold":2,"successThreshold":1}}`

// TestMemberIsDown creates, updates and deletes while a member cannot be reached.
func TestMemberIsDown(t *testing.T) {
	for _, outage := range []struct {
		name    string
		down    func(*env.Cluster, context.Context) error
		restore func(*env.Cluster, context.Context) error
	}{
		{"its network is silent", (*env.Cluster).CutNetwork, (*env.Cluster).RestoreNetwork},
		{"its network refuses connections", (*env.Cluster).RefuseNetwork, (*env.Cluster).RestoreNetwork},
		{"its API server hangs", (*env.Cluster).Freeze, (*env.Cluster).Thaw},
		{"its control plane has ended", (*env.Cluster).Kill, (*env.Cluster).Start},
	} {
		t.Run(outage.name, func(t *testing.T) {
			f := setup(t)
			f.configure(quickHealthChecks)
			member := f.Member(cluster3)
			namespace := f.namespace(cluster1, cluster2, cluster3)
			for _, name := range []string{"kept", "doomed", "unplaced"} {
				f.create(federatedConfigMaps, federatedConfigMap(namespace, name, "before", cluster1, cluster2, cluster3))
			}
			for _, name := range []string{"kept", "doomed", "unplaced"} {
				f.awaitReady(federatedConfigMaps, namespace, name)
			}

			require.NoError(t, outage.down(member, f.ctx()))
			restored := false
			restore := func(ctx context.Context) {
				if !restored {
					restored = true
					require.NoError(t, outage.restore(member, ctx))
				}
			}
			t.Cleanup(func() { restore(context.Background()) })

			// At once: nobody has noticed yet.
			f.create(federatedConfigMaps, federatedConfigMap(namespace, "fresh", "before", cluster1, cluster2, cluster3))
			f.patch(env.HostName, federatedConfigMaps, namespace, "kept", `{"spec":{"template":{"data":{"key":"after"}}}}`)
			f.patch(env.HostName, federatedConfigMaps, namespace, "unplaced",
				fmt.Sprintf(`{"spec":{"placement":{"clusters":[{"name":%q},{"name":%q}]}}}`, cluster1, cluster2))
			f.remove(federatedConfigMaps, namespace, "doomed")
			for _, other := range []string{cluster1, cluster2} {
				f.awaitCopy(other, configMaps, namespace, "fresh", hasValue("before"))
				f.awaitCopy(other, configMaps, namespace, "kept", hasValue("after"))
				f.awaitGone(other, configMaps, namespace, "doomed")
			}

			f.awaitCopy(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster3, isOffline)
			for _, name := range []string{"fresh", "kept"} {
				f.awaitCopy(env.HostName, federatedConfigMaps, namespace, name,
					hasClusterStatus(cluster1, ""), hasClusterStatus(cluster2, ""), hasClusterStatus(cluster3, "ClusterNotReady"),
					func(object *unstructured.Unstructured) error {
						return hasCondition(object, "Propagation", "False", "CheckClusters")
					})
			}
			f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "unplaced", hasClusterStatus(cluster3, "WaitingForRemoval"))
			doomed := f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "doomed", hasClusterStatus(cluster3, "WaitingForRemoval"))
			require.NotNil(t, doomed.GetDeletionTimestamp())
			// Later: everybody knows.
			f.create(federatedConfigMaps, federatedConfigMap(namespace, "late", "before", cluster1, cluster2, cluster3))
			f.awaitCopy(cluster1, configMaps, namespace, "late", hasValue("before"))

			restore(f.ctx())
			f.awaitCopy(cluster3, configMaps, namespace, "fresh", hasValue("before"))
			f.awaitCopy(cluster3, configMaps, namespace, "late", hasValue("before"))
			f.awaitCopy(cluster3, configMaps, namespace, "kept", hasValue("after"))
			f.awaitGone(cluster3, configMaps, namespace, "doomed")
			f.awaitGone(cluster3, configMaps, namespace, "unplaced")
			f.awaitGone(env.HostName, federatedConfigMaps, namespace, "doomed")
			for _, name := range []string{"fresh", "kept", "unplaced", "late"} {
				f.awaitReady(federatedConfigMaps, namespace, name)
			}
			unplaced := f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "unplaced")
			_, _, found := clusterStatus(unplaced, cluster3)
			assert.False(t, found, "status.clusters still names %s", cluster3)
			f.awaitCopy(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster3, isOnline)
		})
	}
}

// TestDeletionIsNotBlockedByAMemberThatHasLeft deletes an object whose copy is in a cluster that is no member any more.
func TestDeletionIsNotBlockedByAMemberThatHasLeft(t *testing.T) {
	f := setup(t)
	namespace := f.namespace(cluster1, cluster3)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "left", "behind", cluster1, cluster3))
	f.awaitReady(federatedConfigMaps, namespace, "left")
	before := f.get(cluster3, configMaps, namespace, "left")

	member := f.Member(cluster3)
	f.keepSystemNamespace(cluster3)
	require.NoError(t, f.Unjoin(f.ctx(), member))
	joined := false
	t.Cleanup(func() {
		if !joined {
			assert.NoError(t, f.Join(context.Background(), member))
		}
	})
	f.awaitReady(federatedConfigMaps, namespace, "left")
	after := f.get(cluster3, configMaps, namespace, "left")
	assert.Equal(t, before.GetUID(), after.GetUID(), "leaving the federation leaves the copies")

	f.kubectl("delete", "-n", namespace, "federatedconfigmap", "left", timeoutFlag)
	f.requireAbsent(cluster1, configMaps, namespace, "left")
	f.get(cluster3, configMaps, namespace, "left")

	require.NoError(t, f.Join(f.ctx(), member))
	joined = true
	require.NoError(t, f.on(cluster3, configMaps, namespace).Delete(f.ctx(), "left", metav1.DeleteOptions{}))
}

func isOffline(cluster *unstructured.Unstructured) error {
	if err := hasClusterCondition(cluster, "Offline", "True"); err != nil {
		return err
	}
	return hasClusterCondition(cluster, "Ready", "Unknown")
}

func isOnline(cluster *unstructured.Unstructured) error {
	return hasClusterCondition(cluster, "Ready", "True")
}

func hasClusterCondition(cluster *unstructured.Unstructured, kind, status string) error {
	conditions, _, err := unstructured.NestedSlice(cluster.Object, "status", "conditions")
	if err != nil {
		return err
	}
	for _, item := range conditions {
		if condition, ok := item.(map[string]any); ok && condition["type"] == kind && condition["status"] == status {
			return nil
		}
	}
	return fmt.Errorf("%s is not %s in %v", kind, status, conditions)
}
