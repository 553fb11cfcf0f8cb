package deploy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A host takes what the kustomizations make, its pods run under the restricted Pod Security Standard, and nothing is left
// when it is deleted.
func TestKustomizationsAreInstalled(t *testing.T) {
	for _, variant := range []struct {
		overlay, pods string
		components    []string
	}{
		// Nothing provides volumes here, so that the pod of the StatefulSet is admitted, and waits.
		{overlay: "overlays/embedded-etcd", pods: "1 Pending"},
		{overlay: "overlays/external-etcd", pods: "2 Running", components: []string{"certificate-files", "encryption"}},
	} {
		t.Run(variant.overlay, func(t *testing.T) {
			h := freshHost(t)
			dir := kustomization(t, variant.overlay, variant.components...)
			h.kubectl("apply", "--server-side", "-f", deployPath("base", "namespace.yaml"))

			printed := h.kubectl("apply", "--server-side", "--dry-run=server", "-k", dir)
			assert.Equal(t, len(kustomize(t, dir)), strings.Count(printed, "serverside-applied (server dry run)"), printed)
			h.requireNoServer()

			h.kubectl("apply", "--server-side", "-k", dir)
			h.awaitPods(variant.pods)
			h.requireRestricted()
			// What is applied already does not change. kubectl asks twice and compares: the host may write a status between.
			h.until("what is applied not to differ", func() error {
				if output, err := h.try("diff", "--server-side", "-k", dir); err != nil {
					return fmt.Errorf("%w: %s", err, output)
				}
				return nil
			})

			h.remove()
		})
	}
}

// Helm installs, changes and removes a release.
func TestTheChartIsInstalled(t *testing.T) {
	h := freshHost(t)
	h.kubectl("apply", "--server-side", "-f", deployPath("base", "namespace.yaml"))
	helm := func(args ...string) string {
		args = append(args, "--namespace", systemNamespace, "--kubeconfig", h.Kubeconfig(), "--kube-context", h.context)
		stdout, stderr, err := runHelm(t, args...)
		require.NoError(t, err, "helm %s\n%s%s", strings.Join(args, " "), stdout, stderr)
		return stdout
	}
	chart := deployPath("charts", "federation-apiserver")

	helm("install", "federation", chart, "--dry-run=server")
	h.requireNoServer()

	assert.Contains(t, helm("install", "federation", chart), "kubectl wait --for=condition=Available")
	h.awaitPods("1 Pending")
	h.requireRestricted()

	helm("upgrade", "federation", chart, "--set", "etcd.mode=external", "--set", "etcd.external.servers={"+etcdServer+"}", "--set", "replicas=3")
	h.awaitPods("3 Running")
	assert.NotContains(t, h.kubectl("-n", systemNamespace, "get", "statefulsets", "-o", "name"), serverName)

	helm("rollback", "federation", "1")
	h.awaitPods("1 Pending")

	helm("uninstall", "federation")
	assert.NotContains(t, h.kubectl("get", "apiservices,clusterroles,clusterrolebindings", "-o", "name"), "federation")
	h.requireNoServer()
	// The storage outlives the server.
	assert.Contains(t, h.kubectl("-n", systemNamespace, "get", "persistentvolumeclaims", "-o", "name"), "data-federation-apiserver-0")
	h.releaseClaims()
	deleteNamespace.do(h)
	h.awaitRemoved()
}

// requireNoServer finds nothing of the server in the host.
func (h *host) requireNoServer() {
	h.t.Helper()
	found := h.kubectl("-n", systemNamespace, "get", "statefulsets,deployments,services,serviceaccounts,secrets,roles,networkpolicies", "-o", "name")
	assert.NotContains(h.t, found, serverName)
}

// awaitPods waits for so many pods of the server in a phase, and no others.
func (h *host) awaitPods(expected string) {
	h.t.Helper()
	h.until("pods", func() error {
		output, err := h.try("-n", systemNamespace, "get", "pods", "-l", "app.kubernetes.io/name="+serverName, "-o", "jsonpath={.items[*].status.phase}")
		if err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		phases := strings.Fields(output)
		found := fmt.Sprintf("%d %s", len(phases), strings.Join(slices.Compact(phases), ","))
		if found != expected {
			return errors.New(found)
		}
		return nil
	})
}

// requireRestricted sees that the namespace refuses pods that may do more than the server's.
func (h *host) requireRestricted() {
	h.t.Helper()
	output, err := h.try("-n", systemNamespace, "run", "other", "--image=other", "--dry-run=server")
	require.Error(h.t, err)
	assert.Contains(h.t, output, `violates PodSecurity "restricted`)
}

// remove deletes what was applied in the order of docs/operations.md.
func (h *host) remove() {
	h.t.Helper()
	deleteAPIServices.do(h)
	h.kubectl("-n", systemNamespace, "delete", "statefulset,deployment", serverName, "--ignore-not-found")
	deleteRights.do(h)
	h.releaseClaims()
	deleteNamespace.do(h)
	h.awaitRemoved()
}

// releaseClaims does the work of the controller that protects claims in use, which these hosts do not have.
func (h *host) releaseClaims() {
	h.t.Helper()
	for _, claim := range strings.Fields(h.kubectl("-n", systemNamespace, "get", "persistentvolumeclaims", "-o", "name")) {
		h.kubectl("-n", systemNamespace, "patch", claim, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	}
}
