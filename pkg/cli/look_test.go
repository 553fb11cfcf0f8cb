package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// create makes federated objects of YAML documents.
func (f *fixture) create(resource string, manifests ...string) {
	f.t.Helper()
	for _, manifest := range manifests {
		object := &unstructured.Unstructured{}
		require.NoError(f.t, yaml.Unmarshal([]byte(manifest), &object.Object))
		_, err := f.objects(federated(resource)).Namespace(object.GetNamespace()).Create(f.ctx, object, metav1.CreateOptions{})
		require.NoError(f.t, err)
	}
}

// federatedNamespace makes a namespace of the host one of all clusters too.
func (f *fixture) federatedNamespace(name string) string {
	f.t.Helper()
	f.namespace(name)
	f.create("federatednamespaces", fmt.Sprintf(`
apiVersion: types.kubefed.io/v1beta1
kind: FederatedNamespace
metadata: {name: %[1]s, namespace: %[1]s}
spec: {placement: {clusterSelector: {}}}`, name))
	return name
}

// awaitSync waits until status finds nothing out of sync in a namespace.
func (f *fixture) awaitSync(namespace string) {
	f.t.Helper()
	f.eventually("everything to be in sync", func() error {
		if out, errOut, code := f.run("status", "-n", namespace); code != 0 {
			return fmt.Errorf("exit status %d: %s%s", code, out, errOut)
		}
		return nil
	})
}

const settings = `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedConfigMap
metadata: {name: settings, namespace: look}
spec:
  template: {data: {key: value}}
  placement: {clusterSelector: {matchLabels: {region: eu-west}}}
  overrides:
  - {clusterName: cluster1, clusterOverrides: [{path: /data/key, value: another}]}
`

const password = `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedSecret
metadata: {name: password, namespace: look}
spec:
  template: {stringData: {password: hunter2}}
  placement: {clusters: [{name: cluster1}, {name: cluster2}]}
  overrides:
  - {clusterName: cluster2, clusterOverrides: [{path: /stringData/password, value: hunter3}]}
`

func TestStatusDescribeAndRender(t *testing.T) {
	f := setup(t)
	f.federatedNamespace("look")
	f.create("federatedconfigmaps", settings)
	f.create("federatedsecrets", password)
	f.awaitSync("look")

	out := f.succeed("status", "-n", "look")
	require.Contains(t, out, "core.kubefed.io/v1beta1 and types.kubefed.io/v1beta1 answer through https://")
	require.Regexp(t, `\n  cluster1 +True +\S+ +v1\.`, out)
	require.Regexp(t, `\n  configmaps +Enabled +1 +1 +0\n`, out)
	require.NotContains(t, out, "\x1b")
	var report struct {
		InSync bool
		Types  []struct {
			Name            string
			Objects, InSync int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(f.succeed("status", "-n", "look", "-o", "json")), &report))
	require.True(t, report.InSync)

	out = f.succeed("describe", "federatedconfigmap", "settings", "-n", "look")
	require.Contains(t, out, "  cluster1: in sync\n    Placed:       yes, placement: the selector region=eu-west matches its labels\n                  FederatedNamespace look: the selector is empty, which selects every cluster\n")
	require.Contains(t, out, "replace /data/key (spec.overrides[0].clusterOverrides[0], clusterName cluster1)\n                    /data/key: \"value\" → \"another\"\n")
	require.Contains(t, out, "  cluster2: no copy\n    Placed:       no, placement: the selector region=eu-west does not match its labels (region=us-east,zone=us-east-a)\n")
	// An event may come between.
	f.eventually("the same by both names", func() error {
		described := f.succeed("describe", "fcm/settings", "-n", "look", "--cluster", "cluster3", "-o", "yaml")
		if explained := f.succeed("explain", "configmap", "settings", "-n", "look", "--cluster", "cluster3", "-o", "yaml"); explained != described {
			return fmt.Errorf("%s instead of %s", explained, described)
		}
		return nil
	})
	require.NotContains(t, f.succeed("describe", "secrets", "password", "-n", "look"), "hunter")
	require.Contains(t, f.succeed("describe", "federatednamespace", "look"), "Type:         FederatedNamespace (namespaces)\n")

	// What is rendered is what the member has.
	var rendered corev1.ConfigMap
	require.NoError(t, yaml.Unmarshal([]byte(f.succeed("render", "fcm", "settings", "-n", "look", "--cluster", "cluster1")), &rendered))
	copied, err := f.in("cluster1").CoreV1().ConfigMaps("look").Get(f.ctx, "settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, copied.Data, rendered.Data)
	require.Equal(t, copied.Labels, rendered.Labels)
	require.Contains(t, f.fail("render", "fcm", "settings", "-n", "look", "--cluster", "cluster2"),
		"settings is not placed in cluster2: placement: the selector region=eu-west does not match its labels")
	require.Contains(t, f.fail("render", "fcm", "settings", "-n", "look", "--cluster", "cluster9"), `there is no cluster "cluster9"`)
	out = f.succeed("render", "federatedsecret", "password", "-n", "look")
	require.Contains(t, out, "# cluster1\n")
	require.Contains(t, out, "password: '***'\n")
	require.NotContains(t, out, "hunter")
	require.Contains(t, f.succeed("render", "federatedsecret", "password", "-n", "look", "--cluster", "cluster2", "--show-secrets"), "password: hunter3\n")

	// Something goes wrong.
	require.Contains(t, f.fail("describe", "fcm", "nothing", "-n", "look"), `FederatedConfigMap look/nothing: `)
	cluster2 := f.in("cluster2")
	_, err = cluster2.CoreV1().ConfigMaps("look").Create(f.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "settings", Labels: map[string]string{"kubefed.io/managed": "false"}}}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = f.objects(federated("federatedconfigmaps")).Namespace("look").Patch(f.ctx, "settings", types.MergePatchType,
		[]byte(`{"spec":{"placement":{"clusterSelector":{"matchLabels":null}}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	f.eventually("the trouble to be told", func() error {
		out, errOut, code := f.run("status", "-n", "look")
		if code != 1 || errOut != "" {
			return fmt.Errorf("exit status %d: %s%s", code, out, errOut)
		}
		described := f.succeed("describe", "fcm", "settings", "-n", "look")
		for _, want := range []string{"  cluster2: ManagedLabelFalse for up to ", "  cluster3: in sync\n"} {
			if !strings.Contains(described, want) {
				return errors.New(described)
			}
		}
		return nil
	})
	require.Regexp(t, `\n  configmaps +look +settings +\S+ +CheckClusters +2 of 3 clusters`, f.failed(1, "status", "-n", "look"))
	require.Empty(t, f.failed(2, "status", "--host-cluster-context", "cluster1"))
	require.Empty(t, f.failed(2, "status", "-o", "table"))
	require.NoError(t, cluster2.CoreV1().ConfigMaps("look").Delete(f.ctx, "settings", metav1.DeleteOptions{}))
	f.awaitSync("look")
}

// failed runs a command line that must end with a status, and returns what it
// printed.
func (f *fixture) failed(code int, args ...string) string {
	f.t.Helper()
	out, errOut, got := f.run(args...)
	require.Equal(f.t, code, got, "%v\n%s%s", args, out, errOut)
	return out
}

// TestWhatAReaderMaySee is about users that may read federated objects and little
// else.
func TestWhatAReaderMaySee(t *testing.T) {
	f := setup(t)
	f.federatedNamespace("look")
	f.create("federatedconfigmaps", settings)
	f.awaitSync("look")
	f.reader("look-reader")
	out, errOut, code := f.run("describe", "fcm", "settings", "-n", "look", "--as", "look-reader")
	require.Zero(t, code, errOut)
	require.Contains(t, out, "  cluster1: in sync\n")
	require.Contains(t, errOut, "without events: ")
	require.Contains(t, f.succeed("render", "fcm", "settings", "-n", "look", "--as", "look-reader"), "key: another\n")
	require.Contains(t, f.fail("status", "--as", "nobody-at-all"), "forbidden")
}

// reader lets a user read what the federation serves, until the test ends.
func (f *fixture) reader(user string) {
	f.t.Helper()
	ctx := f.ctx
	_, err := f.host.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"core.kubefed.io", "types.kubefed.io"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}}},
	}, metav1.CreateOptions{})
	require.NoError(f.t, err)
	_, err = f.host.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
	}, metav1.CreateOptions{})
	require.NoError(f.t, err)
	// The host's authorizer reads roles and bindings from caches.
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "list", Group: "core.kubefed.io", Resource: "federatedtypeconfigs"},
	}}
	f.eventually("the rights of "+user, func() error {
		answer, err := f.host.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err == nil && !answer.Status.Allowed {
			err = errors.New(answer.Status.Reason)
		}
		return err
	})
	f.t.Cleanup(func() {
		require.NoError(f.t, f.host.RbacV1().ClusterRoleBindings().Delete(context.Background(), user, metav1.DeleteOptions{}))
		require.NoError(f.t, f.host.RbacV1().ClusterRoles().Delete(context.Background(), user, metav1.DeleteOptions{}))
	})
}
