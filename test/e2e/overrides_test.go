package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// overridesBySelector has entries by name and by selector; the last one that is for a cluster wins.
const overridesBySelector = `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedConfigMap
metadata: {name: settings, namespace: %[1]s}
spec:
  template: {data: {key: base}}
  placement: {clusterSelector: {}}
  overrides:
  - name: canary
    clusterSelector: {matchLabels: {%[1]s: canary}}
    clusterOverrides:
    - {path: /data/key, value: canary}
    - {op: add, path: /metadata/annotations, value: {track: canary}}
  - clusterName: cluster2
    clusterOverrides:
    - {path: /data/key, value: named}
`

// TestOverridesBySelector applies overrides to the clusters that a selector matches, now and when labels change.
func TestOverridesBySelector(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2, cluster3)
	manifest := fmt.Sprintf(overridesBySelector, namespace)
	f.succeed(manifest, "apply", "--server-side", "--field-manager=team", "-f", "-")
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	for cluster, value := range map[string]string{cluster1: "base", cluster2: "named", cluster3: "base"} {
		f.awaitCopy(cluster, configMaps, namespace, "settings", hasValue(value))
	}

	for _, cluster := range []string{cluster1, cluster2} {
		f.kubectl("label", "-n", env.SystemNamespace, "kubefedcluster", cluster, namespace+"=canary")
		f.t.Cleanup(func() { f.kubectlAfter("label", "-n", env.SystemNamespace, "kubefedcluster", cluster, namespace+"-") })
	}
	f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("canary"), hasString("canary", "metadata", "annotations", "track"))
	f.awaitCopy(cluster2, configMaps, namespace, "settings", hasValue("named"), hasString("canary", "metadata", "annotations", "track"))

	f.kubectl("label", "-n", env.SystemNamespace, "kubefedcluster", cluster1, namespace+"-")
	f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("base"), hasString("", "metadata", "annotations", "track"))

	// Another manager adds an entry of its own, and takes it back.
	own := federatedConfigMap(namespace, "settings", "")
	own.Object["spec"] = map[string]any{"overrides": []any{map[string]any{
		"name": "all", "clusterSelector": map[string]any{},
		"clusterOverrides": []any{map[string]any{"path": "/data/extra", "value": "theirs"}},
	}}}
	f.apply(own, "--server-side", "--field-manager=other")
	for _, cluster := range []string{cluster1, cluster2, cluster3} {
		f.awaitCopy(cluster, configMaps, namespace, "settings", hasString("theirs", "data", "extra"))
	}
	own.Object["spec"] = map[string]any{"overrides": []any{}}
	f.apply(own, "--server-side", "--field-manager=other")
	f.awaitCopy(cluster3, configMaps, namespace, "settings", hasValue("base"), hasString("", "data", "extra"))
	assert.Contains(t, f.kubectl("explain", "federatedconfigmap.spec.overrides"), "clusterSelector")

	// Client-side apply takes the same manifest.
	copied := fmt.Sprintf(overridesBySelector, namespace)
	f.succeed(copied, "apply", "-f", "-")
	require.Len(t, f.awaitReady(federatedConfigMaps, namespace, "settings").Object["spec"].(map[string]any)["overrides"], 2)
}
