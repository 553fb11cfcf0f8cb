package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/env"
)

// succeed runs a command line that must succeed, and returns what it printed.
func (f *fixture) succeed(args ...string) string {
	f.t.Helper()
	out, errOut, code := f.run(args...)
	require.Zero(f.t, code, "%v\n%s%s", args, out, errOut)
	return out
}

// fail runs a command line that must fail, and returns what it complained of.
func (f *fixture) fail(args ...string) string {
	f.t.Helper()
	out, errOut, code := f.run(args...)
	require.NotZero(f.t, code, "%v\n%s%s", args, out, errOut)
	return errOut
}

func (f *fixture) typeConfig(name string) (*corev1beta1.FederatedTypeConfig, error) {
	return f.federation.CoreV1beta1().FederatedTypeConfigs(env.SystemNamespace).Get(f.ctx, name, metav1.GetOptions{})
}

func (f *fixture) objects(resource schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	f.t.Helper()
	client, err := dynamic.NewForConfig(f.Host().Config())
	require.NoError(f.t, err)
	return client.Resource(resource)
}

func TestEnableAndDisable(t *testing.T) {
	f := setup(t)
	const name = "limitranges"
	federatedRanges := schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: "federatedlimitranges"}

	var printed corev1beta1.FederatedTypeConfig
	require.NoError(t, yaml.UnmarshalStrict([]byte(f.succeed("enable", "limits", "-o", "yaml")), &printed))
	require.Equal(t, "FederatedLimitRange", printed.Spec.FederatedType.Kind)
	require.Contains(t, f.succeed("enable", "limits", "--dry-run"), "created in namespace kube-federation-system (dry run)\n")
	_, err := f.typeConfig(name)
	require.True(t, apierrors.IsNotFound(err), "neither changes anything")

	out, hint, code := f.run("enable", "limits")
	require.Zero(t, code, hint)
	require.Equal(t, "federatedtypeconfig.core.kubefed.io/limitranges created in namespace kube-federation-system\n", out)
	for _, member := range []string{"cluster1", "cluster2", "cluster3"} {
		require.Contains(t, hint, member+" does not let the federation write limitranges yet; to change that: kubectl fed join "+member+"\n")
	}
	require.NoError(t, f.RefreshRights(f.ctx))
	_, hint, code = f.run("enable", "limits")
	require.Zero(t, code, hint)
	require.NotContains(t, hint, "does not let the federation")
	// It has waited: the type is there.
	_, err = f.objects(federatedRanges).Namespace("default").Create(f.ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedLimitRange", "metadata": map[string]any{"name": "kept", "namespace": "default"},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"limits": []any{}}}, "placement": map[string]any{"clusters": []any{}}},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	enabled, err := f.typeConfig(name)
	require.NoError(t, err)
	require.Equal(t, printed.Spec, enabled.Spec)

	directive := filepath.Join(t.TempDir(), "directive.yaml")
	require.NoError(t, os.WriteFile(directive, []byte("apiVersion: core.kubefed.io/v1beta1\nkind: EnableTypeDirective\nmetadata: {name: limitranges}\n"), 0o600))
	require.Equal(t, "federatedtypeconfig.core.kubefed.io/limitranges updated in namespace kube-federation-system\n", f.succeed("enable", "-f", directive))

	require.Contains(t, f.fail("disable", "limits", "--delete-crd"), "1 objects of federatedlimitranges.types.kubefed.io exist")
	after, err := f.typeConfig(name)
	require.NoError(t, err)
	require.Equal(t, corev1beta1.PropagationEnabled, after.Spec.Propagation, "nothing was changed")

	out, errOut, code := f.run("disable", "limitrange")
	require.Zero(t, code, errOut)
	require.Equal(t, "federatedtypeconfig.core.kubefed.io/limitranges disabled in namespace kube-federation-system\n"+
		"federatedtypeconfig.core.kubefed.io/limitranges deleted in namespace kube-federation-system\n", out)
	require.Contains(t, errOut, "1 objects of federatedlimitranges.types.kubefed.io stay in storage")
	_, err = f.typeConfig(name)
	require.True(t, apierrors.IsNotFound(err))

	// They come back with the type.
	f.succeed("enable", name)
	require.NoError(t, f.objects(federatedRanges).Namespace("default").Delete(f.ctx, "kept", metav1.DeleteOptions{}))
	require.Eventually(t, func() bool {
		list, err := f.objects(federatedRanges).List(f.ctx, metav1.ListOptions{})
		return err == nil && len(list.Items) == 0
	}, patience, pollInterval)
	f.succeed("disable", name, "--delete-crd")
	_, err = f.typeConfig(name)
	require.True(t, apierrors.IsNotFound(err))
}

func TestMistakesWithTypesAreNamed(t *testing.T) {
	f := setup(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"enable"}, "give NAME or -f FILE"},
		{[]string{"enable", "nothings"}, `the host serves no type "nothings"`},
		{[]string{"enable", "configmaps", "--version", "v7"}, `the host serves no type "configmaps"`},
		{[]string{"enable", "leases"}, "Lease cannot be federated"},
		{[]string{"enable", "configmaps", "--federated-group", "my.example.com"}, "federated types are served as types.kubefed.io/v1beta1 here"},
		{[]string{"enable", "configmaps", "-o", "xml"}, `"xml" must be one of yaml, json`},
		{[]string{"enable", "configmaps", "--kubefed-namespace", "not-there"}, `namespaces "not-there" not found`},
		{[]string{"enable", "configmaps", "--host-cluster-context", "cluster1"}, "is the federation installed there, and is this the host's context?"},
		{[]string{"disable", "nothings"}, `"nothings" is no federated type; there are: `},
		{[]string{"disable", "configmaps", "-f", "-"}, "give either NAME or -f FILE"},
	} {
		require.Contains(t, f.fail(test.args...), test.want)
	}
}
