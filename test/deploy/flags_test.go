package deploy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ofPlace are the flags whose values are files and ports of a machine.
var ofPlace = []string{"--secure-port", "--tls-cert-file", "--tls-private-key-file", "--data-dir", "--audit-policy-file", "--audit-log-path"}

// ofProcess are the flags that a process needs where a pod has an address and a ServiceAccount of its own.
var ofProcess = []string{"--bind-address", "--kubeconfig", "--authentication-kubeconfig", "--authorization-kubeconfig"}

// What is tested and tried in the sandbox is what is installed. The sandbox has its certificate from files.
func TestFlagsAreThoseOfTheSandbox(t *testing.T) {
	h := environment(t)
	sandbox := flags(t, h.Federation().Flags())
	for _, name := range ofProcess {
		require.Contains(t, sandbox, name)
		delete(sandbox, name)
	}
	for name, objects := range map[string][]*unstructured.Unstructured{
		"kustomization": kustomize(t, kustomization(t, "overlays/embedded-etcd", "certificate-files")),
		"chart":         template(t, "federation-apiserver", systemNamespace, "certificates.mode=secret", "certificates.caBundle="+caBundle),
	} {
		installed := flags(t, arguments(t, objects))
		for _, flag := range ofPlace {
			require.Contains(t, sandbox, flag)
			require.Contains(t, installed, flag, name)
			installed[flag] = sandbox[flag]
		}
		assert.Equal(t, sandbox, installed, name)
	}
}

// A flag that the server does not know would keep it from starting.
func TestTheServerKnowsAllFlags(t *testing.T) {
	h := environment(t)
	help, err := h.Command(t.Context(), h.Federation().Executable(), "--help").Output()
	require.NoError(t, err)
	for _, variant := range variants {
		for flag := range flags(t, arguments(t, kustomize(t, kustomization(t, variant.overlay, variant.components...)))) {
			assert.Regexp(t, `(?m)^\s+`+flag+`[\s\[]`, string(help), variant.name)
		}
	}
}

// arguments are those of the server in a pod of the system namespace.
func arguments(t *testing.T, objects []*unstructured.Unstructured) []string {
	t.Helper()
	args, found, err := unstructured.NestedStringSlice(container(t, workload(t, objects)), "args")
	require.NoError(t, err)
	require.True(t, found)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$(POD_NAMESPACE)", systemNamespace)
	}
	return args
}

// flags are the values by name; each flag is given once.
func flags(t *testing.T, args []string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		require.NotContains(t, found, name)
		found[name] = value
	}
	return found
}
