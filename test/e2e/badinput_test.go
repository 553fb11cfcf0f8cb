package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// badInput is a spec that is refused.
type badInput struct {
	name string
	spec string
	// code is the HTTP status; path and says must be in the answer.
	code       int
	path, says string
}

// deploymentTemplate is a sound one.
const deploymentTemplate = `template: {spec: {replicas: 1, selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: a}]}}}}`

// overriding is a spec with one override for cluster1.
func overriding(change string) string {
	return "{" + deploymentTemplate + ", overrides: [{clusterName: cluster1, clusterOverrides: [" + change + "]}]}"
}

func placing(placement string) string {
	return "{" + deploymentTemplate + ", placement: " + placement + "}"
}

const (
	overridePath  = "spec.overrides[0].clusterOverrides[0].path"
	overrideValue = "spec.overrides[0].clusterOverrides[0].value"
	overrideOp    = "spec.overrides[0].clusterOverrides[0].op"
)

var badDeployments = []badInput{
	{"name overridden", overriding(`{path: /metadata/name, value: x}`), 422, overridePath, "must not be overridden"},
	{"namespace overridden", overriding(`{path: /metadata/namespace, value: x}`), 422, overridePath, "must not be overridden"},
	{"generateName overridden", overriding(`{path: /metadata/generateName, value: x}`), 422, overridePath, "must not be overridden"},
	{"kind overridden", overriding(`{path: /kind, value: Pod}`), 422, overridePath, "kind must not be overridden"},
	{"metadata overridden", overriding(`{path: /metadata, value: {}}`), 422, overridePath, "as a whole"},
	{"everything overridden", overriding(`{path: "", value: {}}`), 422, overridePath, "must be a JSON pointer"},
	{"root key overridden", overriding(`{path: /, value: {}}`), 422, overridePath, "whole object"},
	{"dotted identity overridden", overriding(`{path: metadata.name, value: x}`), 422, overridePath, "must not be overridden"},
	{"status overridden", overriding(`{path: /status/replicas, value: 1}`), 422, overridePath, "status belongs to the member"},
	{"uid overridden", overriding(`{op: add, path: /metadata/uid, value: x}`), 422, overridePath, "must not be overridden"},
	{"resource version overridden", overriding(`{op: add, path: /metadata/resourceVersion, value: "1"}`), 422, overridePath, "must not be overridden"},
	{"owners overridden", overriding(`{op: add, path: /metadata/ownerReferences, value: []}`), 422, overridePath, "must not be overridden"},
	{"managed fields overridden", overriding(`{op: add, path: /metadata/managedFields, value: []}`), 422, overridePath, "must not be overridden"},
	{"name overridden below", overriding(`{op: add, path: /metadata/name/x, value: 1}`), 422, overridePath, "must not be overridden"},
	{"finalizers overridden", overriding(`{op: add, path: /metadata/finalizers, value: [a/b]}`), 422, overridePath, "must not be overridden"},
	{"managed label overridden", overriding(`{op: add, path: /metadata/labels/kubefed.io~1managed, value: "false"}`), 422, overridePath, "must not be overridden"},
	{"path with a bare tilde", overriding(`{path: /spec/~, value: 1}`), 422, overridePath, "'~' must be written ~0"},
	{"path without a leading slash", overriding(`{path: spec/replicas, value: 1}`), 422, overridePath, "begins with '/'"},
	{"index out of range", overriding(`{op: remove, path: /spec/template/spec/containers/7}`), 422, overridePath, "does not apply to the template"},
	{"missing parent", overriding(`{op: add, path: /spec/no/such/parent, value: 1}`), 422, overridePath, "does not apply to the template"},
	{"removed what is not there", overriding(`{op: remove, path: /spec/paused}`), 422, overridePath, "does not apply to the template"},
	{"unknown op", overriding(`{op: tset, path: /spec/replicas, value: 1}`), 422, overrideOp, "supported values"},
	{"move from elsewhere", overriding(`{op: move, from: /spec/replicas, path: /metadata/name}`), 400, "spec.overrides[0].clusterOverrides[0].from", "unknown field"},
	{"copy", overriding(`{op: copy, path: /metadata/labels, value: {}}`), 422, overrideOp, "supported values"},
	{"move", overriding(`{op: move, path: /spec/replicas, value: 1}`), 422, overrideOp, "supported values"},
	{"add without a value", overriding(`{op: add, path: /spec/replicas}`), 422, overrideValue, "must be given"},
	{"remove with a value", overriding(`{op: remove, path: /spec/replicas, value: 1}`), 422, overrideValue, "must not be given"},
	{"same path twice", overriding(`{path: /spec/replicas, value: 1}, {path: /spec/replicas, value: 2}`), 422, "spec.overrides[0].clusterOverrides[1].path", "Duplicate value"},
	{
		"same cluster twice", "{" + deploymentTemplate + `, overrides: [{clusterName: cluster1}, {clusterName: cluster1}]}`, 422,
		"spec.overrides[1].clusterName", "Duplicate value",
	},
	{"cluster without a name", "{" + deploymentTemplate + `, overrides: [{clusterName: ""}]}`, 422, "spec.overrides[0].clusterName", "Required value"},
	{"same cluster placed twice", placing(`{clusters: [{name: a}, {name: a}]}`), 422, "spec.placement.clusters[1].name", "Duplicate value"},
	{"cluster name with capitals", placing(`{clusters: [{name: A_B}]}`), 422, "spec.placement.clusters[0].name", "lower case"},
	{"empty cluster name", placing(`{clusters: [{name: ""}]}`), 422, "spec.placement.clusters[0].name", "Required value"},
	{"cluster name of 254", placing(`{clusters: [{name: ` + strings.Repeat("a", 254) + `}]}`), 422, "spec.placement.clusters[0].name", "no more than 253"},
	{"star for a cluster name", placing(`{clusters: [{name: "*"}]}`), 422, "spec.placement.clusters[0].name", "lower case"},
	{
		"In without values", placing(`{clusterSelector: {matchExpressions: [{key: a, operator: In}]}}`), 422,
		"spec.placement.clusterSelector.matchExpressions[0].values", "must be specified",
	},
	{
		"unknown operator", placing(`{clusterSelector: {matchExpressions: [{key: a, operator: Like, values: [b]}]}}`), 422,
		"spec.placement.clusterSelector.matchExpressions[0].operator", "not a valid selector operator",
	},
	{
		"bad key of a selector", placing(`{clusterSelector: {matchLabels: {"a b": c}}}`), 422,
		"spec.placement.clusterSelector.matchLabels", "name part must consist of",
	},
	{"no template", `{placement: {}}`, 422, "spec.template", "Required value"},
	{"template of null", `{template: null}`, 422, "spec.template", "Required value"},
	{"template of another kind", `{template: {kind: Service}}`, 422, "spec.template.kind", `must be "Deployment"`},
	{"template of another version", `{template: {apiVersion: extensions/v1beta1}}`, 422, "spec.template.apiVersion", `must be "apps/v1"`},
	{"template for another namespace", `{template: {metadata: {namespace: other}}}`, 422, "spec.template.metadata.namespace", "must be the namespace of the federated object"},
	{"template that is a list", `{template: []}`, 0, "template", ""},
	{"template with a bad label", `{template: {metadata: {labels: {a: "b c"}}}}`, 422, "spec.template.metadata.labels", "label"},
	{"replicas that are a word", `{template: {spec: {replicas: three}}}`, 0, "replicas", ""},
	{"replicas with a fraction", `{template: {spec: {replicas: 3.5}}}`, 0, "replicas", ""},
	{"replicas beyond 32 bits", `{template: {spec: {replicas: 2147483648}}}`, 0, "replicas", ""},
	{"placement that is a list", placing(`[cluster1]`), 400, "placement", ""},
}

// TestBadFederatedObjectsAreRefused sends what users get wrong.
func TestBadFederatedObjectsAreRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace()
	for _, input := range badDeployments {
		t.Run(input.name, func(t *testing.T) {
			f := f.in(t)
			object := federatedObject("FederatedDeployment", namespace, "bad", nil)
			object.Object["spec"] = parse(t, input.spec)
			f.requireRefused(federatedDeployments, object, input)
		})
	}

	t.Run("strange names", func(t *testing.T) {
		f := f.in(t)
		for _, name := range []string{"A_b", "a b", strings.Repeat("a", 254), "a\u202eb", "a\nb", ".."} {
			f.requireRefused(federatedConfigMaps, federatedConfigMap(namespace, name, "value"), badInput{code: 422, path: "metadata.name"})
		}
	})

	t.Run("a FederatedNamespace named otherwise", func(t *testing.T) {
		f := f.in(t)
		f.requireRefused(federatedNamespaces, federatedObject("FederatedNamespace", namespace, "other", nil), badInput{code: 422, path: "metadata.name", says: "must be the name of the namespace"})
	})

	t.Run("what each cluster writes itself", func(t *testing.T) {
		f := f.in(t)
		token := federatedObject("FederatedSecret", namespace, "token", map[string]any{"type": "kubernetes.io/service-account-token"})
		f.requireRefused(federated("federatedsecrets"), token, badInput{code: 422, path: "spec.template.type", says: "valid in one cluster only"})
	})

	t.Run("an unqualified finalizer", func(t *testing.T) {
		f := f.in(t)
		object := federatedConfigMap(namespace, "final", "value")
		object.SetFinalizers([]string{"foo"})
		f.requireRefused(federatedConfigMaps, object, badInput{code: 422, path: "metadata.finalizers"})
	})

	t.Run("more than etcd takes", func(t *testing.T) {
		f := f.in(t)
		object := federatedConfigMap(namespace, "large", strings.Repeat("x", 1700<<10))
		_, err := f.host(federatedConfigMaps, namespace).Create(f.ctx(), object, metav1.CreateOptions{})
		require.Error(t, err)
		assert.Contains(t, []int32{413, 422}, statusOf(t, err).Code)
		assert.Regexp(t, `17\d{5}.*15\d{5}`, err.Error(), "the size and the limit")
		huge := federatedConfigMap(namespace, "huge", strings.Repeat("x", 4<<20))
		_, err = f.host(federatedConfigMaps, namespace).Create(f.ctx(), huge, metav1.CreateOptions{})
		assert.True(t, apierrors.IsRequestEntityTooLargeError(err), "%v", err)
	})

	t.Run("an update to something bad changes nothing", func(t *testing.T) {
		f := f.in(t)
		object := f.create(federatedConfigMaps, federatedConfigMap(namespace, "sound", "value"))
		_, err := f.host(federatedConfigMaps, namespace).Patch(f.ctx(), "sound", types.MergePatchType, []byte(`{"spec":{"placement":{"clusters":[{"name":"A"}]}}}`), metav1.PatchOptions{})
		assert.True(t, apierrors.IsInvalid(err), "%v", err)
		stale := object.DeepCopy()
		stale.SetResourceVersion("1")
		_, err = f.host(federatedConfigMaps, namespace).Update(f.ctx(), stale, metav1.UpdateOptions{})
		assert.True(t, apierrors.IsConflict(err), "%v", err)
		after := f.get(env.HostName, federatedConfigMaps, namespace, "sound")
		assert.Equal(t, object.Object["spec"], after.Object["spec"])
	})

	t.Run("in a namespace that does not exist", func(t *testing.T) {
		f := f.in(t)
		_, err := f.host(federatedConfigMaps, "no-such").Create(f.ctx(), federatedConfigMap("no-such", "lost", "value"), metav1.CreateOptions{})
		assert.True(t, apierrors.IsNotFound(err), "%v", err)
	})
}

var badClusters = []badInput{
	{"no endpoint", `{secretRef: {name: a}}`, 422, "spec.apiEndpoint", "Required value"},
	{"ftp", `{apiEndpoint: "ftp://a", secretRef: {name: a}}`, 422, "spec.apiEndpoint", "scheme must be https"},
	{"credentials in the endpoint", `{apiEndpoint: "https://u:p@a", secretRef: {name: a}}`, 422, "spec.apiEndpoint", "must not have credentials"},
	{"port out of range", `{apiEndpoint: "https://a:99999", secretRef: {name: a}}`, 422, "spec.apiEndpoint", "port must be between 1 and 65535"},
	{"endpoint of 4 KiB", `{apiEndpoint: "https://` + strings.Repeat("a", 4<<10) + `", secretRef: {name: a}}`, 422, "spec.apiEndpoint", "2048"},
	{"bundle of 600 KiB", `{apiEndpoint: "https://a", secretRef: {name: a}, caBundle: ` + strings.Repeat("aaaa", 200<<10) + `}`, 422, "spec.caBundle", "524288"},
	{"no secret", `{apiEndpoint: "https://a"}`, 422, "spec.secretRef.name", "Required value"},
	{"secret by path", `{apiEndpoint: "https://a", secretRef: {name: ../a}}`, 422, "spec.secretRef.name", "lower case"},
	{"bundle that is none", `{apiEndpoint: "https://a", secretRef: {name: a}, caBundle: aGVsbG8=}`, 422, "spec.caBundle", "PEM certificate"},
	{"star and others", `{apiEndpoint: "https://a", secretRef: {name: a}, disabledTLSValidations: ["*", SubjectName]}`, 422, "spec.disabledTLSValidations", "must be the only value"},
	{"unknown validation", `{apiEndpoint: "https://a", secretRef: {name: a}, disabledTLSValidations: [Everything]}`, 422, "spec.disabledTLSValidations[0]", "supported values"},
	{"proxy that is no URL", `{apiEndpoint: "https://a", secretRef: {name: a}, proxyURL: "http://[::1"}`, 422, "spec.proxyURL", "must be a URL"},
	{"ssh for a proxy", `{apiEndpoint: "https://a", secretRef: {name: a}, proxyURL: "ssh://a"}`, 422, "spec.proxyURL", "supported values"},
	{"file for an endpoint", `{apiEndpoint: "file:///etc/passwd", secretRef: {name: a}}`, 422, "spec.apiEndpoint", ""},
}

var badConfigs = []badInput{
	{"no scope", `{}`, 422, "spec.scope", "Required value"},
	{"unknown scope", `{scope: Galaxy}`, 422, "spec.scope", "supported values"},
	{"no patience", `{scope: Cluster, clusterHealthCheck: {period: 0s}}`, 422, "spec.clusterHealthCheck.period", "greater than 0"},
	{"threshold of zero", `{scope: Cluster, clusterHealthCheck: {failureThreshold: 0}}`, 422, "spec.clusterHealthCheck.failureThreshold", "greater than 0"},
	{"unknown adoption", `{scope: Cluster, syncController: {adoptResources: Perhaps}}`, 422, "spec.syncController.adoptResources", "supported values"},
	{"gate twice", `{scope: Cluster, featureGates: [{name: PushReconciler, configuration: Enabled}, {name: PushReconciler, configuration: Disabled}]}`, 422, "spec.featureGates", "Duplicate value"},
	{"deadline beyond the lease", `{scope: Cluster, leaderElect: {leaseDuration: 5s, renewDeadline: 10s}}`, 422, "spec.leaderElect", ""},
}

var badTypeConfigs = []badInput{
	{"named otherwise", typeConfig("apps", "Deployment", "deployments", "FederatedThing", "federatedthings"), 422, "metadata.name", "TARGET_PLURAL_NAME"},
	{"own group", typeConfig("types.kubefed.io", "FederatedConfigMap", "things", "FederatedThing", "federatedthings"), 422, "spec.targetType", "cannot be federated"},
	{"scope that is none", strings.ReplaceAll(typeConfig("", "Thing", "things", "FederatedThing", "federatedthings"), "Namespaced", "Planet"), 422, "spec.targetType.scope", "supported values"},
	{"propagation that is none", strings.ReplaceAll(typeConfig("", "Thing", "things", "FederatedThing", "federatedthings"), "Enabled", "Perhaps"), 422, "spec.propagation", "supported values"},
}

func typeConfig(group, kind, plural, federatedKind, federatedPlural string) string {
	return `{propagation: Enabled,
		targetType: {group: "` + group + `", version: v1, kind: ` + kind + `, pluralName: ` + plural + `, scope: Namespaced},
		federatedType: {group: types.kubefed.io, version: v1beta1, kind: ` + federatedKind + `, pluralName: ` + federatedPlural + `, scope: Namespaced}}`
}

// TestBadConfigurationIsRefused sends bad objects of core.kubefed.io.
func TestBadConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	for _, table := range []struct {
		kind     string
		resource schema.GroupVersionResource
		inputs   []badInput
	}{
		{"KubeFedCluster", env.KubeFedClusters, badClusters},
		{"KubeFedConfig", kubeFedConfigs, badConfigs},
		{"FederatedTypeConfig", federatedTypeConfigs, badTypeConfigs},
	} {
		for _, input := range table.inputs {
			t.Run(table.kind+" "+input.name, func(t *testing.T) {
				f := f.in(t)
				object := &unstructured.Unstructured{Object: map[string]any{
					"apiVersion": "core.kubefed.io/v1beta1", "kind": table.kind,
					"metadata": map[string]any{"namespace": env.SystemNamespace, "name": "things"},
					"spec":     parse(t, input.spec),
				}}
				if strings.Contains(input.spec, "group: \"types.kubefed.io\"") {
					object.SetName("things.types.kubefed.io")
				}
				f.requireRefused(table.resource, object, input)
			})
		}
	}

	t.Run("the scope cannot be changed", func(t *testing.T) {
		_, err := f.host(kubeFedConfigs, env.SystemNamespace).Patch(f.ctx(), "kubefed", types.MergePatchType, []byte(`{"spec":{"scope":"Namespaced"}}`), metav1.PatchOptions{})
		require.True(t, apierrors.IsInvalid(err), "%v", err)
		assert.Contains(t, err.Error(), "spec.scope")
		assert.Contains(t, err.Error(), "immutable")
	})
}

// requireRefused creates an object, which must fail as expected. A code of 0 is 400 or 422: both the decoder and the
// validation may be the first to notice.
func (f *federation) requireRefused(resource schema.GroupVersionResource, object *unstructured.Unstructured, input badInput) {
	f.t.Helper()
	_, err := f.host(resource, object.GetNamespace()).Create(f.ctx(), object, metav1.CreateOptions{FieldValidation: "Strict"})
	require.Error(f.t, err)
	status := statusOf(f.t, err)
	if input.code == 0 {
		assert.Contains(f.t, []int32{http.StatusBadRequest, http.StatusUnprocessableEntity}, status.Code, status.Message)
	} else {
		assert.EqualValues(f.t, input.code, status.Code, status.Message)
	}
	assert.Contains(f.t, status.Message, input.path)
	assert.Contains(f.t, status.Message, input.says)
	if status.Code == http.StatusUnprocessableEntity {
		require.NotNil(f.t, status.Details)
		assert.NotEmpty(f.t, status.Details.Causes)
	}
}

func statusOf(t *testing.T, err error) metav1.Status {
	t.Helper()
	var status apierrors.APIStatus
	require.ErrorAs(t, err, &status)
	return status.Status()
}

func parse(t *testing.T, text string) any {
	t.Helper()
	var value map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &value))
	return value
}
