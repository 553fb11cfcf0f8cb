package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// secrecyNamespace is a namespace of the host and of a member.
const secrecyNamespace = "secrecy"

var federatedNamespaces = schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: "federatednamespaces"}

var dnsEndpoints = schema.GroupVersionResource{Group: "multiclusterdns.kubefed.io", Version: "v1alpha1", Resource: "dnsendpoints"}

// key is one for encryption at rest.
type key struct{ name, secret string }

func newKey(t *testing.T, name string) key {
	t.Helper()
	secret := make([]byte, 32)
	_, err := rand.Read(secret)
	require.NoError(t, err)
	return key{name, base64.StdEncoding.EncodeToString(secret)}
}

// encryption writes a configuration for resources in which the first key is used for what is written.
func encryption(t *testing.T, resources string, keys ...key) (flag string) {
	t.Helper()
	text := "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [" + resources + "]\n  providers:\n  - secretbox:\n      keys:\n"
	for _, k := range keys {
		text += fmt.Sprintf("      - {name: %s, secret: %q}\n", k.name, k.secret)
	}
	path := filepath.Join(t.TempDir(), "encryption.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return "--encryption-provider-config=" + path
}

// marked are objects of every group, with a text in them to look for.
func marked(marker string) map[schema.GroupVersionResource]*unstructured.Unstructured {
	object := func(apiVersion, kind, name, namespace string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": apiVersion, "kind": kind, "spec": spec,
			"metadata": map[string]any{"name": name, "namespace": namespace, "annotations": map[string]any{"example.com/marker": marker}},
		}}
	}
	secret := object("types.kubefed.io/v1beta1", "FederatedSecret", "marked", secrecyNamespace, map[string]any{
		"template": map[string]any{"stringData": map[string]any{"password": marker}}, "placement": map[string]any{"clusters": []any{map[string]any{"name": "cluster1"}}},
	})
	unstructured.RemoveNestedField(secret.Object, "metadata", "annotations")
	domain := object("multiclusterdns.kubefed.io/v1alpha1", "Domain", "marked", env.SystemNamespace, nil)
	domain.Object["domain"] = "example.com"
	delete(domain.Object, "spec")
	return map[schema.GroupVersionResource]*unstructured.Unstructured{
		{Group: "types.kubefed.io", Version: "v1beta1", Resource: "federatedsecrets"}: secret,
		typeConfigs: withAnnotation(typeConfig("Secret", "secrets", "Namespaced"), marker),
		{Group: "scheduling.kubefed.io", Version: "v1alpha1", Resource: "replicaschedulingpreferences"}: object("scheduling.kubefed.io/v1alpha1", "ReplicaSchedulingPreference", "marked", secrecyNamespace,
			map[string]any{"targetKind": "FederatedDeployment", "totalReplicas": int64(1)}),
		{Group: "multiclusterdns.kubefed.io", Version: "v1alpha1", Resource: "domains"}: domain,
	}
}

func withAnnotation(object *unstructured.Unstructured, marker string) *unstructured.Unstructured {
	object.SetAnnotations(map[string]string{"example.com/marker": marker})
	return object
}

// filesWith are the files below a folder that have a text in them.
func filesWith(t *testing.T, dir, text string) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, []byte(text)) {
			found = append(found, path)
		}
		return err
	}))
	return found
}

// registered is cluster1 with the credentials of the environment's own federation, which has to be running.
func registered(t *testing.T, e *env.Environment) *unstructured.Unstructured {
	t.Helper()
	cluster, err := newDynamic(t, e.Host().Config()).Resource(kubeFedClusters).Namespace(env.SystemNamespace).Get(t.Context(), "cluster1", metav1.GetOptions{})
	require.NoError(t, err)
	cluster.Object["metadata"] = map[string]any{"name": "cluster1", "namespace": env.SystemNamespace}
	delete(cluster.Object, "status")
	return cluster
}

// join lets the server reach a member.
func (s *server) join(registered *unstructured.Unstructured) {
	s.t.Helper()
	_, err := s.client().Resource(kubeFedClusters).Namespace(env.SystemNamespace).Create(s.t.Context(), registered, metav1.CreateOptions{})
	require.NoError(s.t, err)
}

func newDynamic(t *testing.T, config *rest.Config) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	return client
}

// metrics are those of the server.
func (s *server) metrics() string {
	s.t.Helper()
	client, err := kubernetes.NewForConfig(s.config())
	require.NoError(s.t, err)
	text, err := client.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(s.t.Context())
	require.NoError(s.t, err)
	return string(text)
}

// tokensOf are the tokens in Secrets, as they are and as they are sent.
func tokensOf(secrets []corev1.Secret) []string {
	var tokens []string
	for i := range secrets {
		if token := secrets[i].Data["token"]; len(token) > 0 {
			tokens = append(tokens, string(token), base64.StdEncoding.EncodeToString(token))
		}
	}
	return tokens
}

// TestWhatIsSecretStaysSo runs a server that encrypts, and logs all that it can, with a Secret that it propagates to a
// member: neither is the Secret in what it stores, nor in what it says.
func TestWhatIsSecretStaysSo(t *testing.T) {
	const marker, open = "m4rkerOfASecret", "m4rkerInTheOpen"
	audit := filepath.Join(t.TempDir(), "audit.log")
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n"), 0o600))
	first, second := newKey(t, "first"), newKey(t, "second")
	const resources = `"*.types.kubefed.io", "*.core.kubefed.io", domains.multiclusterdns.kubefed.io, "*.scheduling.kubefed.io"`
	dataDir := t.TempDir()
	cluster := registered(t, env.Shared(t))
	setAside(t, env.Shared(t))
	s := start(t, dataDir, encryption(t, resources, first), "-v=10", "--audit-log-path="+audit, "--audit-policy-file="+policy)
	host, err := kubernetes.NewForConfig(s.host.Host().Config())
	require.NoError(t, err)
	member, err := kubernetes.NewForConfig(s.host.Member("cluster1").Config())
	require.NoError(t, err)
	_, err = host.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: secrecyNamespace}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, cluster := range []kubernetes.Interface{host, member} {
			if err := cluster.CoreV1().Namespaces().Delete(context.Background(), secrecyNamespace, metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
				require.NoError(t, err)
			}
		}
	})
	s.enable()
	s.join(cluster)
	require.Eventually(t, func() bool {
		_, err := s.client().Resource(federatedNamespaces).Namespace(secrecyNamespace).Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedNamespace", "metadata": map[string]any{"name": secrecyNamespace, "namespace": secrecyNamespace},
			"spec": map[string]any{"placement": map[string]any{"clusters": []any{map[string]any{"name": "cluster1"}}}},
		}}, metav1.CreateOptions{})
		return err == nil
	}, patience, pollInterval)
	objects := marked(marker)
	create := func(resource schema.GroupVersionResource) {
		t.Helper()
		object := objects[resource]
		require.Eventually(t, func() bool {
			_, err := s.client().Resource(resource).Namespace(object.GetNamespace()).Create(t.Context(), object, metav1.CreateOptions{})
			if err != nil {
				t.Logf("%s: %v", resource.Resource, err)
			}
			return err == nil
		}, patience, pollInterval, resource.Resource)
	}
	deployments := typeConfig("Deployment", "deployments", "Namespaced")
	deployments.SetName("deployments.apps")
	require.NoError(t, unstructured.SetNestedField(deployments.Object, "apps", "spec", "targetType", "group"))
	_, err = s.client().Resource(typeConfigs).Namespace(env.SystemNamespace).Create(t.Context(), deployments, metav1.CreateOptions{})
	require.NoError(t, err)
	create(typeConfigs) // while the server runs: federatedsecrets come with it
	for resource := range objects {
		if resource != typeConfigs {
			create(resource)
		}
	}
	secrets := schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: "federatedsecrets"}
	require.Eventually(t, func() bool {
		copied, err := member.CoreV1().Secrets(secrecyNamespace).Get(t.Context(), "marked", metav1.GetOptions{})
		return err == nil && string(copied.Data["password"]) == marker
	}, patience, pollInterval, "the Secret is propagated")

	// What is not encrypted is found in the same way.
	_, err = s.client().Resource(dnsEndpoints).Namespace(secrecyNamespace).Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "multiclusterdns.kubefed.io/v1alpha1", "kind": "DNSEndpoint",
		"metadata": map[string]any{"name": "open", "namespace": secrecyNamespace, "annotations": map[string]any{"example.com/marker": open}},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	metrics := s.metrics()
	status, err := s.client().Resource(secrets).Namespace(secrecyNamespace).Get(t.Context(), "marked", metav1.GetOptions{})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprint(status.Object["status"], status.GetManagedFields()), marker)
	events, err := newDynamic(t, s.host.Host().Config()).Resource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprint(events.Items), marker)
	tokens, err := host.CoreV1().Secrets(env.SystemNamespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	s.terminate()
	log := s.readLog()
	require.Contains(t, log, "Request Body", "bodies would have been logged")
	audited, err := os.ReadFile(audit)
	require.NoError(t, err)
	require.Contains(t, string(audited), "federatedsecrets")
	said := map[string]string{"log": log, "metrics": metrics, "audit log": string(audited)}
	for _, secret := range append([]string{marker, base64.StdEncoding.EncodeToString([]byte(marker))}, tokensOf(tokens.Items)...) {
		for where, text := range said {
			i := strings.Index(text, secret)
			require.Negative(t, i, "in the %s: %.300s", where, text[max(0, i-200):])
		}
		require.Empty(t, filesWith(t, dataDir, secret))
	}
	require.NotEmpty(t, filesWith(t, dataDir, open), "what is not encrypted is found")

	// The next key comes first, and then alone, once all is written with it.
	s = start(t, dataDir, encryption(t, resources, second, first))
	for resource, object := range objects {
		client := s.client().Resource(resource).Namespace(object.GetNamespace())
		require.NoError(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			stored, err := client.Get(t.Context(), object.GetName(), metav1.GetOptions{})
			if err != nil {
				return err
			}
			// Nothing changes but the key.
			_, err = client.Update(t.Context(), stored, metav1.UpdateOptions{})
			return err
		}), resource.Resource)
	}
	for _, resource := range []schema.GroupVersionResource{typeConfigs, kubeFedClusters} {
		client := s.client().Resource(resource).Namespace(env.SystemNamespace)
		list, err := client.List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		for i := range list.Items {
			require.NoError(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
				stored, err := client.Get(t.Context(), list.Items[i].GetName(), metav1.GetOptions{})
				if err == nil {
					_, err = client.Update(t.Context(), stored, metav1.UpdateOptions{})
				}
				return err
			}))
		}
	}
	s.terminate()
	s = start(t, dataDir, encryption(t, resources, second))
	for resource, object := range objects {
		_, err := s.client().Resource(resource).Namespace(object.GetNamespace()).Get(t.Context(), object.GetName(), metav1.GetOptions{})
		require.NoError(t, err, resource.Resource)
	}
}
