package deploy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// step is one thing that somebody who removes the federation does.
type step struct {
	name string
	do   func(*host)
}

var (
	deleteAPIServices = step{"APIServices", func(h *host) {
		h.kubectl("delete", "--ignore-not-found", "-f", deployPath("base", "apiservices.yaml"))
	}}
	stopServer   = step{"server", func(h *host) { require.NoError(h.t, h.Federation().Stop(h.t.Context())) }}
	deleteRights = step{"rights", func(h *host) {
		h.kubectl("delete", "--ignore-not-found", "-f", deployPath("base", "rbac.yaml"), "-f", deployPath("base", "roles.yaml"))
	}}
	deleteService = step{"Service", func(h *host) {
		h.kubectl("-n", systemNamespace, "delete", "--ignore-not-found", "service", serverName)
	}}
	// The namespace controller does all that it can before the next step.
	deleteNamespace = step{"namespace", func(h *host) {
		h.kubectl("delete", "namespace", systemNamespace, "--ignore-not-found", "--wait=false")
		h.until("the namespace is gone or cannot go", func() error { return h.goneOrStuck(systemNamespace) })
	}}
	deleteUsersNamespace = step{"a user's namespace", func(h *host) { h.kubectl("delete", "namespace", "shop", "--timeout=240s") }}
)

// documented is the order of docs/operations.md.
var documented = []step{deleteAPIServices, stopServer, deleteRights, deleteNamespace}

// In whatever order: in the end, which is when the APIServices are gone, namespaces of the host can be deleted, and the
// members have what they had.
func TestRemovalInAnyOrder(t *testing.T) {
	for _, steps := range [][]step{
		// As documented. The server is still at work when a user's namespace goes, which it cannot know.
		append([]step{deleteAPIServices, deleteUsersNamespace}, documented[1:]...),
		{deleteNamespace, stopServer, deleteRights, deleteAPIServices},
		{stopServer, deleteNamespace, deleteRights, deleteAPIServices},
		{deleteRights, deleteService, deleteNamespace, stopServer, deleteAPIServices},
	} {
		t.Run(names(steps), func(t *testing.T) {
			h := withFederation(t)
			h.apply(federated)
			before := h.copies()
			installation.installed = false

			for _, s := range steps {
				s.do(h)
			}
			h.awaitRemoved()
			assert.Equal(t, before, h.copies(), "the member has what it had")
		})
	}
}

// awaitRemoved waits until nothing of the federation is left, and deletes the namespaces of users.
func (h *host) awaitRemoved() {
	h.t.Helper()
	h.kubectl("wait", "--for=delete", "namespace/"+systemNamespace, "--timeout=240s")
	h.kubectl("delete", "namespace", "shop", "--ignore-not-found", "--timeout=240s")
	h.kubectl("create", "namespace", "afterwards")
	h.kubectl("delete", "namespace", "afterwards", "--timeout=240s")
	assert.NotContains(h.t, h.kubectl("get", "apiservices,clusterroles,clusterrolebindings", "-o", "name"), "federation-")
}

// goneOrStuck is nil when a namespace is gone, or when its deletion waits for somebody.
func (h *host) goneOrStuck(namespace string) error {
	output, err := h.try("get", "namespace", namespace, "-o", `jsonpath={range .status.conditions[?(@.status=="True")]}{.type} {end}`)
	if err != nil {
		if strings.Contains(output, "NotFound") {
			return nil
		}
		return fmt.Errorf("%w: %s", err, output)
	}
	for _, condition := range []string{"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionContentFailure", "NamespaceFinalizersRemaining"} {
		if strings.Contains(output, condition) {
			return nil
		}
	}
	return errors.New("conditions: " + output)
}

// copies returns the identities of what the federation has made in the member, once it is there.
func (h *host) copies() string {
	h.t.Helper()
	var found string
	h.until("copies in the member", func() error {
		var err error
		found, err = h.try("--context", member, "-n", "shop", "get", "namespace/shop", "configmap/motd", "deployment/web",
			"-o", `jsonpath={range .items[*]}{.kind} {.metadata.uid} {.data}{.spec.replicas}{"\n"}{end}`)
		return err
	})
	require.Len(h.t, strings.Split(strings.TrimSpace(found), "\n"), 3, found)
	return found
}

func names(steps []step) string {
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

const federated = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: types.kubefed.io/v1beta1
kind: FederatedNamespace
metadata: {name: shop, namespace: shop}
spec: {placement: {clusterSelector: {}}}
---
apiVersion: types.kubefed.io/v1beta1
kind: FederatedConfigMap
metadata: {name: motd, namespace: shop}
spec:
  template: {data: {text: welcome}}
  placement: {clusterSelector: {}}
---
apiVersion: types.kubefed.io/v1beta1
kind: FederatedDeployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      replicas: 2
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec: {containers: [{name: web, image: nginx}]}
  placement: {clusterSelector: {}}
`
