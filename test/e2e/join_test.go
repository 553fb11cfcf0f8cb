package e2e

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// TestUnjoinAndJoin takes a member out of the federation and back.
func TestUnjoinAndJoin(t *testing.T) {
	f := setup(t)
	namespace := f.namespace(cluster2, cluster3)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "value", cluster2, cluster3))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	before := f.get(cluster3, configMaps, namespace, "settings")
	secrets := core("secrets")
	serviceAccounts := core("serviceaccounts")

	printed := f.fed("unjoin", cluster3, "--cluster-context", cluster3, "--dry-run")
	assert.Contains(t, printed, "KubeFedCluster")
	f.get(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster3)
	f.get(cluster3, serviceAccounts, env.SystemNamespace, cluster3+"-host")

	member := f.Member(cluster3)
	require.NoError(t, f.Unjoin(f.ctx(), member))
	joined := false
	t.Cleanup(func() {
		if !joined {
			assert.NoError(t, f.Join(context.Background(), member))
		}
	})
	f.requireAbsent(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster3)
	f.requireAbsent(cluster3, serviceAccounts, env.SystemNamespace, cluster3+"-host")
	survivor := f.get(cluster3, configMaps, namespace, "settings")
	assert.Equal(t, before.GetUID(), survivor.GetUID(), "the copy survives")

	hostSecrets := func() int {
		list, err := f.host(secrets, env.SystemNamespace).List(f.ctx(), metav1.ListOptions{})
		require.NoError(t, err)
		return len(list.Items)
	}
	count := hostSecrets()
	printed = f.fed("join", cluster3, "--cluster-context", cluster3, "--dry-run")
	for _, kind := range []string{"Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret", "KubeFedCluster"} {
		assert.Contains(t, printed, "kind: "+kind+"\n")
	}
	f.requireAbsent(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster3)
	f.requireAbsent(cluster3, serviceAccounts, env.SystemNamespace, cluster3+"-host")
	assert.Equal(t, count, hostSecrets(), "a dry run makes nothing")

	require.NoError(t, f.Join(f.ctx(), member))
	joined = true
	f.get(cluster3, serviceAccounts, env.SystemNamespace, cluster3+"-host")
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	f.patch(env.HostName, federatedConfigMaps, namespace, "settings", `{"spec":{"template":{"data":{"key":"again"}}}}`)
	after := f.awaitCopy(cluster3, configMaps, namespace, "settings", hasValue("again"))
	assert.Equal(t, before.GetUID(), after.GetUID(), "it is the same copy still")

	assert.Contains(t, f.fed("join", cluster3, "--cluster-context", cluster3), "up to date", "joining again changes nothing")
	taken := f.run("", "kubectl-fed", "join", cluster3, "--cluster-context", cluster2, "--host-cluster-context", "host", "--kubeconfig", f.JoinKubeconfig())
	require.Error(t, taken.err, taken.stdout)
	assert.Contains(t, taken.stderr, `joined as "cluster3" already`)
}

// TestRotatedTokenIsUsed replaces the token of a member by another one, and takes the old one away.
func TestRotatedTokenIsUsed(t *testing.T) {
	f := setup(t)
	namespace := f.namespace(cluster2)
	f.configure(quickHealthChecks)
	cluster := f.get(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster2)
	reference, _, err := unstructured.NestedString(cluster.Object, "spec", "secretRef", "name")
	require.NoError(t, err)
	secrets := core("secrets")
	secret := f.get(env.HostName, secrets, env.SystemNamespace, reference)
	token, _, err := unstructured.NestedString(secret.Object, "data", "token")
	require.NoError(t, err)
	restore := `{"data":{"token":"` + token + `"}}`
	t.Cleanup(func() {
		f.kubectlAfter("-n", env.SystemNamespace, "patch", "secret", reference, "--type=merge", "-p", restore)
		f.kubectlAfter("-n", env.SystemNamespace, "wait", "kubefedcluster/"+cluster2, "--for=condition=Ready", timeoutFlag)
	})

	f.patch(env.HostName, secrets, env.SystemNamespace, reference, `{"stringData":{"token":"nobody"}}`)
	f.awaitCopy(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster2, func(cluster *unstructured.Unstructured) error {
		if isOnline(cluster) == nil {
			return errors.New("it is ready still")
		}
		return nil
	})
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "value", cluster2))
	f.eventually("the member to refuse the federation", func() error {
		object := f.get(env.HostName, federatedConfigMaps, namespace, "settings")
		status, message, _ := clusterStatus(object, cluster2)
		if status == "" || status == "Pending" {
			return assert.AnError
		}
		t.Logf("status of %s: %s: %s", cluster2, status, message)
		return nil
	})
	f.requireAbsent(cluster2, configMaps, namespace, "settings")
	f.patch(env.HostName, secrets, env.SystemNamespace, reference, restore)
	f.awaitCopy(cluster2, configMaps, namespace, "settings", hasValue("value"))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
}
