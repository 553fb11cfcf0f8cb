package deploy

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A value that makes no sense is refused with its path, before anything is applied.
func TestWrongValuesAreRefused(t *testing.T) {
	for _, row := range []struct {
		chart, value, complaint string
	}{
		{"federation-apiserver", "etcd.mode=none", "at '/etcd/mode': value must be one of"},
		{"federation-apiserver", "etcd.mode=external", "at '/etcd/external/servers': minItems"},
		{"federation-apiserver", "etcd.external.servers={http://etcd:2379}", "at '/etcd/external/servers/0'"},
		{"federation-apiserver", "etcd.external.servers={https://a:2379/x}", "at '/etcd/external/servers/0'"},
		{"federation-apiserver", "etcd.external.secretName=A_B", "at '/etcd/external/secretName'"},
		{"federation-apiserver", "etcd.embedded.size=0Gi", "at '/etcd/embedded/size'"},
		{"federation-apiserver", "etcd.embedded.size=large", "at '/etcd/embedded/size'"},
		{"federation-apiserver", "replicas=1", "at '/replicas': minimum"},
		{"federation-apiserver", "replicas=two", "at '/replicas'"},
		{"federation-apiserver", "certificates.mode=self", "at '/certificates/mode'"},
		{"federation-apiserver", "certificates.mode=secret", "at '/certificates/caBundle': minLength"},
		{"federation-apiserver", "certificates.caBundle=" + caBundle, "at '/certificates/caBundle': maxLength"},
		{"federation-apiserver", "image.digest=sha256:1", "at '/image/digest'"},
		{"federation-apiserver", "image.pullPolicy=Sometimes", "at '/image/pullPolicy'"},
		{"federation-apiserver", "extraArgs={-v 4}", "at '/extraArgs/0'"},
		{"federation-apiserver", "networkPolicy.enabled=yes please", "at '/networkPolicy/enabled'"},
		{"federation-apiserver", "networkPolicy=true", "networkPolicy"},
		{"federation-apiserver", "replicaCount=3", "additional properties 'replicaCount' not allowed"},
		{"federation-apiserver", "securityContext.runAsUser=0", "additional properties 'securityContext' not allowed"},
		{"federation-config", "config.scope=Everything", "at '/config/scope'"},
		{"federation-config", "types={configmaps,configmaps}", "at '/types'"},
		{"federation-config", "types={configmap}", "at '/types/0'"},
	} {
		t.Run(row.value, func(t *testing.T) {
			t.Parallel()
			_, stderr, err := runHelm(t, "template", "federation", deployPath("charts", row.chart), "--set", row.value)
			require.Error(t, err)
			assert.Contains(t, stderr, row.complaint)
		})
	}
}

func TestValuesReachThePods(t *testing.T) {
	values := []string{
		"image.repository=registry.example/federation", "image.digest=sha256:" + digest,
		"extraArgs={--v=4,--goaway-chance=0.01}", "priorityClassName=system-cluster-critical",
		"nodeSelector.disk=fast", "imagePullSecrets[0].name=pull", "resources.requests.memory=1Gi",
		"tolerations[0].key=dedicated", "podAnnotations.team=platform", "etcd.embedded.storageClassName=fast",
	}
	objects := template(t, "federation-apiserver", systemNamespace, values...)
	server := workload(t, objects)
	c := container(t, server)
	assert.Equal(t, "registry.example/federation@sha256:"+digest, c["image"])
	assert.Subset(t, c["args"], []any{"--v=4", "--goaway-chance=0.01"})
	text, err := server.MarshalJSON()
	require.NoError(t, err)
	for _, part := range []string{
		`"priorityClassName":"system-cluster-critical"`, `"nodeSelector":{"disk":"fast"}`, `"imagePullSecrets":[{"name":"pull"}]`,
		`"memory":"1Gi"`, `"tolerations":[{"key":"dedicated"}]`, `"team":"platform"`, `"storageClassName":"fast"`,
	} {
		assert.Contains(t, string(text), part)
	}

	without := template(t, "federation-apiserver", systemNamespace, "networkPolicy.enabled=false")
	assert.Len(t, without, len(objects)-1)
	for _, object := range without {
		assert.NotEqual(t, "NetworkPolicy", object.GetKind())
	}

	// Another audit policy is another sum, so that pods start again with it.
	other := workload(t, template(t, "federation-apiserver", systemNamespace, "audit.policy=kind: Policy"))
	assert.NotEqual(t, sum(t, server), sum(t, other))
}

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func sum(t *testing.T, workload *unstructured.Unstructured) string {
	t.Helper()
	value, found, err := unstructured.NestedString(workload.Object, "spec", "template", "metadata", "annotations", "checksum/audit-policy")
	require.NoError(t, err)
	require.True(t, found)
	return value
}

// The files that a chart shares with the kustomizations, by links, are in its archive.
func TestPackagedChartsAreWhole(t *testing.T) {
	for _, chart := range []string{"federation-apiserver", "federation-config"} {
		_, stderr, err := runHelm(t, "lint", "--strict", deployPath("charts", chart))
		require.NoError(t, err, stderr)
		dir := t.TempDir()
		_, stderr, err = runHelm(t, "package", deployPath("charts", chart), "--destination", dir)
		require.NoError(t, err, stderr)
		archives, err := filepath.Glob(filepath.Join(dir, chart+"-*.tgz"))
		require.NoError(t, err)
		require.Len(t, archives, 1)
		packaged, stderr, err := runHelm(t, "template", "federation", archives[0], "--namespace", systemNamespace)
		require.NoError(t, err, stderr)
		assert.ElementsMatch(t, template(t, chart, systemNamespace), decode(t, []byte(packaged)))
	}
}
