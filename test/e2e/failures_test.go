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

// TestMemberRefusesAWrite asks one member for something that it does not accept.
func TestMemberRefusesAWrite(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	object := override(federatedDeployment(namespace, "web", 1, cluster1, cluster2), cluster2, map[string]any{"path": "/spec/replicas", "value": int64(-1)})
	f.create(federatedDeployments, object)
	f.awaitCopy(cluster1, deployments, namespace, "web", hasReplicas(1))
	refused := f.awaitCopy(env.HostName, federatedDeployments, namespace, "web",
		hasClusterStatus(cluster1, ""), hasClusterStatus(cluster2, "CreationFailed"),
		func(object *unstructured.Unstructured) error {
			return hasCondition(object, "Ready", "False", "CheckClusters")
		})
	_, message, _ := clusterStatus(refused, cluster2)
	assert.Contains(t, message, "spec.replicas", "the member's own words")
	f.eventually("a warning event", func() error {
		list, err := f.host(events, namespace).List(f.ctx(), metav1.ListOptions{FieldSelector: "type=Warning,reason=CreateInClusterFailed"})
		if err == nil && len(list.Items) == 0 {
			err = fmt.Errorf("there is none")
		}
		return err
	})

	f.patch(env.HostName, federatedDeployments, namespace, "web", `{"spec":{"overrides":[{"clusterName":"cluster2","clusterOverrides":[{"path":"/spec/replicas","value":3}]}]}}`)
	f.awaitCopy(cluster2, deployments, namespace, "web", hasReplicas(3))
	f.awaitReady(federatedDeployments, namespace, "web")

	// An update that is refused leaves the copy as it is.
	f.patch(env.HostName, federatedDeployments, namespace, "web", `{"spec":{"overrides":[{"clusterName":"cluster2","clusterOverrides":[{"path":"/spec/replicas","value":-3}]}],"template":{"metadata":{"labels":{"round":"two"}}}}}`)
	f.awaitCopy(cluster1, deployments, namespace, "web", hasString("two", "metadata", "labels", "round"))
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", hasClusterStatus(cluster2, "UpdateFailed"))
	assert.NoError(t, hasReplicas(3)(f.get(cluster2, deployments, namespace, "web")))
	f.kubectl("delete", "-n", namespace, "federateddeployment", "web", timeoutFlag)
	f.requireAbsent(cluster2, deployments, namespace, "web")
}

// TestClusterWithoutCredentials registers a cluster that nobody can connect to.
func TestClusterWithoutCredentials(t *testing.T) {
	f := setup(t)
	namespace := f.namespace(cluster1, "stranger")
	cluster := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster",
		"metadata": map[string]any{"name": "stranger", "namespace": env.SystemNamespace},
		"spec":     map[string]any{"apiEndpoint": "https://127.0.0.1:1", "secretRef": map[string]any{"name": "no-such-secret"}},
	}}
	f.create(env.KubeFedClusters, cluster)
	t.Cleanup(func() {
		f.kubectlAfter("delete", "kubefedcluster", "-n", env.SystemNamespace, "stranger", "--ignore-not-found")
	})
	f.awaitCopy(env.HostName, env.KubeFedClusters, env.SystemNamespace, "stranger", func(cluster *unstructured.Unstructured) error {
		if err := hasClusterCondition(cluster, "ConfigMalformed", "True"); err != nil {
			return err
		}
		return hasClusterCondition(cluster, "Ready", "False")
	})
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "value", cluster1, "stranger"))
	f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("value"))
	f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "settings", hasClusterStatus(cluster1, ""), hasClusterStatus("stranger", "ClusterNotReady"))

	f.remove(env.KubeFedClusters, env.SystemNamespace, "stranger")
	f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "settings", isReady, onlyIn(cluster1))
}

// TestHostIsAMember joins the host itself: its namespaces are not the federation's to delete.
func TestHostIsAMember(t *testing.T) {
	f := setup(t)
	namespace := f.namespace()
	f.fed("join", "itself", "--cluster-context", "host")
	joined := true
	unjoin := func() {
		joined = false
		output, err := f.command(context.Background(), "kubectl-fed", "unjoin", "itself", "--cluster-context", "host",
			"--host-cluster-context", "host", "--kubeconfig", f.JoinKubeconfig()).CombinedOutput()
		require.NoError(t, err, string(output))
	}
	t.Cleanup(func() {
		if joined {
			unjoin()
		}
	})
	before := f.get(env.HostName, namespaces, "", namespace)
	f.federateNamespace(namespace, "itself", cluster1)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "value", "itself", cluster1))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	f.awaitCopy(env.HostName, configMaps, namespace, "settings", hasValue("value"))
	f.awaitCopy(env.HostName, namespaces, "", namespace, isManaged)

	f.kubectl("delete", "-n", namespace, "federatedconfigmap", "settings", timeoutFlag)
	f.requireAbsent(env.HostName, configMaps, namespace, "settings")
	f.kubectl("delete", "-n", namespace, "federatednamespace", namespace, timeoutFlag)
	after := f.get(env.HostName, namespaces, "", namespace)
	assert.Equal(t, before.GetUID(), after.GetUID())
	assert.Nil(t, after.GetDeletionTimestamp(), "the host's own namespace stays")
	assert.NotContains(t, after.GetLabels(), "kubefed.io/managed")
	f.awaitGone(cluster1, namespaces, "", namespace)
	unjoin()
	f.get(env.HostName, namespaces, "", env.SystemNamespace)
}
