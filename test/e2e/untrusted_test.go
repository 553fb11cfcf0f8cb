package e2e

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/test/env"
)

var clusterRoles = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}

// TestAMissingRightIsThatMembersStatus takes a right away from the federation in one member.
func TestAMissingRightIsThatMembersStatus(t *testing.T) {
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "before", "value", cluster1, cluster2))
	before := f.awaitCopy(cluster2, configMaps, namespace, "before", hasValue("value"))

	const role = "kubefed-controller-manager:cluster2-host"
	rights := f.get(cluster2, clusterRoles, "", role)
	rules, _, err := unstructured.NestedSlice(rights.Object, "rules")
	require.NoError(t, err)
	for _, rule := range rules {
		content := rule.(map[string]any)
		resources, _, err := unstructured.NestedStringSlice(content, "resources")
		require.NoError(t, err)
		verbs, _, err := unstructured.NestedStringSlice(content, "verbs")
		require.NoError(t, err)
		assert.NotContains(t, verbs, "*", "no right is for everything")
		var kept []any
		for _, resource := range resources {
			if resource != "configmaps" {
				kept = append(kept, resource)
			}
		}
		if len(resources) > 0 {
			content["resources"] = kept
		}
	}
	require.NoError(t, unstructured.SetNestedSlice(rights.Object, rules, "rules"))
	_, err = f.on(cluster2, clusterRoles, "").Update(f.ctx(), rights, metav1.UpdateOptions{})
	require.NoError(t, err)
	restored := false
	restore := func() {
		if !restored {
			restored = true
			assert.NoError(t, f.RefreshRights(t.Context()))
		}
	}
	defer restore()
	account := "system:serviceaccount:" + env.SystemNamespace + ":cluster2-host"
	f.eventually("the member to know of it", func() error {
		if r := f.run("", "kubectl", "--context", cluster2, "auth", "can-i", "patch", "configmaps", "-n", namespace, "--as="+account); !strings.HasPrefix(r.stdout, "no") {
			return errors.New(r.stdout)
		}
		return nil
	})

	f.create(federatedConfigMaps, federatedConfigMap(namespace, "after", "value", cluster1, cluster2))
	f.awaitCopy(cluster1, configMaps, namespace, "after", hasValue("value"))
	f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "after", hasClusterStatus(cluster1, ""), func(object *unstructured.Unstructured) error {
		if status, message, _ := clusterStatus(object, cluster2); !strings.Contains(message, "kubectl fed join cluster2") || !strings.Contains(message, "cannot") {
			return fmt.Errorf("%s: %s", status, message)
		}
		return nil
	})
	require.NoError(t, isOnline(f.get(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster2)), "it is none the worse")
	secret := federatedObject("FederatedSecret", namespace, "other", map[string]any{"stringData": map[string]any{"key": "value"}}, cluster2)
	f.create(federated("federatedsecrets"), secret)
	f.awaitCopy(cluster2, core("secrets"), namespace, "other")
	require.Equal(t, before.GetUID(), f.get(cluster2, configMaps, namespace, "before").GetUID(), "nothing is removed")

	restore()
	f.awaitCopy(cluster2, configMaps, namespace, "after", hasValue("value"))
	f.awaitReady(federatedConfigMaps, namespace, "after")
}

// TestCredentialsOfAMemberAreForThatOneOnly tries those of one member elsewhere.
func TestCredentialsOfAMemberAreForThatOneOnly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	cluster := f.get(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster1)
	reference, _, err := unstructured.NestedString(cluster.Object, "spec", "secretRef", "name")
	require.NoError(t, err)
	secret := f.get(env.HostName, core("secrets"), env.SystemNamespace, reference)
	encoded, _, err := unstructured.NestedString(secret.Object, "data", "token")
	require.NoError(t, err)
	token, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	as := func(config *rest.Config) dynamic.Interface {
		config = rest.AnonymousClientConfig(config)
		config.BearerToken = string(token)
		client, err := dynamic.NewForConfig(config)
		require.NoError(t, err)
		return client
	}
	secrets := core("secrets")
	_, err = as(f.Member(cluster1).Config()).Resource(secrets).List(f.ctx(), metav1.ListOptions{Limit: 1})
	require.NoError(t, err)
	for _, elsewhere := range []*rest.Config{f.Member(cluster2).Config(), f.Host().Config()} {
		_, err = as(elsewhere).Resource(secrets).Namespace(env.SystemNamespace).List(f.ctx(), metav1.ListOptions{})
		require.True(t, apierrors.IsUnauthorized(err), "%v", err)
		_, err = as(elsewhere).Resource(env.KubeFedClusters).Namespace(env.SystemNamespace).List(f.ctx(), metav1.ListOptions{})
		require.True(t, apierrors.IsUnauthorized(err), "%v", err)
	}
	_, err = as(f.Member(cluster1).Config()).Resource(core("nodes")).Create(f.ctx(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": "mine"},
	}}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
}

// TestALyingMemberHarmsItselfOnly joins a member that says it is well and answers all else without an end.
func TestALyingMemberHarmsItselfOnly(t *testing.T) {
	f := setup(t)
	const liar = "liar"
	namespace := f.namespace(cluster1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			_, _ = io.WriteString(w, "ok")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		piece := []byte(strings.Repeat(`{"type":"Ready","status":"False"},`, 1000))
		_, _ = io.WriteString(w, `{"type":"ADDED","object":{"apiVersion":"v1","kind":"PartialObjectMetadata","metadata":{"name":"a","namespace":"b"},"status":{"conditions":[`)
		for r.Context().Err() == nil {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	defer server.CloseClientConnections()
	secrets := core("secrets")
	_, err := f.host(secrets, env.SystemNamespace).Create(f.ctx(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": liar, "namespace": env.SystemNamespace}, "stringData": map[string]any{"token": "t0ken"},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	f.create(env.KubeFedClusters, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster", "metadata": map[string]any{"name": liar, "namespace": env.SystemNamespace},
		"spec": map[string]any{
			"apiEndpoint": server.URL, "secretRef": map[string]any{"name": liar},
			"caBundle": base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		},
	}})
	defer func() {
		f.kubectlAfter("delete", "kubefedcluster,secret", "-n", env.SystemNamespace, liar, "--ignore-not-found")
	}()
	f.kubectl("wait", "-n", env.SystemNamespace, "kubefedcluster/"+liar, "--for=condition=Ready", timeoutFlag)
	f.patch(env.HostName, federatedNamespaces, namespace, namespace, `{"spec":{"placement":{"clusters":[{"name":"cluster1"},{"name":"liar"}]}}}`)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "value", cluster1, liar))
	f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("value"))
	f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "settings", hasClusterStatus(cluster1, ""), func(object *unstructured.Unstructured) error {
		if status, message, _ := clusterStatus(object, liar); !strings.Contains(message, "it sent an event of more than 8 MiB") {
			return fmt.Errorf("%s: %s", status, message)
		}
		return nil
	})
	require.Less(t, f.serverMemory(), int64(2<<30), "bytes of the server's memory at its largest")
	f.patch(env.HostName, federatedConfigMaps, namespace, "settings", `{"spec":{"template":{"data":{"key":"next"}}}}`)
	f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("next"))
}

// serverMemory is the most memory that the server's process has had, in bytes.
func (f *federation) serverMemory() int64 {
	f.t.Helper()
	pid, err := f.Federation().PID(f.ctx())
	require.NoError(f.t, err)
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(f.t, err)
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			require.NoError(f.t, err)
			return kilobytes << 10
		}
	}
	require.FailNow(f.t, "no VmHWM")
	return 0
}
