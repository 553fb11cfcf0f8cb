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

// TestWalkthroughKubefedStars follows an article of 2022 about KubeFed with its manifests as published.
func TestWalkthroughKubefedStars(t *testing.T) {
	f := setup(t)
	f.quiet()
	// The article's cluster names, in the order of the environment's own.
	members := map[string]string{"master": cluster1, "slave": cluster2}
	for name, cluster := range members {
		f.joinAs(name, cluster)
	}
	file := func(name string) string {
		return testdata("walkthroughs", "kubefed-stars", name)
	}
	t.Cleanup(func() {
		if t.Failed() {
			f.dump("stars")
		}
		f.kubectlAfter("delete", "namespace", "stars", "--ignore-not-found", "--wait=false")
	})

	f.kubectl("apply", "-f", file("1-namespace.yaml"))
	f.kubectl("wait", "-n", "stars", "federatednamespace/stars", "--for=condition=Ready", timeoutFlag)
	for _, cluster := range members {
		f.get(cluster, namespaces, "", "stars")
	}
	f.requireAbsent(cluster3, namespaces, "", "stars")

	f.kubectl("apply", "-f", file("2-deployment.yaml"))
	f.kubectl("wait", "-n", "stars", "federateddeployment/federated-xwings", "--for=condition=Ready", timeoutFlag)
	for name, replicas := range map[string]int{"master": 2, "slave": 1} {
		cluster := members[name]
		f.kubectl("--context", cluster, "-n", "stars", "rollout", "status", "deployment/federated-xwings", timeoutFlag)
		running, err := f.on(cluster, pods, "stars").List(f.ctx(), metav1.ListOptions{LabelSelector: "app=xwing", FieldSelector: "status.phase=Running"})
		require.NoError(t, err)
		assert.Len(t, running.Items, replicas, "running pods in %s", name)
	}
	f.requireAbsent(cluster3, deployments, "stars", "federated-xwings")

	f.kubectl("apply", "-f", file("3-placement-by-label.yaml"))
	f.awaitReady(federatedConfigMaps, "stars", "rebels")
	f.requireAbsent(cluster1, configMaps, "stars", "rebels")
	f.requireAbsent(cluster2, configMaps, "stars", "rebels")
	f.kubectl("label", "kubefedclusters", "-n", "kube-federation-system", "slave", "foo=bar")
	f.awaitCopy(cluster2, configMaps, "stars", "rebels", hasString("leia", "data", "leader"))
	f.awaitCopy(env.HostName, federatedConfigMaps, "stars", "rebels", isReady, onlyIn("slave"))
	f.requireAbsent(cluster1, configMaps, "stars", "rebels")
	f.kubectl("label", "kubefedclusters", "-n", "kube-federation-system", "slave", "foo-")
	f.awaitGone(cluster2, configMaps, "stars", "rebels")
	f.kubectl("label", "kubefedclusters", "-n", "kube-federation-system", "slave", "foo=bar")
	f.awaitCopy(cluster2, configMaps, "stars", "rebels")

	// kubectl delete waits until the object is gone, so the copies must be gone too.
	f.kubectl("delete", "-f", file("3-placement-by-label.yaml"), timeoutFlag)
	f.requireAbsent(cluster2, configMaps, "stars", "rebels")
	f.kubectl("delete", "-f", file("2-deployment.yaml"), timeoutFlag)
	for _, cluster := range members {
		f.requireAbsent(cluster, deployments, "stars", "federated-xwings")
		f.get(cluster, namespaces, "", "stars")
	}
	f.kubectl("delete", "-f", file("1-namespace.yaml"), timeoutFlag)
	for _, cluster := range members {
		f.requireAbsent(cluster, namespaces, "", "stars")
	}
}

// onlyIn checks that the status names one cluster and no other.
func onlyIn(cluster string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		clusters, _, err := unstructured.NestedSlice(object.Object, "status", "clusters")
		if _, _, found := clusterStatus(object, cluster); err == nil && (!found || len(clusters) != 1) {
			err = fmt.Errorf("status.clusters is %v, not %s only", clusters, cluster)
		}
		return err
	}
}

// joinAs joins a member of the environment under another name until the test ends.
func (f *federation) joinAs(name, cluster string) {
	f.t.Helper()
	member := f.Member(cluster)
	f.keepSystemNamespace(cluster)
	require.NoError(f.t, f.Unjoin(f.ctx(), member))
	f.t.Cleanup(func() { assert.NoError(f.t, f.Join(context.Background(), member)) })
	f.fed("join", name, "--cluster-context", cluster)
	f.t.Cleanup(func() {
		output, err := f.command(context.Background(), "kubectl-fed", "unjoin", name, "--cluster-context", cluster,
			"--host-cluster-context", "host", "--kubeconfig", f.JoinKubeconfig()).CombinedOutput()
		assert.NoError(f.t, err, string(output))
	})
	f.kubectl("wait", "-n", env.SystemNamespace, "kubefedcluster/"+name, "--for=condition=Ready", timeoutFlag)
}

// keepSystemNamespace puts something into a member's system namespace, so that an unjoin leaves it: waiting for its end
// takes seconds.
func (f *federation) keepSystemNamespace(cluster string) {
	f.t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "keep", "namespace": env.SystemNamespace},
	}}
	client := f.on(cluster, configMaps, env.SystemNamespace)
	_, err := client.Create(f.ctx(), object, metav1.CreateOptions{})
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		assert.NoError(f.t, client.Delete(context.Background(), "keep", metav1.DeleteOptions{}))
	})
}

// TestWalkthroughKubefedIntro follows an article of 2019 about KubeFed with its manifests as published: a type is
// enabled by a FederatedTypeConfig, and a Deployment has an override with a dotted path. The article's scheduling and DNS
// have tests of their own.
func TestWalkthroughKubefedIntro(t *testing.T) {
	f := setup(t)
	f.quiet()
	const namespace, name = "test-namespace", "test-deployment"
	file := func(name string) string { return testdata("walkthroughs", "kubefed-intro", name) }
	t.Cleanup(func() {
		if t.Failed() {
			f.dump(namespace)
		}
		f.kubectlAfter("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
	})
	f.kubectl("apply", "-f", file("1-type.yaml"))
	f.succeed(`
apiVersion: v1
kind: Namespace
metadata: {name: test-namespace}
---
apiVersion: types.kubefed.io/v1beta1
kind: FederatedNamespace
metadata: {name: test-namespace, namespace: test-namespace}
spec: {placement: {clusterSelector: {}}}
`, "apply", "-f", "-")
	r := f.succeed("", "apply", "-f", file("2-deployment.yaml"))
	assert.Contains(t, r.stderr, "spec.replicas", "the dotted path of early KubeFed is taken, and warned of")
	f.kubectl("wait", "-n", namespace, "federateddeployment/"+name, "--for=condition=Propagation", timeoutFlag)
	for cluster, replicas := range map[string]int64{cluster1: 3, cluster2: 5} {
		f.awaitCopy(cluster, deployments, namespace, name, hasReplicas(replicas))
	}
	f.requireAbsent(cluster3, deployments, namespace, name)
}
