package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/binaries"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// helm runs Helm against the host.
func (f *federation) helm(path string, args ...string) (output string, err error) {
	f.t.Helper()
	home := f.t.TempDir()
	command := f.command(f.ctx(), path, args...)
	command.Env = append(command.Env, "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	combined, err := command.CombinedOutput()
	return string(combined), err
}

// TestHelm installs, upgrades, rolls back and removes a chart of federated objects, and has Helm wait for each.
func TestHelm(t *testing.T) {
	f := setup(t)
	repository, err := binaries.FindRepository()
	require.NoError(t, err)
	building, cancel := context.WithTimeout(f.ctx(), buildLimit)
	defer cancel()
	path, err := repository.Helm(building, progress.NewWriter(os.Stderr))
	require.NoError(t, err)
	namespace := f.namespace()
	chart := testdata("charts", "shop")
	helm := func(args ...string) string {
		t.Helper()
		output, err := f.helm(path, append(args, "-n", namespace)...)
		require.NoError(t, err, output)
		return output
	}
	apply := func(replicas int64, greeting string, settings ...string) []string {
		args := []string{"web", chart, "--wait", "--timeout=90s", "--set", "greeting=" + greeting, "--set", fmt.Sprintf("replicas=%d", replicas)}
		return append(args, settings...)
	}
	// What Helm has waited for is there at once.
	requireRunning := func(greeting string, each int64) {
		t.Helper()
		for _, cluster := range []string{cluster1, cluster2} {
			deployed := f.get(cluster, deployments, namespace, "web")
			require.NoError(t, hasInt(each, "status", "readyReplicas")(deployed), cluster)
			require.NoError(t, hasString(greeting, "data", "greeting")(f.get(cluster, configMaps, namespace, "settings")))
		}
	}

	helm(append([]string{"install"}, apply(2, "hello")...)...)
	requireRunning("hello", 1)
	assert.Contains(t, helm("status", "web"), "STATUS: deployed")
	for _, kind := range []string{"federatednamespaces", "federatedconfigmaps", "federateddeployments"} {
		list, err := f.host(federated(kind), namespace).List(f.ctx(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.NoError(t, isReady(&list.Items[0]), kind)
	}

	helm(append([]string{"upgrade"}, apply(4, "good day")...)...)
	requireRunning("good day", 2)

	t.Run("what others changed stays unless the chart says otherwise", func(t *testing.T) {
		f := f.in(t)
		f.patch(env.HostName, federatedConfigMaps, namespace, "settings", `{"spec":{"template":{"data":{"added":"by hand"}}}}`)
		helm(append([]string{"upgrade"}, apply(4, "good day")...)...)
		stored := f.get(env.HostName, federatedConfigMaps, namespace, "settings")
		assert.NoError(t, hasString("by hand", "spec", "template", "data", "added")(stored))

		f.patch(env.HostName, federatedConfigMaps, namespace, "settings", `{"spec":{"template":{"data":{"greeting":"changed by hand"}}}}`)
		output, err := f.helm(path, append([]string{"upgrade", "-n", namespace}, apply(4, "good evening")...)...)
		require.Error(t, err, output)
		assert.Contains(t, output, ".spec.template.data.greeting", "the conflict has the field")
		helm(append([]string{"upgrade", "--force-conflicts"}, apply(4, "good evening")...)...)
		requireRunning("good evening", 2)
	})

	t.Run("an upgrade that a member refuses is rolled back", func(t *testing.T) {
		f := f.in(t)
		output, err := f.helm(path, append([]string{"upgrade", "-n", namespace, "--rollback-on-failure", "--force-conflicts"}, apply(4, "goodbye", "--set", "impossible=true")...)...)
		require.Error(t, err, output)
		assert.Contains(t, output, "rolled back")
		f.awaitReady(federatedDeployments, namespace, "web")
		requireRunning("good evening", 2)
	})

	helm("rollback", "web", "1", "--wait", "--timeout=90s", "--force-conflicts")
	requireRunning("hello", 1)

	helm("uninstall", "web", "--wait", "--timeout=90s")
	// Helm takes what its own watch has not shown yet for deleted: on a busy machine
	// it may be a little early.
	for _, cluster := range []string{cluster1, cluster2} {
		f.awaitGone(cluster, deployments, namespace, "web")
		f.awaitGone(cluster, namespaces, "", namespace)
	}
	f.awaitGone(env.HostName, federatedDeployments, namespace, "web")
	f.awaitGone(env.HostName, preferences, namespace, "web")
}
