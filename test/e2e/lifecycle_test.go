package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// TestHostNamespaceIsDeleted deletes a namespace with all that is federated in it.
func TestHostNamespaceIsDeleted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace(cluster1, cluster2, cluster3)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "value", cluster1, cluster2))
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1, cluster3))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	f.awaitReady(federatedDeployments, namespace, "web")

	f.kubectl("delete", "namespace", namespace, timeoutFlag)
	for _, cluster := range []string{env.HostName, cluster1, cluster2, cluster3} {
		f.awaitGone(cluster, namespaces, "", namespace)
	}
}

// TestEverythingAtOnce applies a namespace together with what is in it, and deletes all of that together.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := "e2e-at-once"
	t.Cleanup(func() {
		if t.Failed() {
			f.dump(namespace)
		}
		f.kubectlAfter("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
	})
	manifests := []string{`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"` + namespace + `"}}`}
	for _, object := range []*unstructured.Unstructured{
		federatedConfigMap(namespace, "settings", "value", cluster1, cluster2),
		federatedDeployment(namespace, "web", 1, cluster1, cluster2),
		federatedObject("FederatedNamespace", namespace, namespace, nil, cluster1, cluster2),
	} {
		manifests = append(manifests, f.manifest(object))
	}
	all := strings.Join(manifests, "\n---\n")
	f.succeed(all, "apply", "-f", "-")
	for _, cluster := range []string{cluster1, cluster2} {
		f.awaitCopy(cluster, configMaps, namespace, "settings", hasValue("value"))
		f.awaitCopy(cluster, deployments, namespace, "web", hasReplicas(1))
	}
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	f.awaitReady(federatedDeployments, namespace, "web")
	f.succeed(all, "delete", "-f", "-", timeoutFlag)
	for _, cluster := range []string{env.HostName, cluster1, cluster2} {
		f.awaitGone(cluster, namespaces, "", namespace)
	}
}

// TestTerminatingNamespaceTakesNothingNew creates an object in a namespace that is being deleted.
func TestTerminatingNamespaceTakesNothingNew(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace()
	holder := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "holder", "namespace": namespace, "finalizers": []any{"example.com/hold"}},
	}}
	f.create(configMaps, holder)
	f.remove(namespaces, "", namespace)
	// The server follows the host's namespaces; a dry run tells when it has seen the end of this one.
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	f.eventually("creations in the namespace to be refused", func() error {
		if _, err := f.host(federatedConfigMaps, namespace).Create(f.ctx(), federatedConfigMap(namespace, "late", "value"), dryRun); !apierrors.IsForbidden(err) {
			return fmt.Errorf("the answer was %s", fmt.Sprint(err))
		}
		return nil
	})
	_, err := f.host(federatedConfigMaps, namespace).Create(f.ctx(), federatedConfigMap(namespace, "late", "value"), metav1.CreateOptions{})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	assert.True(t, apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), "%v", err)
	f.patch(env.HostName, configMaps, namespace, "holder", `{"metadata":{"finalizers":null}}`)
}

// TestNamespaceThatIsNotFederated shows what a user sees who forgot the FederatedNamespace.
func TestNamespaceThatIsNotFederated(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace()
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "value", cluster1, cluster2))
	f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "settings", func(object *unstructured.Unstructured) error {
		return hasCondition(object, "Propagation", "False", "NamespaceNotFederated")
	})
	f.requireAbsent(cluster1, namespaces, "", namespace)

	f.federateNamespace(namespace, cluster1)
	f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("value"))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	f.requireAbsent(cluster2, namespaces, "", namespace)

	// The namespace grows: so does what is in it.
	f.apply(federatedObject("FederatedNamespace", namespace, namespace, nil, cluster1, cluster2))
	f.awaitCopy(cluster2, configMaps, namespace, "settings", hasValue("value"))
}

// TestPlacementChanges moves an object from one member to another.
func TestPlacementChanges(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace(cluster1, cluster2, cluster3)
	f.apply(federatedConfigMap(namespace, "mover", "value", cluster1, cluster2))
	f.awaitReady(federatedConfigMaps, namespace, "mover")
	stays := f.get(cluster2, configMaps, namespace, "mover")

	f.apply(federatedConfigMap(namespace, "mover", "value", cluster2, cluster3))
	f.awaitCopy(cluster3, configMaps, namespace, "mover", hasValue("value"))
	f.awaitGone(cluster1, configMaps, namespace, "mover")
	object := f.awaitReady(federatedConfigMaps, namespace, "mover")
	_, _, found := clusterStatus(object, cluster1)
	assert.False(t, found, "status.clusters still names %s", cluster1)
	assert.Equal(t, stays.GetUID(), f.get(cluster2, configMaps, namespace, "mover").GetUID())

	nowhere := federatedConfigMap(namespace, "mover", "value")
	require.NoError(t, unstructured.SetNestedField(nowhere.Object, true, "spec", "placement", "allowEmpty"))
	f.apply(nowhere)
	f.awaitGone(cluster2, configMaps, namespace, "mover")
	f.awaitGone(cluster3, configMaps, namespace, "mover")
}

// TestAdoption federates objects that members have already.
func TestAdoption(t *testing.T) {
	f := setup(t)
	f.quiet()
	namespace := f.namespace(cluster1, cluster2)
	existing := func(name string, labels map[string]any) *unstructured.Unstructured {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{"name": name, "namespace": namespace, "labels": labels},
			"data":     map[string]any{"key": "theirs", "extra": "theirs"},
		}}
		created, err := f.on(cluster1, configMaps, namespace).Create(f.ctx(), object, metav1.CreateOptions{})
		require.NoError(t, err)
		return created
	}

	probes := 0
	// disableAdoption also waits until that is in force.
	disableAdoption := func(f *federation) {
		f.t.Helper()
		f.configure(`{"syncController":{"adoptResources":"Disabled"}}`)
		f.eventually("adoption to be disabled", func() error {
			probes++
			name := fmt.Sprintf("probe-%d", probes)
			existing(name, nil)
			f.create(federatedConfigMaps, federatedConfigMap(namespace, name, "ours", cluster1))
			return hasClusterStatus(cluster1, "AlreadyExists")(f.awaitCopy(env.HostName, federatedConfigMaps, namespace, name, isReported(cluster1)))
		})
	}

	t.Run("taken over", func(t *testing.T) {
		f := f.in(t)
		before := existing("taken", nil)
		f.create(federatedConfigMaps, federatedConfigMap(namespace, "taken", "ours", cluster1, cluster2))
		f.awaitReady(federatedConfigMaps, namespace, "taken")
		after := f.awaitCopy(cluster1, configMaps, namespace, "taken", hasValue("ours"), isManaged)
		assert.Equal(t, before.GetUID(), after.GetUID())
		assert.NoError(t, hasString("theirs", "data", "extra")(after), "what the template does not name stays")
	})

	t.Run("left alone because the configuration says so", func(t *testing.T) {
		f := f.in(t)
		disableAdoption(f)
		before := existing("left", nil)
		f.create(federatedConfigMaps, federatedConfigMap(namespace, "left", "ours", cluster1, cluster2))
		f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "left", hasClusterStatus(cluster1, "AlreadyExists"), hasClusterStatus(cluster2, ""))
		assert.Equal(t, before.GetResourceVersion(), f.get(cluster1, configMaps, namespace, "left").GetResourceVersion())

		f.patch(env.HostName, kubeFedConfigs, env.SystemNamespace, "kubefed", `{"spec":{"syncController":{"adoptResources":"Enabled"}}}`)
		f.awaitCopy(cluster1, configMaps, namespace, "left", hasValue("ours"), isManaged)
		f.awaitReady(federatedConfigMaps, namespace, "left")
	})

	t.Run("deletion spares what was not taken over", func(t *testing.T) {
		f := f.in(t)
		disableAdoption(f)
		before := existing("spared", nil)
		f.create(federatedConfigMaps, federatedConfigMap(namespace, "spared", "ours", cluster1))
		f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "spared", hasClusterStatus(cluster1, "AlreadyExists"))
		f.kubectl("delete", "-n", namespace, "federatedconfigmap", "spared", timeoutFlag)
		assert.Equal(t, before.GetResourceVersion(), f.get(cluster1, configMaps, namespace, "spared").GetResourceVersion())
	})

	t.Run("left alone because its label says so", func(t *testing.T) {
		f := f.in(t)
		before := existing("refusing", map[string]any{"kubefed.io/managed": "false"})
		f.create(federatedConfigMaps, federatedConfigMap(namespace, "refusing", "ours", cluster1, cluster2))
		f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "refusing", hasClusterStatus(cluster1, "ManagedLabelFalse"), hasClusterStatus(cluster2, ""))
		assert.Equal(t, before.GetResourceVersion(), f.get(cluster1, configMaps, namespace, "refusing").GetResourceVersion())
		f.kubectl("delete", "-n", namespace, "federatedconfigmap", "refusing", timeoutFlag)
		assert.Equal(t, before.GetResourceVersion(), f.get(cluster1, configMaps, namespace, "refusing").GetResourceVersion())
		f.requireAbsent(cluster2, configMaps, namespace, "refusing")
	})
}

// isReported checks that the federation has tried to write to a cluster.
func isReported(cluster string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		if status, _, found := clusterStatus(object, cluster); !found || status == "Pending" {
			return fmt.Errorf("nothing is said of %s: %q", cluster, status)
		}
		return nil
	}
}
