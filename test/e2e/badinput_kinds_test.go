package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// preferring is a preference for cluster a.
func preferring(numbers string) string {
	return `{targetKind: FederatedDeployment, totalReplicas: 9, clusters: {a: ` + numbers + `}}`
}

const preferred = "spec.clusters[a]."

var badPreferences = []badInput{
	{"minimum above maximum", preferring(`{minReplicas: 5, maxReplicas: 3}`), 422, preferred + "maxReplicas", "must not be less than minReplicas"},
	{"negative minimum", preferring(`{minReplicas: -1}`), 422, preferred + "minReplicas", "greater than or equal to 0"},
	{"negative maximum", preferring(`{maxReplicas: -1}`), 422, preferred + "maxReplicas", "greater than or equal to 0"},
	{"negative weight", preferring(`{weight: -1}`), 422, preferred + "weight", "greater than or equal to 0"},
	{"weight of 63 bits", preferring(`{weight: 9223372036854775807}`), 422, preferred + "weight", "must be at most 2147483647"},
	{"weight of 64 bits", preferring(`{weight: 9223372036854775808}`), 400, "weight", "cannot unmarshal number"},
	{"negative total", `{targetKind: FederatedDeployment, totalReplicas: -1}`, 422, "spec.totalReplicas", "greater than or equal to 0"},
	{"no total", `{targetKind: FederatedDeployment}`, 422, "spec.totalReplicas", "Required value"},
	{"total of null", `{targetKind: FederatedDeployment, totalReplicas: null}`, 422, "spec.totalReplicas", "Required value"},
	{"total beyond 32 bits", `{targetKind: FederatedDeployment, totalReplicas: 2147483648}`, 400, "totalReplicas", "of type int32"},
	{"total of 31 digits", `{targetKind: FederatedDeployment, totalReplicas: 1e30}`, 400, "totalReplicas", "of type int32"},
	{"total that is a word", `{targetKind: FederatedDeployment, totalReplicas: "3"}`, 400, "totalReplicas", "cannot unmarshal string"},
	{"total with a fraction", `{targetKind: FederatedDeployment, totalReplicas: 3.5}`, 400, "totalReplicas", "cannot unmarshal number 3.5"},
	{"no target", `{totalReplicas: 1}`, 422, "spec.targetKind", "Required value"},
	{"unknown target", `{targetKind: FederatedStarship, totalReplicas: 1}`, 422, "spec.targetKind", "must be a federated kind that a FederatedTypeConfig enables"},
	{"name that no cluster can have", `{targetKind: FederatedDeployment, totalReplicas: 1, clusters: {a_b: {}}}`, 422, "spec.clusters[a_b]", "must be * or the name of a cluster"},
}

// record is the spec of a DNSEndpoint with one record.
func record(fields string) string { return `{endpoints: [{` + fields + `}]}` }

var (
	longLabel = strings.Repeat("x", 64)
	longName  = strings.Repeat("x.", 130) + "com"
)

const endpoint = "spec.endpoints[0]."

var badEndpoints = []badInput{
	{"label of 64", record(`dnsName: ` + longLabel + `.com, recordType: A, targets: [192.0.2.1]`), 422, endpoint + "dnsName", "63"},
	{"name of 254", record(`dnsName: ` + longName + `, recordType: A, targets: [192.0.2.1]`), 422, endpoint + "dnsName", "253"},
	{"wildcard in the middle", record(`dnsName: a.*.com, recordType: A, targets: [192.0.2.1]`), 422, endpoint + "dnsName", ""},
	{"negative TTL", record(`dnsName: a.com, recordType: A, targets: [192.0.2.1], recordTTL: -1`), 422, endpoint + "recordTTL", "between 0 and 2147483647"},
	{"TTL of 32 bits", record(`dnsName: a.com, recordType: A, targets: [192.0.2.1], recordTTL: 2147483648`), 422, endpoint + "recordTTL", "between 0 and 2147483647"},
	{"a name for its own target", record(`dnsName: a.com, recordType: CNAME, targets: [A.com.]`), 422, endpoint + "targets[0]", "must not be the name itself"},
	{"a name for an address", record(`dnsName: a.com, recordType: A, targets: [b.com]`), 422, endpoint + "targets[0]", "must be an IPv4 address"},
	{"no target", record(`dnsName: a.com, recordType: A`), 422, endpoint + "targets", "must have what the name stands for"},
	{"10,000 targets", record(`dnsName: a.com, recordType: A, targets: [` + strings.Repeat("192.0.2.1,", 10_000) + `]`), 422, endpoint + "targets", "at most 4096"},
	{"unknown type", record(`dnsName: a.com, recordType: AX, targets: [b]`), 422, endpoint + "recordType", "supported values"},
	{"two CNAMEs", `{endpoints: [{dnsName: a.com, recordType: CNAME, targets: [b.com]}, {dnsName: a.com, recordType: A, targets: [192.0.2.1]}]}`, 422, "spec.endpoints[1].recordType", "must have nothing else"},
	{"the same record twice", `{endpoints: [{dnsName: a.com, recordType: A, targets: [192.0.2.1]}, {dnsName: A.com., recordType: A, targets: [192.0.2.2]}]}`, 422, "spec.endpoints[1]", "Duplicate value"},
}

var badServiceRecords = []badInput{
	{"no domain", `{}`, 422, "spec.domainRef", "Required value"},
	{"prefix of 64", `{domainRef: d, dnsPrefix: ` + longLabel + `}`, 422, "spec.dnsPrefix", "63"},
	{"prefix that leaves the domain", `{domainRef: d, dnsPrefix: "../x"}`, 422, "spec.dnsPrefix", ""},
	{"negative TTL", `{domainRef: d, recordTTL: -1}`, 422, "spec.recordTTL", "between 0 and"},
}

var dnsKinds = schema.GroupVersion{Group: "multiclusterdns.kubefed.io", Version: "v1alpha1"}

// TestBadSchedulingAndDNSAreRefused sends bad objects of the other groups.
func TestBadSchedulingAndDNSAreRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace()
	for _, table := range []struct {
		kind     string
		resource schema.GroupVersionResource
		inputs   []badInput
	}{
		{"ReplicaSchedulingPreference", replicaSchedulingPreferences, badPreferences},
		{"DNSEndpoint", dnsKinds.WithResource("dnsendpoints"), badEndpoints},
		{"ServiceDNSRecord", dnsKinds.WithResource("servicednsrecords"), badServiceRecords},
	} {
		for _, input := range table.inputs {
			t.Run(table.kind+" "+input.name, func(t *testing.T) {
				f := f.in(t)
				f.requireRefused(table.resource, &unstructured.Unstructured{Object: map[string]any{
					"apiVersion": table.resource.GroupVersion().String(), "kind": table.kind,
					"metadata": map[string]any{"namespace": namespace, "name": "bad"}, "spec": parse(t, input.spec),
				}}, input)
			})
		}
	}
}

// strange are texts that hide or pass for something else.
var strange = map[string]string{
	"a line break":           "a\nb",
	"a carriage return":      "a\r\nX-Remote-User: admin",
	"NUL":                    "a\x00b",
	"right to left":          "a\u202eb",
	"a zero-width space":     "a\u200bb",
	"a composed letter":      "caf\u00e9",
	"a decomposed letter":    "cafe\u0301",
	"an escape sequence":     "a\x1b[31mb",
	"a byte that is no text": "a\xffb",
}

// TestStrangeTextIsNoName checks names and labels, of which two that look the same must
// not be two objects. Free text may hold anything; what shows it takes control
// characters out (pkg/cli/output).
func TestStrangeTextIsNoName(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace()
	for name, text := range strange {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			f.requireRefused(federatedConfigMaps, federatedConfigMap(namespace, text, "value"), badInput{code: 422, path: "metadata.name"})
			labelled := federatedConfigMap(namespace, "labelled", "value")
			labelled.SetLabels(map[string]string{"a": text})
			f.requireRefused(federatedConfigMaps, labelled, badInput{code: 422, path: "metadata.labels"})
			if text == "a\xffb" {
				return // in JSON it is U+FFFD, and the same for all who read it
			}
			object := federatedConfigMap(namespace, "free", text)
			created, err := f.host(federatedConfigMaps, namespace).Create(f.ctx(), object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			require.NoError(t, err, "data may be any text")
			assert.Equal(t, object.Object["spec"], created.Object["spec"])
		})
	}
}

// TestWhatAServerSetsIsNotTaken sends metadata that only a server writes.
func TestWhatAServerSetsIsNotTaken(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace()
	object := federatedConfigMap(namespace, "claims", "value")
	object.Object["metadata"] = map[string]any{
		"namespace": namespace, "name": "claims", "uid": "00000000-0000-0000-0000-000000000000", "generation": int64(70),
		"creationTimestamp": "2001-01-01T00:00:00Z", "deletionTimestamp": "2001-01-01T00:00:00Z", "deletionGracePeriodSeconds": int64(1), "selfLink": "/x",
	}
	created := f.create(federatedConfigMaps, object)
	assert.Nil(t, created.GetDeletionTimestamp())
	assert.Nil(t, created.GetDeletionGracePeriodSeconds())
	assert.NotEqual(t, types.UID("00000000-0000-0000-0000-000000000000"), created.GetUID())
	assert.EqualValues(t, 1, created.GetGeneration())
	assert.NotEqual(t, 2001, created.GetCreationTimestamp().Year())

	for name, owner := range map[string]map[string]any{
		"without a name": {"apiVersion": "v1", "kind": "ConfigMap", "uid": "1", "name": ""},
		"without a UID":  {"apiVersion": "v1", "kind": "ConfigMap", "uid": "", "name": "a"},
		"an event":       {"apiVersion": "v1", "kind": "Event", "uid": "1", "name": "a"},
	} {
		owned := federatedConfigMap(namespace, "owned", "value")
		require.NoError(t, unstructured.SetNestedSlice(owned.Object, []any{owner}, "metadata", "ownerReferences"))
		t.Run("owner "+name, func(t *testing.T) {
			f.in(t).requireRefused(federatedConfigMaps, owned, badInput{code: 422, path: "metadata.ownerReferences"})
		})
	}
}

// TestWhatCannotBeChanged updates what an object is for.
func TestWhatCannotBeChanged(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace()
	f.preference(namespace, "web", `{"totalReplicas":0}`)
	for _, row := range []struct {
		resource        schema.GroupVersionResource
		namespace, name string
		patch, path     string
	}{
		{replicaSchedulingPreferences, namespace, "web", `{"spec":{"targetKind":"FederatedReplicaSet"}}`, "spec.targetKind"},
		{federatedTypeConfigs, "kube-federation-system", "configmaps", `{"spec":{"targetType":{"kind":"Other"}}}`, "spec.targetType.kind"},
		{federatedTypeConfigs, "kube-federation-system", "configmaps", `{"spec":{"federatedType":{"pluralName":"others"}}}`, "spec.federatedType.pluralName"},
		{federatedTypeConfigs, "kube-federation-system", "configmaps", `{"spec":{"federatedType":{"scope":"Cluster"}}}`, "spec.federatedType.scope"},
	} {
		t.Run(row.path, func(t *testing.T) {
			f := f.in(t)
			_, err := f.host(row.resource, row.namespace).Patch(f.ctx(), row.name, types.MergePatchType, []byte(row.patch), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
			require.Error(t, err)
			status := statusOf(t, err)
			assert.EqualValues(t, 422, status.Code)
			assert.Contains(t, status.Message, row.path)
			assert.Contains(t, status.Message, "field is immutable")
		})
	}
}

// TestDoubtfulInputIsWarnedOf sends what is accepted, and may not be what was meant.
func TestDoubtfulInputIsWarnedOf(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace()
	for _, row := range []struct{ name, kind, spec, warning string }{
		{"an override for nobody", "FederatedConfigMap", `{template: {data: {a: b}}, overrides: [{clusterName: nowhere, clusterOverrides: [{path: /data/a, value: c}]}]}`,
			`spec.overrides[0].clusterName: there is no cluster "nowhere" now`},
		{"clusters and a selector", "FederatedConfigMap", `{template: {}, placement: {clusters: [{name: cluster1}], clusterSelector: {}}}`,
			"spec.placement.clusterSelector: ignored, as spec.placement.clusters is given and decides alone"},
		{"an empty selector", "FederatedConfigMap", `{template: {}, placement: {clusterSelector: {}}}`, "spec.placement.clusterSelector: an empty selector selects every cluster"},
		{"a selector of nobody", "FederatedConfigMap", `{template: {}, placement: {clusterSelector: {matchLabels: {region: moon}}}}`,
			fmt.Sprintf("spec.placement.clusterSelector: selects none of the %d clusters", len(f.Members()))},
		{"minima above the total", "ReplicaSchedulingPreference", `{targetKind: FederatedDeployment, totalReplicas: 9, clusters: {a: {minReplicas: 8}, b: {minReplicas: 8}}}`,
			"spec.clusters: minReplicas add up to 16, spec.totalReplicas is 9"},
		{"a cluster without share", "ReplicaSchedulingPreference", `{targetKind: FederatedDeployment, totalReplicas: 9, clusters: {a: {}}}`,
			"spec.clusters[a]: without weight and minReplicas no replicas are planned for it"},
	} {
		t.Run(row.name, func(t *testing.T) {
			version := map[bool]string{true: "types.kubefed.io/v1beta1", false: "scheduling.kubefed.io/v1alpha1"}[row.kind == "FederatedConfigMap"]
			manifest := fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {namespace: %s, name: doubtful}, spec: %s}", version, row.kind, namespace, row.spec)
			assert.Contains(t, f.in(t).succeed(manifest, "create", "--dry-run=server", "-f", "-").stderr, row.warning)
		})
	}
}
