package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/discovery"

	"github.com/kubefederation/federation-apiserver/test/env"
)

var (
	federatedClusterRoleBindings = federated("federatedclusterrolebindings")
	federatedSecrets             = federated("federatedsecrets")
)

// dryRun changes nothing, and is checked like everything else.
var dryRun = metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}

// bound gives a user a ClusterRole in a namespace.
func (f *federation) bound(namespace, role, user string) {
	f.t.Helper()
	f.kubectl("create", "rolebinding", "-n", namespace, role, "--clusterrole="+role, "--user="+user)
}

// grant gives a user verbs on a resource in a namespace.
func (f *federation) grant(namespace, name, user, verbs, resource string, more ...string) {
	f.t.Helper()
	f.kubectl(append([]string{"create", "role", "-n", namespace, name, "--verb=" + verbs, "--resource=" + resource}, more...)...)
	f.kubectl("create", "rolebinding", "-n", namespace, name, "--role="+name, "--user="+user)
}

// grantEverywhere gives a user verbs on a resource of the cluster.
func (f *federation) grantEverywhere(name, user, verbs, resource string, more ...string) {
	f.t.Helper()
	f.t.Cleanup(func() { f.kubectlAfter("delete", "clusterrole,clusterrolebinding", name, "--ignore-not-found") })
	f.kubectl(append([]string{"create", "clusterrole", name, "--verb=" + verbs, "--resource=" + resource}, more...)...)
	f.kubectl("create", "clusterrolebinding", name, "--clusterrole="+name, "--user="+user)
}

// awaitAllows waits until the federation lets a write pass. The host's authorizer reads roles from caches, and the
// federation keeps the host's answers for some seconds.
func (f *federation) awaitAllows(what string, write func() error) {
	f.t.Helper()
	f.eventually("the right to "+what, write)
}

// awaitRefusal waits until a write is refused for a reason, and returns the refusal.
func (f *federation) awaitRefusal(what string, write func() error, parts ...string) string {
	f.t.Helper()
	var refusal error
	f.eventually("the refusal to "+what, func() error {
		refusal = write()
		if !apierrors.IsForbidden(refusal) {
			return fmt.Errorf("it was answered with %w", orAllowed(refusal))
		}
		for _, part := range parts {
			if !strings.Contains(refusal.Error(), part) {
				return fmt.Errorf("%q is not in %w", part, refusal)
			}
		}
		return nil
	})
	return refusal.Error()
}

func orAllowed(err error) error {
	if err == nil {
		return fmt.Errorf("success")
	}
	return err
}

// TestANamespaceEditorIsNoAdministratorOfMembers takes an editor of a namespace, with the roles as they are installed,
// through what would give them more in the members than they have in the host.
func TestANamespaceEditorIsNoAdministratorOfMembers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace, foreign := f.namespace(cluster1), f.namespace()
	ed, vi := "ed-"+namespace, "vi-"+namespace
	f.bound(namespace, "edit", ed)
	f.bound(namespace, "view", vi)
	f.awaitAllowed(ed, "create", namespace)
	f.awaitAllowed(vi, "list", namespace)
	editor, viewer := f.as(ed), f.as(vi)
	create := func(object *unstructured.Unstructured) func() error {
		resource := federated(strings.ToLower(object.GetKind()) + "s")
		return func() error {
			_, err := editor.Resource(resource).Namespace(object.GetNamespace()).Create(f.ctx(), object, dryRun)
			return err
		}
	}

	t.Run("their own work is propagated, in their name", func(t *testing.T) {
		f := f.in(t)
		configMaps := editor.Resource(federatedConfigMaps).Namespace(namespace)
		var created *unstructured.Unstructured
		f.awaitAllows("create a FederatedConfigMap", func() (err error) {
			created, err = configMaps.Create(f.ctx(), federatedConfigMap(namespace, "mine", "1", cluster1), metav1.CreateOptions{})
			return err
		})
		author, _, _ := unstructured.NestedString(created.Object, "status", "lastChange", "user")
		assert.Equal(t, ed, author)
		ready := f.awaitReady(federatedConfigMaps, namespace, "mine")
		author, _, _ = unstructured.NestedString(ready.Object, "status", "lastChange", "user")
		assert.Equal(t, ed, author, "after the propagation has reported")
		f.awaitCopy(cluster1, core("configmaps"), namespace, "mine")

		_, err := viewer.Resource(federatedConfigMaps).Namespace(namespace).Get(f.ctx(), "mine", metav1.GetOptions{})
		require.NoError(t, err)
		_, err = editor.Resource(federatedSecrets).Namespace(namespace).List(f.ctx(), metav1.ListOptions{})
		require.NoError(t, err)
		_, err = viewer.Resource(federatedSecrets).Namespace(namespace).List(f.ctx(), metav1.ListOptions{})
		assert.True(t, apierrors.IsForbidden(err), "who may not read Secrets may not read those of federated ones: %v", err)
	})
	t.Run("status", func(t *testing.T) {
		_, err := editor.Resource(federatedConfigMaps).Namespace(namespace).Patch(f.ctx(), "mine", types.MergePatchType, []byte(`{"status":{"clusters":[]}}`), metav1.PatchOptions{}, "status")
		assert.True(t, apierrors.IsForbidden(err), "%v", err)
	})
	t.Run("another namespace", func(t *testing.T) {
		f.in(t).awaitRefusal("write in another namespace", create(federatedConfigMap(foreign, "mine", "1", cluster1)), `cannot create resource "federatedconfigmaps"`)
	})
	t.Run("labels of a cluster", func(t *testing.T) {
		t.Parallel() // what was refused is so for some seconds
		f := f.in(t)
		label := func() error {
			_, err := editor.Resource(env.KubeFedClusters).Namespace(env.SystemNamespace).Patch(f.ctx(), cluster1, types.MergePatchType,
				[]byte(`{"metadata":{"labels":{"attracts":"secrets"}}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
			return err
		}
		f.awaitRefusal("label a cluster", label, `cannot patch resource "kubefedclusters"`)
		name := "clusters-" + namespace
		f.t.Cleanup(func() {
			f.kubectlAfter("delete", "role,rolebinding", "-n", env.SystemNamespace, name, name+"-labels", "--ignore-not-found")
		})
		f.grant(env.SystemNamespace, name, ed, "get,patch,update", "kubefedclusters.core.kubefed.io")
		f.awaitRefusal("label a cluster that one may change", label, "label-for-placement kubefedclusters.core.kubefed.io")
		f.grant(env.SystemNamespace, name+"-labels", ed, "label-for-placement", "kubefedclusters.core.kubefed.io")
		f.awaitAllows("label a cluster", label)
	})
	t.Run("labels of a namespace", func(t *testing.T) {
		t.Parallel() // what was refused is so for some seconds
		f := f.in(t)
		privileged := federatedObject("FederatedNamespace", foreign, foreign, map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"pod-security.kubernetes.io/enforce": "privileged"}}}, cluster1)
		f.awaitRefusal("federate a namespace", create(privileged), `cannot create resource "federatednamespaces"`)
		f.grant(foreign, "namespaces", ed, "create,update", "federatednamespaces.types.kubefed.io")
		f.awaitRefusal("make a namespace", create(privileged), fmt.Sprintf("create namespaces %q", foreign))
		f.grantEverywhere("namespace-"+foreign, ed, "create", "namespaces", "--resource-name="+foreign)
		f.awaitRefusal("relax a namespace", create(privileged), "relax-pod-security", "pod-security.kubernetes.io/enforce")
		f.awaitAllows("federate a namespace", create(federatedObject("FederatedNamespace", foreign, foreign, nil, cluster1)))
	})
	t.Run("roles and bindings", func(t *testing.T) {
		t.Parallel() // what was refused is so for some seconds
		f := f.in(t)
		const config = "clusterrolebindings.rbac.authorization.k8s.io"
		f.create(federatedTypeConfigs, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "core.kubefed.io/v1beta1", "kind": "FederatedTypeConfig",
			"metadata": map[string]any{"name": config, "namespace": env.SystemNamespace},
			"spec": map[string]any{
				"propagation":   "Enabled",
				"targetType":    map[string]any{"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRoleBinding", "pluralName": "clusterrolebindings", "scope": "Cluster"},
				"federatedType": map[string]any{"group": "types.kubefed.io", "version": "v1beta1", "kind": "FederatedClusterRoleBinding", "pluralName": "federatedclusterrolebindings", "scope": "Cluster"},
			},
		}})
		t.Cleanup(func() {
			f.kubectlAfter("delete", "-n", env.SystemNamespace, "federatedtypeconfig", config, "--ignore-not-found")
		})
		discoverer, err := discovery.NewDiscoveryClientForConfig(f.Host().Config())
		require.NoError(t, err)
		f.eventually("the kind to be served through the host, which kubectl asks for it", func() error {
			if _, err := f.host(federatedClusterRoleBindings, "").List(f.ctx(), metav1.ListOptions{}); err != nil {
				return err
			}
			return discovers(discoverer, federatedClusterRoleBindings)
		})
		role := federatedObject("FederatedClusterRole", "", "all-"+namespace, map[string]any{
			"rules": []any{map[string]any{"verbs": []any{"*"}, "apiGroups": []any{"*"}, "resources": []any{"*"}}}}, cluster1)
		binding := federatedObject("FederatedClusterRoleBinding", "", "all-"+namespace, map[string]any{
			"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
			"subjects": []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": ed}}}, cluster1)
		f.awaitRefusal("make a cluster role", create(role), `cannot create resource "federatedclusterroles"`)
		f.awaitRefusal("bind a cluster role", create(binding), `cannot create resource "federatedclusterrolebindings"`)

		f.grantEverywhere("federated-"+namespace, ed, "create", "federatedclusterroles.types.kubefed.io,federatedclusterrolebindings.types.kubefed.io")
		f.awaitRefusal("make a cluster role", create(role), "create clusterroles.rbac.authorization.k8s.io")
		f.awaitRefusal("bind a cluster role", create(binding), "create clusterrolebindings.rbac.authorization.k8s.io")

		f.grantEverywhere("rbac-"+namespace, ed, "create", "clusterroles.rbac.authorization.k8s.io,clusterrolebindings.rbac.authorization.k8s.io")
		f.awaitRefusal("make a cluster role of rights that one has not", create(role), "lacks: * *.*")
		f.awaitRefusal("bind a cluster role that one does not hold", create(binding), `bind clusterroles.rbac.authorization.k8s.io "cluster-admin"`)
		_, err = f.host(federatedClusterRoleBindings, "").Create(f.ctx(), binding, dryRun)
		require.NoError(t, err, "an administrator may")
	})
}

// TestAuthorsNeedTheRightsOfTheHost has a user who may write federated objects and nothing that they stand for, which
// KubeFed did not ask about.
func TestAuthorsNeedTheRightsOfTheHost(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1)
	user := "max-" + namespace
	f.grant(namespace, "federated", user, "create,get,update,patch", "federatedconfigmaps.types.kubefed.io,federateddeployments.types.kubefed.io")
	f.grant(namespace, "preferences", user, "create", "replicaschedulingpreferences.scheduling.kubefed.io")
	f.awaitAllowed(user, "create", namespace)
	client := f.as(user).Resource(federatedConfigMaps).Namespace(namespace)
	create := func(options metav1.CreateOptions) func() error {
		return func() error {
			_, err := client.Create(f.ctx(), federatedConfigMap(namespace, "his", "1", cluster1), options)
			return err
		}
	}
	update := func() error {
		_, err := client.Patch(f.ctx(), "his", types.MergePatchType, fmt.Appendf(nil, `{"spec":{"template":{"data":{"key":%q}}}}`, rand.String(8)), metav1.PatchOptions{})
		return err
	}
	f.awaitRefusal("create without the target", create(metav1.CreateOptions{}), `must be allowed to create configmaps "his"`, namespace)
	refusal := f.awaitRefusal("create without the target, as a dry run", create(dryRun))
	f.requireAbsent(env.HostName, federatedConfigMaps, namespace, "his")

	preference := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference", "metadata": map[string]any{"name": "web", "namespace": namespace},
		"spec": map[string]any{"targetKind": "FederatedDeployment", "totalReplicas": int64(3)},
	}}
	f.awaitRefusal("plan replicas without the target", func() error {
		_, err := f.as(user).Resource(replicaSchedulingPreferences).Namespace(namespace).Create(f.ctx(), preference, dryRun)
		return err
	}, "update deployments.apps")

	// What the refusal says is what helps.
	commands := regexp.MustCompile(`kubectl (create \S+ NAME.*?) && kubectl (create \S+ NAME.*)$`).FindStringSubmatch(refusal)
	require.Len(t, commands, 3, "%s", refusal)
	for _, command := range commands[1:] {
		f.kubectl(strings.Fields(strings.ReplaceAll(strings.ReplaceAll(command, `"`, ""), "NAME", "by-the-book"))...)
	}
	f.awaitAllows("create with the target", create(metav1.CreateOptions{}))
	f.awaitRefusal("update with the right to create", update, `must be allowed to update configmaps "his"`)
	f.grant(namespace, "this-one", user, "update", "configmaps", "--resource-name=his")
	f.awaitAllows("update the one", update)
	_, err := client.Patch(f.ctx(), "his", types.MergePatchType, []byte(`{"spec":{"placement":{"clusters":[]}}}`), metav1.PatchOptions{})
	require.NoError(t, err, "create and update are enough for the placement")

	f.kubectl("delete", "rolebinding", "-n", namespace, "this-one")
	f.awaitRefusal("update when the right is gone", update, "update configmaps")
	_, err = client.Patch(f.ctx(), "his", types.MergePatchType, []byte(`{"metadata":{"annotations":{"kubefed.io/orphan":"true"}}}`), metav1.PatchOptions{})
	require.NoError(t, err, "metadata is not what the members get")
}

// TestDeniedTargets has an administrator of everything try what nobody may by default.
func TestDeniedTargets(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, namespace := range []string{"kube-system", "kube-public", env.SystemNamespace} {
		_, err := f.host(federatedConfigMaps, namespace).Create(f.ctx(), federatedConfigMap(namespace, "mine", "1", cluster1), dryRun)
		require.True(t, apierrors.IsForbidden(err), "%v", err)
		assert.ErrorContains(t, err, "metadata.namespace: Forbidden")
	}
	for _, denied := range []struct{ name, group, kind, plural, scope string }{
		{"validatingwebhookconfigurations.admissionregistration.k8s.io", "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", "Cluster"},
		{"leases.coordination.k8s.io", "coordination.k8s.io", "Lease", "leases", "Namespaced"},
		{"kubefedclusters.core.kubefed.io", "core.kubefed.io", "KubeFedCluster", "kubefedclusters", "Namespaced"},
	} {
		_, err := f.host(federatedTypeConfigs, env.SystemNamespace).Create(f.ctx(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "core.kubefed.io/v1beta1", "kind": "FederatedTypeConfig",
			"metadata": map[string]any{"name": denied.name, "namespace": env.SystemNamespace},
			"spec": map[string]any{
				"propagation":   "Enabled",
				"targetType":    map[string]any{"group": denied.group, "version": "v1", "kind": denied.kind, "pluralName": denied.plural, "scope": denied.scope},
				"federatedType": map[string]any{"group": "types.kubefed.io", "version": "v1beta1", "kind": "Federated" + denied.kind, "pluralName": "federated" + denied.plural, "scope": denied.scope},
			},
		}}, dryRun)
		require.True(t, apierrors.IsInvalid(err), "%v", err)
		assert.ErrorContains(t, err, "spec.targetType: Forbidden")
	}
}

// TestTheServerHasFewRights asks the host about the identity that the server of every test runs with.
func TestTheServerHasFewRights(t *testing.T) {
	t.Parallel()
	f := setup(t)
	account := "--as=system:serviceaccount:" + env.SystemNamespace + ":federation-apiserver"
	for _, may := range []struct{ verb, resource, namespace, want string }{
		{"get", "secrets", env.SystemNamespace, "yes"},
		{"get", "secrets", "default", "no"},
		{"list", "secrets", "--all-namespaces", "no"},
		{"create", "secrets", env.SystemNamespace, "no"},
		{"create", "pods", env.SystemNamespace, "no"},
		{"create", "pods", "default", "no"},
		{"create", "deployments.apps", "default", "no"},
		{"create", "serviceaccounts/token", env.SystemNamespace, "no"},
		{"impersonate", "users", "--all-namespaces", "no"},
		{"escalate", "clusterroles.rbac.authorization.k8s.io", "--all-namespaces", "no"},
		{"update", "clusterroles.rbac.authorization.k8s.io", "--all-namespaces", "no"},
		{"update", "namespaces", "--all-namespaces", "no"},
		{"*", "*.*", "--all-namespaces", "no"},
	} {
		where := []string{may.namespace}
		if !strings.HasPrefix(may.namespace, "--") {
			where = []string{"-n", may.namespace}
		}
		answer := f.run("", "kubectl", append([]string{"auth", "can-i", may.verb, may.resource, account}, where...)...)
		assert.Equal(t, may.want+"\n", answer.stdout, "%s %s %s: %s", may.verb, may.resource, may.namespace, answer.stderr)
	}
}
