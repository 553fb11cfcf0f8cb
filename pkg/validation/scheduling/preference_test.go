package scheduling_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/kubefederation/federation-apiserver/apis/scheduling"
	"github.com/kubefederation/federation-apiserver/apis/scheduling/install"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/scheduling"
)

// preference decodes a preference with a spec, as the server does.
func preference(t *testing.T, spec string) *scheduling.ReplicaSchedulingPreference {
	t.Helper()
	require.True(t, json.Valid([]byte(spec)), spec)
	scheme := runtime.NewScheme()
	install.Install(scheme)
	manifest := `{"apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference",
		"metadata": {"name": "web", "namespace": "shop", "resourceVersion": "1"}, "spec": ` + spec + `}`
	object, _, err := serializer.NewCodecFactory(scheme).UniversalDecoder(scheduling.SchemeGroupVersion).Decode([]byte(manifest), nil, nil)
	require.NoError(t, err)
	return object.(*scheduling.ReplicaSchedulingPreference)
}

func TestValidation(t *testing.T) {
	for name, row := range map[string]struct {
		spec string
		want []string
	}{
		"all fields":            {spec: `{"targetKind": "FederatedDeployment", "totalReplicas": 9, "clusters": {"*": {"weight": 1}, "a": {"minReplicas": 4, "maxReplicas": 6, "weight": 2}}}`},
		"nothing but a total":   {spec: `{"targetKind": "FederatedReplicaSet", "totalReplicas": 0}`},
		"any kind":              {spec: `{"targetKind": "FederatedStatefulSet", "totalReplicas": 2147483647}`},
		"names in upper case":   {spec: `{"targetKind": "FederatedDeployment", "totalReplicas": 9, "clusters": {"A": {"weight": 1}, "B": {"weight": 2}}}`},
		"minimum and maximum 0": {spec: `{"targetKind": "FederatedDeployment", "totalReplicas": 9, "clusters": {"a": {"maxReplicas": 0}}}`},

		"no total":         {spec: `{"targetKind": "F"}`, want: []string{`spec.totalReplicas: Required value: the number of replicas over all clusters; 0 stops all`}},
		"a total of null":  {spec: `{"targetKind": "F", "totalReplicas": null}`, want: []string{`spec.totalReplicas: Required value: the number of replicas over all clusters; 0 stops all`}},
		"no kind":          {spec: `{"totalReplicas": 1}`, want: []string{`spec.targetKind: Required value: the federated kind of the object whose replicas are scheduled`}},
		"a negative total": {spec: `{"targetKind": "F", "totalReplicas": -1}`, want: []string{`spec.totalReplicas: Invalid value: -1: must be greater than or equal to 0`}},
		"negative numbers": {spec: `{"targetKind": "F", "totalReplicas": 1, "clusters": {"a": {"minReplicas": -2, "maxReplicas": -1, "weight": -3}}}`, want: []string{
			`spec.clusters[a].minReplicas: Invalid value: -2: must be greater than or equal to 0`,
			`spec.clusters[a].weight: Invalid value: -3: must be greater than or equal to 0`,
			`spec.clusters[a].maxReplicas: Invalid value: -1: must be greater than or equal to 0`,
		}},
		"a minimum above the maximum": {spec: `{"targetKind": "F", "totalReplicas": 1, "clusters": {"*": {"minReplicas": 2, "maxReplicas": 1}}}`, want: []string{
			`spec.clusters[*].maxReplicas: Invalid value: 1: must not be less than minReplicas`,
		}},
		"numbers beyond 32 bits": {spec: `{"targetKind": "F", "totalReplicas": 1, "clusters": {"a": {"minReplicas": 2147483648, "maxReplicas": 2147483649, "weight": 2147483650}}}`, want: []string{
			`spec.clusters[a].minReplicas: Invalid value: 2147483648: must be at most 2147483647`,
			`spec.clusters[a].weight: Invalid value: 2147483650: must be at most 2147483647`,
			`spec.clusters[a].maxReplicas: Invalid value: 2147483649: must be at most 2147483647`,
		}},
		"one cluster twice": {spec: `{"targetKind": "F", "totalReplicas": 1, "clusters": {"A": {}, "a": {}}}`, want: []string{
			`spec.clusters[a]: Invalid value: "a": names the same cluster as "A"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, err := range validation.ValidateReplicaSchedulingPreference(preference(t, row.spec)) {
				got = append(got, err.Error())
			}
			require.Equal(t, row.want, got)
		})
	}
	errs := validation.ValidateReplicaSchedulingPreference(preference(t, `{"targetKind": "F", "totalReplicas": 1, "clusters": {"a b": {}}}`))
	require.Len(t, errs, 1)
	require.Equal(t, "spec.clusters[a b]", errs[0].Field)
}

func TestTheTargetKindStays(t *testing.T) {
	old := preference(t, `{"targetKind": "FederatedDeployment", "totalReplicas": 1}`)
	require.Empty(t, validation.ValidateReplicaSchedulingPreferenceUpdate(preference(t, `{"targetKind": "FederatedDeployment", "totalReplicas": 2}`), old))
	errs := validation.ValidateReplicaSchedulingPreferenceUpdate(preference(t, `{"targetKind": "FederatedReplicaSet", "totalReplicas": 1}`), old)
	require.Len(t, errs, 1)
	require.Equal(t, "spec.targetKind", errs[0].Field)
}

func TestWarnings(t *testing.T) {
	for name, row := range map[string]struct {
		spec string
		want []string
	}{
		"nothing odd": {spec: `{"targetKind": "F", "totalReplicas": 9, "clusters": {"a": {"minReplicas": 4}, "b": {"weight": 1}, "c": {"maxReplicas": 0}}}`},
		"upper case":  {spec: `{"targetKind": "F", "totalReplicas": 9, "clusters": {"A": {"weight": 1}}}`, want: []string{`spec.clusters[A]: names of clusters are in lower case; taken for "a"`}},
		"neither weight nor minimum": {spec: `{"targetKind": "F", "totalReplicas": 9, "clusters": {"*": {}}}`,
			want: []string{`spec.clusters[*]: without weight and minReplicas no replicas are planned for it`}},
		"too many minima": {spec: `{"targetKind": "F", "totalReplicas": 9, "clusters": {"a": {"minReplicas": 4}, "b": {"minReplicas": 8}}}`,
			want: []string{`spec.clusters: minReplicas add up to 12, spec.totalReplicas is 9: not every cluster gets its minimum`}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, row.want, validation.Warnings(preference(t, row.spec)))
		})
	}
}
