package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// isPausing checks that removals are paused for a reason.
func isPausing(reason string, clusters ...string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		for _, cluster := range clusters {
			if err := hasClusterStatus(cluster, "RemovalPaused")(object); err != nil {
				return err
			}
		}
		return hasCondition(object, "RemovalPaused", "True", reason)
	}
}

// TestRemovalsArePausedAndApproved empties a placement by mistake, as a values file does, and then means it.
func TestRemovalsArePausedAndApproved(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2, cluster3)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "before", cluster1, cluster2, cluster3))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	uids := map[string]any{}
	for _, cluster := range []string{cluster1, cluster2, cluster3} {
		uids[cluster] = f.get(cluster, configMaps, namespace, "settings").GetUID()
	}

	f.patch(env.HostName, federatedConfigMaps, namespace, "settings", `{"spec":{"placement":{"clusters":[]}}}`)
	object := f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "settings", isPausing("EmptyPlacement", cluster1, cluster2, cluster3))
	assert.NoError(t, hasKstatus(status.FailedStatus)(object))
	f.eventually("an event about it", func() error {
		output := f.kubectl("-n", namespace, "get", "events", "--field-selector=involvedObject.kind=FederatedConfigMap,reason=EmptyPlacement", "-o", "name")
		if output == "" {
			return fmt.Errorf("no event yet")
		}
		return nil
	})
	for cluster, uid := range uids {
		assert.Equal(t, uid, f.get(cluster, configMaps, namespace, "settings").GetUID(), cluster)
	}

	// Back again, as if nothing had been.
	f.patch(env.HostName, federatedConfigMaps, namespace, "settings",
		fmt.Sprintf(`{"spec":{"placement":{"clusters":[{"name":%q},{"name":%q},{"name":%q}]}}}`, cluster1, cluster2, cluster3))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	for cluster, uid := range uids {
		assert.Equal(t, uid, f.get(cluster, configMaps, namespace, "settings").GetUID(), cluster)
	}

	// Two of three are beyond the budget; what is selected is kept up to date.
	f.patch(env.HostName, federatedConfigMaps, namespace, "settings",
		fmt.Sprintf(`{"spec":{"placement":{"clusters":[{"name":%q}]},"template":{"data":{"key":"after"}}}}`, cluster1))
	f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("after"))
	object = f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "settings", isPausing("BlastRadiusExceeded", cluster2, cluster3), hasClusterStatus(cluster1, ""))
	hash, _, err := unstructured.NestedString(object.Object, "status", "pausedRemoval", "hash")
	require.NoError(t, err)
	assert.Contains(t, conditionMessage(object, "RemovalPaused"), "kubectl fed approve configmaps settings -n "+namespace)

	refusal := f.refused("", "annotate", "-n", namespace, "federatedconfigmap", "settings", "kubefed.io/approve-removal=yes")
	assert.Contains(t, refusal, "metadata.annotations[kubefed.io/approve-removal]")
	stale := f.succeed("", "annotate", "-n", namespace, "federatedconfigmap", "settings", "kubefed.io/approve-removal=0123456789abcdef")
	assert.Contains(t, stale.stderr, "approves nothing, as what is paused has the hash "+hash)
	assert.Contains(t, f.fed("approve", "--list", "-n", namespace), cluster2+", "+cluster3)
	assert.Contains(t, f.fed("approve", "fcm", "settings", "-n", namespace, "--dry-run"), "approved (dry run)")
	assert.Contains(t, f.fed("approve", "fcm", "settings", "-n", namespace), "removal from "+cluster2+", "+cluster3+" approved")
	f.awaitGone(cluster2, configMaps, namespace, "settings")
	f.awaitGone(cluster3, configMaps, namespace, "settings")
	object = f.awaitReady(federatedConfigMaps, namespace, "settings")
	assert.NotContains(t, object.Object["status"], "pausedRemoval")
	assert.Equal(t, uids[cluster1], f.get(cluster1, configMaps, namespace, "settings").GetUID())

	widened := f.succeed("", "patch", "-n", namespace, "federatedconfigmap", "settings", "--type=merge",
		`-p={"spec":{"placement":{"clusters":null,"clusterSelector":{}}}}`)
	assert.Contains(t, widened.stderr, "spec.placement.clusterSelector: selects all 3 clusters, where 1 were selected before")
}

// TestNamespacesGoWhenConfirmed takes a cluster from a FederatedNamespace.
func TestNamespacesGoWhenConfirmed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "before", cluster1, cluster2))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	f.patch(env.HostName, federatedNamespaces, namespace, namespace, fmt.Sprintf(`{"spec":{"placement":{"clusters":[{"name":%q}]}}}`, cluster1))
	f.awaitCopy(env.HostName, federatedNamespaces, namespace, namespace, isPausing("ConfirmationRequired", cluster2))

	// What is in it stays with it.
	f.patch(env.HostName, federatedConfigMaps, namespace, "settings", `{"spec":{"template":{"data":{"key":"after"}}}}`)
	f.awaitCopy(cluster2, configMaps, namespace, "settings", hasValue("after"))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	require.Nil(t, f.get(cluster2, namespaces, "", namespace).GetDeletionTimestamp())

	out := f.fed("approve", "namespaces", "--cluster", cluster2, "--yes", "-n", namespace)
	assert.Equal(t, 1, strings.Count(out, "approved"), out)
	f.awaitGone(cluster2, namespaces, "", namespace)
	f.awaitReady(federatedNamespaces, namespace, namespace)
	object := f.awaitReady(federatedConfigMaps, namespace, "settings")
	assert.NotContains(t, object.Object["status"], "recentRemovals", "the approval is for what is in the namespace too")
	f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("after"))
}
