package scheduling

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// federated makes a federated object with a placement and overrides, in JSON.
func federated(t require.TestingT, spec string) *typesv1beta1.FederatedObject {
	obj := &typesv1beta1.FederatedObject{}
	require.NoError(t, json.Unmarshal([]byte(`{"metadata": {"name": "web", "namespace": "shop"}, "spec": `+spec+`}`), obj))
	return obj
}

// composed composes a plan and reads the record of it.
func composed(t require.TestingT, obj *typesv1beta1.FederatedObject, replicas map[string]int64, waiting ...string) (*typesv1beta1.FederatedObject, *planRecord, bool) {
	last, err := recordOf(obj)
	require.NoError(t, err)
	next, changed, err := compose(obj, last, replicas, waiting)
	require.NoError(t, err)
	r, err := recordOf(next)
	require.NoError(t, err)
	return next, r, changed
}

func asJSON(t require.TestingT, value any) string {
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

func TestAPlanIsWrittenAndTakenBack(t *testing.T) {
	for name, row := range map[string]struct {
		spec     string
		replicas map[string]int64
		// written and restored are placement and overrides with the plan and after it.
		written, restored string
	}{
		"nothing was there": {
			spec: `{}`, replicas: map[string]int64{"a": 4, "b": 5},
			written: `{"placement": {"clusters": [{"name": "a"}, {"name": "b"}]}, "overrides": [
				{"clusterName": "a", "clusterOverrides": [{"path": "/spec/replicas", "value": 4}]},
				{"clusterName": "b", "clusterOverrides": [{"path": "/spec/replicas", "value": 5}]}]}`,
			restored: `{"placement": {"clusters": [{"name": "a"}, {"name": "b"}]}}`,
		},
		"clusters without replicas do not stay": {
			spec: `{"placement": {"clusters": []}}`, replicas: map[string]int64{"a": 4, "b": 0},
			written: `{"placement": {"clusters": [{"name": "a"}, {"name": "b"}]}, "overrides": [
				{"clusterName": "a", "clusterOverrides": [{"path": "/spec/replicas", "value": 4}]},
				{"clusterName": "b", "clusterOverrides": [{"path": "/spec/replicas", "value": 0}]}]}`,
			restored: `{"placement": {"clusters": [{"name": "a"}]}}`,
		},
		"a selector": {
			spec: `{"placement": {"clusterSelector": {"matchLabels": {"x": "y"}}}}`, replicas: map[string]int64{"a": 1},
			written: `{"placement": {"clusters": [{"name": "a"}], "clusterSelector": {"matchLabels": {"x": "y"}}}, "overrides": [
				{"clusterName": "a", "clusterOverrides": [{"path": "/spec/replicas", "value": 1}]}]}`,
			restored: `{"placement": {"clusterSelector": {"matchLabels": {"x": "y"}}}}`,
		},
		"overrides of others, and the dotted path": {
			spec: `{"placement": {"clusters": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}, "overrides": [
				{"clusterName": "a", "clusterOverrides": [{"path": "spec.replicas", "value": 7}, {"path": "/metadata/labels/x", "value": "y"}]},
				{"clusterName": "b", "clusterOverrides": [{"op": "remove", "path": "/metadata/labels/x"}]},
				{"clusterName": "c", "clusterOverrides": [{"op": "remove", "path": "/spec/replicas"}]}]}`,
			replicas: map[string]int64{"a": 1, "b": 2},
			written: `{"placement": {"clusters": [{"name": "a"}, {"name": "b"}]}, "overrides": [
				{"clusterName": "a", "clusterOverrides": [{"path": "/spec/replicas", "value": 1}, {"path": "/metadata/labels/x", "value": "y"}]},
				{"clusterName": "b", "clusterOverrides": [{"op": "remove", "path": "/metadata/labels/x"}, {"path": "/spec/replicas", "value": 2}]},
				{"clusterName": "c", "clusterOverrides": [{"op": "remove", "path": "/spec/replicas"}]}]}`,
			restored: `{"placement": {"clusters": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}, "overrides": [
				{"clusterName": "a", "clusterOverrides": [{"path": "spec.replicas", "value": 7}, {"path": "/metadata/labels/x", "value": "y"}]},
				{"clusterName": "b", "clusterOverrides": [{"op": "remove", "path": "/metadata/labels/x"}]},
				{"clusterName": "c", "clusterOverrides": [{"op": "remove", "path": "/spec/replicas"}]}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			obj := federated(t, row.spec)
			before := obj.DeepCopy()
			next, r, changed := composed(t, obj, row.replicas)
			require.True(t, changed)
			require.Equal(t, before, obj, "the object in the cache was changed")
			require.JSONEq(t, asJSON(t, federated(t, row.written).Spec), asJSON(t, next.Spec))

			_, _, changed = composed(t, next, row.replicas)
			require.False(t, changed, "the same plan is written once")

			restored := takeBack(next, r)
			require.JSONEq(t, asJSON(t, federated(t, row.restored).Spec), asJSON(t, restored.Spec))
			require.NotContains(t, restored.Annotations, schedulingv1alpha1.SchedulingAnnotation)
		})
	}
}

func TestAClusterThatLeavesThePlan(t *testing.T) {
	obj := federated(t, `{"overrides": [{"clusterName": "a", "clusterOverrides": [{"path": "/spec/replicas", "value": 7}]}]}`)
	first, _, _ := composed(t, obj, map[string]int64{"a": 1, "b": 2})
	second, r, changed := composed(t, first, map[string]int64{"c": 3})
	require.True(t, changed)
	require.JSONEq(t, asJSON(t, federated(t, `{"placement": {"clusters": [{"name": "c"}]}, "overrides": [
		{"clusterName": "a", "clusterOverrides": [{"path": "/spec/replicas", "value": 7}]},
		{"clusterName": "c", "clusterOverrides": [{"path": "/spec/replicas", "value": 3}]}]}`).Spec), asJSON(t, second.Spec))
	require.Nil(t, r.Before.Clusters)
}

// What a user writes while a preference is at work is the user's: it bounds the next
// plan, and comes back in the end.
func TestWhatAUserWritesLater(t *testing.T) {
	obj, last, _ := composed(t, federated(t, `{"placement": {"clusters": [{"name": "a"}]}}`), map[string]int64{"a": 3})
	require.Equal(t, []string{"a"}, namesOf(stated(obj, last).Clusters))

	obj.Spec.Placement.Clusters = references([]string{"a", "b"})
	obj.Spec.Overrides[0].ClusterOverrides[0].Value.Raw = []byte("8")
	require.Equal(t, []string{"a", "b"}, namesOf(stated(obj, last).Clusters))
	obj, last, changed := composed(t, obj, map[string]int64{"a": 2, "b": 1})
	require.True(t, changed)
	require.Equal(t, []string{"a", "b"}, last.Before.Clusters)

	restored := takeBack(obj, last)
	require.JSONEq(t, asJSON(t, federated(t, `{"placement": {"clusters": [{"name": "a"}, {"name": "b"}]}, "overrides": [
		{"clusterName": "a", "clusterOverrides": [{"path": "/spec/replicas", "value": 8}]}]}`).Spec), asJSON(t, restored.Spec))

	// What was changed under the plan in the meantime is not ours to take back.
	obj.Spec.Overrides[0].ClusterOverrides[0].Value.Raw = []byte("9")
	require.JSONEq(t, `9`, string(takeBack(obj, last).Spec.Overrides[0].ClusterOverrides[0].Value.Raw))
}

func TestABrokenRecordIsNotGuessedAt(t *testing.T) {
	obj := federated(t, `{}`)
	obj.Annotations = map[string]string{schedulingv1alpha1.SchedulingAnnotation: "{"}
	_, err := recordOf(obj)
	require.ErrorContains(t, err, "kubefed.io/replica-scheduling")
}

// However plans follow one another, in the end the overrides are the user's, and so
// is the placement where it selects anything.
func TestAllPlansAreTakenBack(t *testing.T) {
	clusters := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		original := federated(t, `{}`)
		if rapid.Bool().Draw(t, "has a list") {
			original.Spec.Placement.Clusters = references(rapid.SliceOfNDistinct(rapid.SampledFrom(clusters), 0, 3, rapid.ID).Draw(t, "list"))
		}
		if rapid.Bool().Draw(t, "has a selector") {
			original.Spec.Placement.ClusterSelector = &metav1.LabelSelector{}
		}
		for _, c := range clusters {
			var list []typesv1beta1.ClusterOverride
			for i := range rapid.IntRange(0, 2).Draw(t, "others in "+c) {
				list = append(list, typesv1beta1.ClusterOverride{Path: fmt.Sprint("/metadata/labels/", i), Value: typesv1beta1.JSON{Raw: []byte(`"x"`)}})
			}
			if rapid.Bool().Draw(t, "own replicas in "+c) {
				path := rapid.SampledFrom([]string{"/spec/replicas", "spec.replicas"}).Draw(t, "path")
				list = append(list, typesv1beta1.ClusterOverride{Path: path, Value: typesv1beta1.JSON{Raw: []byte("7")}})
			}
			if len(list) > 0 {
				original.Spec.Overrides = append(original.Spec.Overrides, typesv1beta1.ClusterOverrides{ClusterName: c, ClusterOverrides: list})
			}
		}
		obj := original.DeepCopy()
		var last *planRecord
		for range rapid.IntRange(1, 4).Draw(t, "plans") {
			plan := rapid.MapOfN(rapid.SampledFrom(clusters), rapid.Int64Range(0, 9), 1, 3).Draw(t, "plan")
			obj, last, _ = composed(t, obj, plan)
			require.Len(t, obj.Spec.Placement.Clusters, len(plan))
			_, _, changed := composed(t, obj, plan)
			require.False(t, changed)
		}
		restored := takeBack(obj, last)
		require.JSONEq(t, asJSON(t, original.Spec.Overrides), asJSON(t, restored.Spec.Overrides))
		placement := original.Spec.Placement
		if len(placement.Clusters) > 0 || placement.Clusters == nil && placement.ClusterSelector != nil {
			require.Equal(t, namesOf(placement.Clusters), namesOf(restored.Spec.Placement.Clusters))
		} else {
			require.NotEmpty(t, restored.Spec.Placement.Clusters, "no copy goes with the preference")
		}
	})
}
