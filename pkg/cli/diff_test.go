package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestDiff(t *testing.T) {
	f := setup(t)
	f.federatedNamespace("look")
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	original := file("settings.yaml", settings)

	// Nothing is there yet: everything would be added, and nothing is.
	out := f.failed(1, "diff", "-f", original)
	require.Contains(t, out, "# FederatedConfigMap look/settings: added in cluster1\n")
	require.Contains(t, out, "+  key: another\n")
	require.NotContains(t, out, "cluster2")
	_, err := f.objects(federated("federatedconfigmaps")).Namespace("look").Get(f.ctx, "settings", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))

	f.kubectl("apply", "-f", original)
	require.Empty(t, f.failed(0, "diff", "-f", original))
	require.Empty(t, f.failed(0, "diff", "--server-side", "--force-conflicts", "-f", original))

	// Another placement, another value, an override less.
	changed := settings[:strings.Index(settings, "  overrides:")]
	changed = strings.Replace(changed, "key: value", "key: third", 1)
	changed = strings.Replace(changed, "clusterSelector: {matchLabels: {region: eu-west}}", "clusters: [{name: cluster1}, {name: cluster2}, {name: cluster3}]", 1)
	out = f.failed(1, "diff", "-f", file("changed.yaml", changed))
	require.Contains(t, out, "# FederatedConfigMap look/settings: changed in cluster1\n--- now\n+++ after\n@@ -1,6 +1,6 @@\n apiVersion: v1\n data:\n-  key: another\n+  key: third\n", "the file had the override at the last apply")
	require.Contains(t, out, "# FederatedConfigMap look/settings: added in cluster2, cluster3\n")
	require.Contains(t, f.failed(1, "diff", "-f", file("nowhere.yaml", strings.Replace(settings, "eu-west", "nowhere", 1))), ": removed in cluster1\n")
	f.kubectl("annotate", "-n", "look", "federatedconfigmap/settings", "kubefed.io/orphan=true")
	require.Contains(t, f.failed(1, "diff", "-f", filepath.Join(dir, "nowhere.yaml")), ": let go in cluster1\n")

	// A FederatedNamespace of the same files decides where the rest would go.
	out = f.failed(1, "diff", "-f", file("both.yaml", changed+`
---
apiVersion: types.kubefed.io/v1beta1
kind: FederatedNamespace
metadata: {name: look, namespace: look}
spec: {placement: {clusters: [{name: cluster2}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: plain, namespace: look}
`))
	require.Contains(t, out, "# FederatedConfigMap look/settings: let go in cluster1\n")
	require.Contains(t, out, "# FederatedConfigMap look/settings: added in cluster2\n")
	require.Contains(t, out, "# FederatedNamespace look/look: removed in cluster1, cluster3\n")

	// Values of Secrets are not shown.
	f.kubectl("apply", "-f", file("password.yaml", password))
	out = f.failed(1, "diff", "-f", file("password2.yaml", strings.Replace(password, "hunter2", "hunter7", 1)))
	require.Contains(t, out, "-  password: '*** (before)'\n+  password: '*** (after)'\n")
	require.NotContains(t, out, "hunter")
	require.Contains(t, f.failed(1, "diff", "--show-secrets", "-f", filepath.Join(dir, "password2.yaml")), "+  password: hunter7\n")

	// What the host refuses is an error, and so is nothing to compare.
	require.Empty(t, f.failed(2, "diff", "-f", file("wrong.yaml", strings.Replace(settings, "data:", "dta:", 1))))
	require.Empty(t, f.failed(2, "diff", "-f", file("plain.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")))
	require.Empty(t, f.failed(2, "diff"))
}

// kubectl runs kubectl, which must succeed.
func (f *fixture) kubectl(args ...string) {
	f.t.Helper()
	command := f.Command(f.ctx, "kubectl", args...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	require.NoError(f.t, command.Run(), "kubectl %v\n%s", args, output.String())
}
