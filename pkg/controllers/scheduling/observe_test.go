package scheduling

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	encoded, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	// As clients decode: whole numbers are int64.
	require.NoError(t, utiljson.Unmarshal(encoded, &obj.Object))
	return obj
}

func TestPods(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Local()
	created := "metadata: {name: p, creationTimestamp: '2026-01-02T03:04:05Z'}\n"
	for name, row := range map[string]struct {
		pod  string
		want pod
	}{
		"ready":     {"status: {phase: Running, conditions: [{type: Ready, status: 'True'}, {type: PodScheduled, status: 'True'}]}", pod{ready: true, created: since}},
		"not ready": {"status: {phase: Running, conditions: [{type: Ready, status: 'False'}]}", pod{created: since}},
		"without a node": {"status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, lastTransitionTime: '2026-01-02T03:04:05Z'}]}",
			pod{created: since, unschedulable: since}},
		"gated":   {"status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: SchedulingGated}]}", pod{created: since}},
		"failed":  {"status: {phase: Failed, conditions: [{type: Ready, status: 'True'}]}", pod{ended: true, created: since}},
		"nothing": {"status: {conditions: none}", pod{created: since}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, row.want, podOf(object(t, created+row.pod)))
		})
	}
	deleted := object(t, "metadata: {name: p, deletionTimestamp: '2026-01-02T03:04:05Z'}\nstatus: {conditions: [{type: Ready, status: 'True'}]}")
	require.Equal(t, pod{ended: true}, podOf(deleted))
}

func TestWorkloads(t *testing.T) {
	require.Equal(t, workload{replicas: 3, ready: 2, selector: "app=web,tier in (a,b)"}, workloadOf(object(t, `
spec: {replicas: 3, selector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [a, b]}]}}
status: {readyReplicas: 2}`)))
	require.Equal(t, workload{replicas: 3}, workloadOf(object(t, `spec: {replicas: 3, selector: {}}`)), "a selector of all pods is none of ours")
	require.Equal(t, workload{replicas: 3}, workloadOf(object(t, `spec: {replicas: 3, selector: text}`)))
	require.Equal(t, workload{}, workloadOf(object(t, `spec: {replicas: many}`)))
}

func TestWhoContends(t *testing.T) {
	entry := func(manager, subresource string) string {
		return "  - {manager: " + manager + ", operation: Update, subresource: '" + subresource + "', fieldsType: FieldsV1, fieldsV1: {'f:spec': {'f:replicas': {}}}}\n"
	}
	other := "  - {manager: other, operation: Update, subresource: scale, fieldsType: FieldsV1, fieldsV1: {'f:spec': {'f:paused': {}}}}\n"
	for name, row := range map[string]struct{ entries, want string }{
		"an autoscaler":               {entry("kube-controller-manager", "scale"), "kube-controller-manager"},
		"a person":                    {entry("kubectl", "scale"), ""},
		"who made the object":         {entry("helm", ""), ""},
		"an autoscaler that agrees":   {entry("kube-controller-manager", "scale") + entry("federation-apiserver", ""), ""},
		"replicas left to the member": {entry("federation-apiserver-replicas", ""), ""},
		"another field":               {other, ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, row.want, contender(object(t, "metadata:\n  managedFields:\n"+row.entries)))
		})
	}
}
