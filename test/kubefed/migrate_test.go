package kubefed

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

var (
	kubeFedClusters      = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "kubefedclusters"}
	kubeFedConfigs       = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "kubefedconfigs"}
	federatedTypeConfigs = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "federatedtypeconfigs"}
	federatedDeployments = schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: "federateddeployments"}
	deployments          = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	pods                 = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	namespaces           = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	crds                 = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	apiServices          = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
)

const (
	poll = 100 * time.Millisecond
	shop = "shop"
)

// migration is a host with KubeFed, and a member.
type migration struct {
	*testing.T
	environment  *env.Environment
	host, member dynamic.Interface
	// services are the APIServices of this server while they are not registered.
	services []unstructured.Unstructured
}

// TestMigrateFromKubeFed goes through docs/migrate-from-kubefed.md.
func TestMigrateFromKubeFed(t *testing.T) {
	if testing.Short() {
		t.Skip("needs real clusters: not with -short")
	}
	m := startMigration(t)
	m.makeKubeFedHost()
	m.kubectlIn("cluster1", "apply", "--server-side", "-f", "testdata/migration/member.yaml")
	running := m.pods(2)
	watched := m.watchMember()
	files := filepath.Join(t.TempDir(), "export")

	m.kubectl("apply", "-f", "testdata/migration/kubefed.yaml")
	require.Contains(t, m.fails("migrate", "check"), "kube-federation-system/kubefed-controller-manager runs")
	require.Contains(t, m.fails("migrate", "export", "--to", files), "stop them first")
	m.kubectl("-n", "kube-federation-system", "scale", "deployment", "kubefed-controller-manager", "--replicas=0")
	m.kubectl("-n", "kube-federation-system", "wait", "deployment", "kubefed-controller-manager", "--for=jsonpath={.spec.replicas}=0", "--timeout=180s")
	require.Contains(t, m.fails("migrate", "check"), "validatingwebhookconfiguration kubefed-validation is KubeFed's")
	m.kubectl("delete", "validatingwebhookconfiguration", "kubefed-validation")
	require.Eventually(t, func() bool { return m.run("kubectl-fed", "migrate", "check") == nil }, patience, poll)
	require.NoDirExists(t, files, "a refused export writes nothing")

	require.Contains(t, m.fed("migrate", "export", "--to", files), "propagatedversions.core.kubefed.io: not exported")
	exported, err := os.ReadFile(filepath.Join(files, "5-federateddeployments.types.kubefed.io.yaml"))
	require.NoError(t, err)
	for _, gone := range []string{"status:", "uid:", "kubefed.io/sync-controller", "resourceVersion"} {
		require.NotContains(t, string(exported), gone)
	}
	for _, kept := range []string{"team: shop", "example.com/contact: shop", "example.com/ours"} {
		require.Contains(t, string(exported), kept)
	}
	require.Contains(t, m.fails("migrate", "import", "--from", files), "must be registered first")
	m.fed("migrate", "release")
	require.Empty(t, m.get(m.host, federatedDeployments, shop, "web").GetFinalizers())

	m.register()
	require.Contains(t, m.fed("migrate", "check"), "is behind kube-federation-system/federation-apiserver")
	require.Contains(t, m.fails("migrate", "release"), "cannot be reached")
	m.fed("migrate", "import", "--dry-run", "--from", files)
	_, err = m.host.Resource(kubeFedClusters).Namespace(env.SystemNamespace).Get(t.Context(), "cluster1", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "a dry run creates nothing: %v", err)
	m.fed("migrate", "import", "--from", files)
	taken := m.awaitTakenOver()
	require.Equal(t, map[string]string{"team": "shop"}, taken.GetLabels())
	require.Contains(t, taken.GetFinalizers(), "example.com/ours")
	require.Contains(t, m.fed("migrate", "import", "--from", files), "0 objects created")

	for _, name := range []string{
		"kubefedconfigs.core", "kubefedclusters.core", "federatedtypeconfigs.core", "propagatedversions.core",
		"federatednamespaces.types", "federateddeployments.types",
	} {
		m.kubectl("delete", "crd", name+".kubefed.io", "--timeout=180s")
	}
	again := m.get(m.host, federatedDeployments, shop, "web")
	require.Equal(t, taken.GetUID(), again.GetUID())
	require.Nil(t, again.GetDeletionTimestamp())
	require.Equal(t, running, m.pods(2), "pods were restarted")
	watched.requireUndisturbed()
}

func startMigration(t *testing.T) *migration {
	environment, err := env.Start(t.Context(), env.Options{Members: []string{"cluster1"}, Progress: progress.NewWriter(os.Stderr)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, environment.Stop(context.Background())) })
	m := &migration{T: t, environment: environment}
	m.host, err = dynamic.NewForConfig(environment.Host().Config())
	require.NoError(t, err)
	m.member, err = dynamic.NewForConfig(environment.Member("cluster1").Config())
	require.NoError(t, err)
	return m
}

// makeKubeFedHost empties this server, takes it from the host, and puts KubeFed's
// CRDs with objects in its place. The member's registration stays the same.
func (m *migration) makeKubeFedHost() {
	m.Helper()
	cluster := m.get(m.host, kubeFedClusters, env.SystemNamespace, "cluster1")
	for _, resource := range []schema.GroupVersionResource{federatedTypeConfigs, kubeFedClusters, kubeFedConfigs} {
		objects := m.host.Resource(resource).Namespace(env.SystemNamespace)
		require.NoError(m, objects.DeleteCollection(m.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}))
		require.Eventually(m, func() bool {
			left, err := objects.List(m.Context(), metav1.ListOptions{})
			return err == nil && len(left.Items) == 0
		}, patience, poll, "%s are left", resource.Resource)
	}
	services, err := m.host.Resource(apiServices).List(m.Context(), metav1.ListOptions{})
	require.NoError(m, err)
	for _, service := range services.Items {
		if !strings.HasSuffix(service.GetName(), ".kubefed.io") {
			continue
		}
		m.services = append(m.services, service)
		require.NoError(m, m.host.Resource(apiServices).Delete(m.Context(), service.GetName(), metav1.DeleteOptions{}))
	}
	for _, definition := range []*unstructured.Unstructured{
		crd("core.kubefed.io", "v1beta1", "KubeFedConfig", "kubefedconfigs"),
		crd("core.kubefed.io", "v1beta1", "KubeFedCluster", "kubefedclusters"),
		crd("core.kubefed.io", "v1beta1", "FederatedTypeConfig", "federatedtypeconfigs"),
		crd("core.kubefed.io", "v1alpha1", "PropagatedVersion", "propagatedversions"),
		crd("types.kubefed.io", "v1beta1", "FederatedNamespace", "federatednamespaces"),
		crd("types.kubefed.io", "v1beta1", "FederatedDeployment", "federateddeployments"),
	} {
		_, err := m.host.Resource(crds).Create(m.Context(), definition, metav1.CreateOptions{})
		require.NoError(m, err)
	}
	m.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=180s")
	m.kubectl("create", "namespace", shop)
	require.Eventually(m, func() bool {
		return m.run("kubectl", "apply", "--server-side", "-f", "testdata/migration/objects.yaml") == nil
	}, patience, poll, "KubeFed's objects cannot be made")
	kept := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster",
		"metadata": map[string]any{"name": "cluster1", "namespace": env.SystemNamespace},
		"spec":     cluster.Object["spec"], "status": cluster.Object["status"],
	}}
	_, err = m.host.Resource(kubeFedClusters).Namespace(env.SystemNamespace).Create(m.Context(), kept, metav1.CreateOptions{})
	require.NoError(m, err)
}

// crd is a definition of KubeFed's as far as it matters here.
func crd(group, version, kind, plural string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": plural + "." + group},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced",
			"names": map[string]any{"kind": kind, "plural": plural},
			"versions": []any{map[string]any{
				"name": version, "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			}},
		},
	}}
}

// register has the host forward to this server again. The CRDs have made
// APIServices of their own, which are replaced.
func (m *migration) register() {
	m.Helper()
	for _, service := range m.services {
		service.SetResourceVersion("")
		service.SetUID("")
		unstructured.RemoveNestedField(service.Object, "status")
		require.Eventually(m, func() bool {
			found, err := m.host.Resource(apiServices).Get(m.Context(), service.GetName(), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				_, err = m.host.Resource(apiServices).Create(m.Context(), &service, metav1.CreateOptions{})
				return err == nil
			}
			if err != nil {
				return false
			}
			replaced := service.DeepCopy()
			replaced.SetResourceVersion(found.GetResourceVersion())
			_, err = m.host.Resource(apiServices).Update(m.Context(), replaced, metav1.UpdateOptions{})
			return err == nil
		}, patience, poll, service.GetName())
	}
	for _, service := range m.services {
		m.kubectl("wait", "apiservice", service.GetName(), "--for=condition=Available", "--timeout=180s")
	}
}

// awaitTakenOver waits until the propagation has the member's copy as asked for.
func (m *migration) awaitTakenOver() *unstructured.Unstructured {
	m.Helper()
	m.kubectl("-n", shop, "wait", "federateddeployment", "web", "--for=condition=Propagation", "--timeout=240s")
	taken := m.get(m.host, federatedDeployments, shop, "web")
	clusters, _, err := unstructured.NestedSlice(taken.Object, "status", "clusters")
	require.NoError(m, err)
	require.Len(m, clusters, 1)
	require.Equal(m, "cluster1", clusters[0].(map[string]any)["name"])
	web := m.get(m.member, deployments, shop, "web")
	require.Equal(m, "true", web.GetLabels()["kubefed.io/managed"])
	require.Equal(m, int64(1), web.GetGeneration(), "its spec was changed")
	return taken
}

// pods waits until there are count running pods in the member, and returns their
// UIDs by name.
func (m *migration) pods(count int) map[string]string {
	m.Helper()
	var found map[string]string
	require.Eventually(m, func() bool {
		list, err := m.member.Resource(pods).Namespace(shop).List(m.Context(), metav1.ListOptions{})
		if err != nil {
			return false
		}
		found = map[string]string{}
		for _, pod := range list.Items {
			if phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase"); phase == "Running" {
				found[pod.GetName()] = string(pod.GetUID())
			}
		}
		return len(found) == count && len(list.Items) == count
	}, patience, poll, "pods")
	return found
}

func (m *migration) get(client dynamic.Interface, resource schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	m.Helper()
	object, err := client.Resource(resource).Namespace(namespace).Get(m.Context(), name, metav1.GetOptions{})
	require.NoError(m, err)
	return object
}

func (m *migration) command(name string, args ...string) *exec.Cmd {
	command := m.environment.Command(m.Context(), name, args...)
	// What kubectl remembers of discovery is of the other server.
	command.Env = append(command.Env, "KUBECACHEDIR="+m.TempDir())
	return command
}

func (m *migration) run(name string, args ...string) error {
	return m.command(name, args...).Run()
}

func (m *migration) kubectl(args ...string) { m.Helper(); m.kubectlIn(env.HostName, args...) }

func (m *migration) kubectlIn(cluster string, args ...string) {
	m.Helper()
	output, err := m.command("kubectl", append(args, "--context", cluster)...).CombinedOutput()
	require.NoError(m, err, "kubectl %s\n%s", strings.Join(args, " "), output)
}

// fed runs kubectl fed, which has to succeed, and returns what it printed.
func (m *migration) fed(args ...string) string {
	m.Helper()
	output, err := m.command("kubectl-fed", args...).CombinedOutput()
	require.NoError(m, err, "kubectl fed %s\n%s", strings.Join(args, " "), output)
	return string(output)
}

// fails runs kubectl fed, which has to fail, and returns what it printed.
func (m *migration) fails(args ...string) string {
	m.Helper()
	var output bytes.Buffer
	command := m.command("kubectl-fed", args...)
	command.Stdout, command.Stderr = &output, &output
	require.Error(m, command.Run(), "kubectl fed %s\n%s", strings.Join(args, " "), output.String())
	return output.String()
}
