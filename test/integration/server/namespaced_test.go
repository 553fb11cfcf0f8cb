package server

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/test/env"
)

var (
	kubeFedConfigs  = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "kubefedconfigs"}
	kubeFedClusters = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "kubefedclusters"}
)

// confinedAccount makes a service account in a member with all rights in the system namespace and none beyond, except
// to probe, and returns a token of it.
func confinedAccount(t *testing.T, member kubernetes.Interface) string {
	t.Helper()
	const name = "confined"
	account, err := member.CoreV1().ServiceAccounts(env.SystemNamespace).Create(t.Context(),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = member.RbacV1().Roles(env.SystemNamespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = member.RbacV1().RoleBindings(env.SystemNamespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: env.SystemNamespace, Name: name}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx := context.Background()
		assert.NoError(t, member.CoreV1().ServiceAccounts(env.SystemNamespace).Delete(ctx, name, metav1.DeleteOptions{}))
		assert.NoError(t, member.RbacV1().Roles(env.SystemNamespace).Delete(ctx, name, metav1.DeleteOptions{}))
		assert.NoError(t, member.RbacV1().RoleBindings(env.SystemNamespace).Delete(ctx, name, metav1.DeleteOptions{}))
	})
	token, err := member.CoreV1().ServiceAccounts(env.SystemNamespace).CreateToken(t.Context(), account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	return token.Status.Token
}

// TestNamespacedControlPlane runs a server whose KubeFedConfig has the scope Namespaced, with a member in which it has
// no rights beyond the system namespace.
func TestNamespacedControlPlane(t *testing.T) {
	e := env.Shared(t)
	setAside(t, e)
	cluster := e.Member("cluster1")
	member, err := kubernetes.NewForConfig(cluster.Config())
	require.NoError(t, err)
	host, err := kubernetes.NewForConfig(e.Host().Config())
	require.NoError(t, err)
	secret, err := host.CoreV1().Secrets(env.SystemNamespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "confined-"}, StringData: map[string]string{"token": confinedAccount(t, member)},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, host.CoreV1().Secrets(env.SystemNamespace).Delete(context.Background(), secret.Name, metav1.DeleteOptions{}))
	})

	s := start(t, t.TempDir())
	client := s.client()
	create := func(resource schema.GroupVersionResource, namespace string, object *unstructured.Unstructured) {
		t.Helper()
		_, err := client.Resource(resource).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	create(kubeFedConfigs, env.SystemNamespace, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedConfig",
		"metadata": map[string]any{"name": "kubefed"}, "spec": map[string]any{"scope": "Namespaced"},
	}})
	create(kubeFedClusters, env.SystemNamespace, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster", "metadata": map[string]any{"name": "cluster1"},
		"spec": map[string]any{
			"apiEndpoint": cluster.Endpoint(), "secretRef": map[string]any{"name": secret.Name}, "disabledTLSValidations": []any{"*"},
		},
	}})
	objects := s.enable()
	roles := typeConfig("PersistentVolume", "persistentvolumes", "Cluster")
	require.NoError(t, unstructured.SetNestedField(roles.Object, "Cluster", "spec", "federatedType", "scope"))
	create(typeConfigs, env.SystemNamespace, roles)

	placed := func(name string) *unstructured.Unstructured {
		object := federatedConfigMap(name, "value")
		require.NoError(t, unstructured.SetNestedMap(object.Object, map[string]any{"clusterSelector": map[string]any{}}, "spec", "placement"))
		return object
	}
	own := client.Resource(federatedConfigMaps).Namespace(env.SystemNamespace)
	inside := placed("inside")
	inside.SetNamespace(env.SystemNamespace)
	_, err = own.Create(t.Context(), inside, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = objects.Create(t.Context(), placed("outside"), metav1.CreateOptions{})
	require.NoError(t, err)

	copies := member.CoreV1().ConfigMaps(env.SystemNamespace)
	require.Eventually(t, func() bool {
		copied, err := copies.Get(t.Context(), "inside", metav1.GetOptions{})
		return err == nil && copied.Data["key"] == "value"
	}, patience, pollInterval, "namespaced credentials suffice in the own namespace")
	// Changes in the member are seen.
	require.NoError(t, copies.Delete(t.Context(), "inside", metav1.DeleteOptions{}))
	require.Eventually(t, func() bool {
		_, err := copies.Get(t.Context(), "inside", metav1.GetOptions{})
		return err == nil
	}, patience, pollInterval)

	require.Eventually(t, func() bool {
		outside, err := objects.Get(t.Context(), "outside", metav1.GetOptions{})
		require.NoError(t, err)
		return condition(outside, "Propagation") == "NamespaceNotFederated"
	}, patience, pollInterval, "other namespaces are out of scope")
	require.Eventually(t, func() bool {
		refused, err := client.Resource(typeConfigs).Namespace(env.SystemNamespace).Get(t.Context(), "persistentvolumes", metav1.GetOptions{})
		require.NoError(t, err)
		propagation, _, _ := unstructured.NestedString(refused.Object, "status", "propagationController")
		return condition(refused, "Served") == "OutOfScope" && propagation == "NotRunning"
	}, patience, pollInterval)

	require.NoError(t, own.Delete(t.Context(), "inside", metav1.DeleteOptions{}))
	require.NoError(t, objects.Delete(t.Context(), "outside", metav1.DeleteOptions{}))
	require.Eventually(t, func() bool {
		left, err := client.Resource(federatedConfigMaps).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		return len(left.Items) == 0
	}, patience, pollInterval)
	_, err = copies.Get(t.Context(), "inside", metav1.GetOptions{})
	require.Error(t, err)
}

// condition returns the reason of a condition, empty if there is none.
func condition(object *unstructured.Unstructured, kind string) string {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, item := range conditions {
		if entry, ok := item.(map[string]any); ok && entry["type"] == kind {
			reason, _ := entry["reason"].(string)
			return reason
		}
	}
	return ""
}
