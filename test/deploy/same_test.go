package deploy

import (
	"cmp"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// variants are the ways to install, as a kustomization and as values of the chart.
var variants = []struct {
	name       string
	overlay    string
	components []string
	values     []string
}{
	{name: "embedded etcd", overlay: "overlays/embedded-etcd"},
	{name: "external etcd", overlay: "overlays/external-etcd", values: []string{"etcd.mode=external", "etcd.external.servers={" + etcdServer + "}"}},
	{
		name: "cert-manager and Prometheus", overlay: "overlays/embedded-etcd",
		components: []string{"service-monitor", "cert-manager"},
		values:     []string{"certificates.mode=certManager", "serviceMonitor.enabled=true"},
	},
	{
		name: "Prometheus", overlay: "overlays/embedded-etcd",
		components: []string{"service-monitor"}, values: []string{"serviceMonitor.enabled=true"},
	},
	{
		name: "certificate of one's own, and encryption", overlay: "overlays/external-etcd",
		components: []string{"certificate-files", "encryption"},
		values: []string{"etcd.mode=external", "etcd.external.servers={" + etcdServer + "}", "certificates.mode=secret",
			"certificates.caBundle=" + caBundle, "encryption.secretName=federation-apiserver-encryption"},
	},
}

// The chart makes what the kustomizations make, but for what normalise takes away, the Namespace, which is Helm's own
// business, and the authority that a kustomization's user adds to the APIServices.
func TestTheChartMakesWhatTheKustomizationsMake(t *testing.T) {
	for _, variant := range variants {
		t.Run(variant.name, func(t *testing.T) {
			expected := map[string]any{}
			for _, object := range kustomize(t, kustomization(t, variant.overlay, variant.components...)) {
				if object.GetKind() != "Namespace" {
					expected[key(normalise(object))] = object.Object
				}
			}
			found := map[string]any{}
			for _, object := range template(t, "federation-apiserver", systemNamespace, variant.values...) {
				bundle, _, err := unstructured.NestedString(object.Object, "spec", "caBundle")
				require.NoError(t, err)
				if bundle == caBundle {
					unstructured.RemoveNestedField(object.Object, "spec", "caBundle")
				}
				require.NotContains(t, found, key(normalise(object)), "twice in the chart")
				found[key(object)] = object.Object
			}
			assert.ElementsMatch(t, keys(expected), keys(found))
			for name, object := range expected {
				assert.Equal(t, object, found[name], name)
			}
		})
	}
}

func TestTheChartOfTheConfigurationMakesWhatTheKustomizationMakes(t *testing.T) {
	expected := kustomize(t, deployPath("config"))
	found := template(t, "federation-config", systemNamespace)
	assert.ElementsMatch(t, expected, found)
}

// In another namespace nothing is left in the usual one, and what leads to the server leads there.
func TestTheChartsGoIntoTheNamespaceOfTheirRelease(t *testing.T) {
	for chart, values := range map[string][]string{
		"federation-apiserver": {"certificates.mode=certManager", "serviceMonitor.enabled=true"},
		"federation-config":    nil,
	} {
		for _, object := range template(t, chart, "elsewhere", values...) {
			text, err := object.MarshalJSON()
			require.NoError(t, err)
			assert.NotContains(t, string(text), systemNamespace, key(object))
		}
	}
}

// The host of the sandbox and the tests gets the base: what an overlay has but the pods and what belongs to them.
func TestTheBaseIsAllButThePods(t *testing.T) {
	var base []string
	for _, object := range kustomize(t, deployPath("base")) {
		base = append(base, key(object))
	}
	for overlay, pods := range map[string][]string{
		"overlays/embedded-etcd": {"StatefulSet"},
		"overlays/external-etcd": {"Deployment", "PodDisruptionBudget"},
	} {
		var rest []string
		for _, object := range kustomize(t, deployPath(overlay)) {
			if !slices.Contains(pods, object.GetKind()) {
				rest = append(rest, key(object))
			}
		}
		assert.ElementsMatch(t, base, rest, overlay)
	}
}

var hash = regexp.MustCompile(`-[a-z0-9]{10}$`)

// normalise takes away how the two tools mark their work: Helm's labels and its sum of the audit policy, and kustomize's
// suffix for the same purpose. The order of volumes and flags does not matter.
func normalise(object *unstructured.Unstructured) *unstructured.Unstructured {
	labels := object.GetLabels()
	for _, label := range []string{"app.kubernetes.io/name", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"} {
		if label != "app.kubernetes.io/name" || object.GetKind() != "Service" {
			delete(labels, label)
		}
	}
	object.SetLabels(labels)
	if len(labels) == 0 {
		unstructured.RemoveNestedField(object.Object, "metadata", "labels")
	}
	if object.GetKind() == "ConfigMap" {
		object.SetName(hash.ReplaceAllString(object.GetName(), ""))
	}
	unstructured.RemoveNestedField(object.Object, "spec", "template", "metadata", "annotations", "checksum/audit-policy")
	if annotations, found, _ := unstructured.NestedMap(object.Object, "spec", "template", "metadata", "annotations"); found && len(annotations) == 0 {
		unstructured.RemoveNestedField(object.Object, "spec", "template", "metadata", "annotations")
	}
	pod, found, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "template", "spec")
	if !found {
		return object
	}
	spec := pod.(map[string]any)
	sortByName(spec["volumes"])
	for _, volume := range spec["volumes"].([]any) {
		if source, ok := volume.(map[string]any)["configMap"].(map[string]any); ok {
			source["name"] = hash.ReplaceAllString(source["name"].(string), "")
		}
	}
	for _, item := range spec["containers"].([]any) {
		c := item.(map[string]any)
		sortByName(c["volumeMounts"])
		slices.SortFunc(c["args"].([]any), func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
	}
	return object
}

func sortByName(list any) {
	slices.SortFunc(list.([]any), func(a, b any) int {
		return cmp.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
}

func keys(objects map[string]any) []string {
	var names []string
	for name := range objects {
		names = append(names, name)
	}
	return names
}
