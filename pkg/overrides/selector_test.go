package overrides_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

func cluster(name string, labels ...string) overrides.Cluster {
	c := overrides.Cluster{Name: name, Labels: map[string]string{}}
	for i := 0; i < len(labels); i += 2 {
		c.Labels[labels[i]] = labels[i+1]
	}
	return c
}

func TestEntriesApplyInTheOrderOfTheList(t *testing.T) {
	const eu = `{"name":"eu","clusterSelector":{"matchLabels":{"region":"eu"}},"clusterOverrides":[{"path":"/spec/replicas","value":2}]}`
	const c1 = `{"clusterName":"c1","clusterOverrides":[{"path":"/spec/replicas","value":5}]}`
	const all = `{"clusterSelector":{},"clusterOverrides":[{"path":"/spec/replicas","value":9}]}`
	for name, test := range map[string]struct {
		entries string
		cluster overrides.Cluster
		want    int
	}{
		"selected by its labels":      {eu, cluster("c1", "region", "eu"), 2},
		"not selected":                {eu, cluster("c1", "region", "us"), 1},
		"without labels":              {eu, cluster("c1"), 1},
		"an empty selector is all":    {all, cluster("c1"), 9},
		"the name comes last":         {eu + "," + c1, cluster("c1", "region", "eu"), 5},
		"the selector comes last":     {c1 + "," + eu, cluster("c1", "region", "eu"), 2},
		"the name alone":              {c1 + "," + eu, cluster("c1", "region", "us"), 5},
		"all come first":              {all + "," + eu + "," + c1, cluster("c2", "region", "eu"), 2},
		"all come last":               {eu + "," + c1 + "," + all, cluster("c1", "region", "eu"), 9},
		"two selectors match":         {eu + "," + all, cluster("c3", "region", "eu"), 9},
		"a selector with expressions": {`{"clusterSelector":{"matchExpressions":[{"key":"region","operator":"NotIn","values":["eu"]}]},"clusterOverrides":[{"path":"/spec/replicas","value":7}]}`, cluster("c1", "region", "us"), 7},
	} {
		t.Run(name, func(t *testing.T) {
			obj := federated(t, `{"template":{"spec":{"replicas":1}},"overrides":[`+test.entries+`]}`)
			rendered, err := overrides.Render(obj, deployment, test.cluster, false)
			require.NoError(t, err)
			var object struct{ Spec struct{ Replicas int } }
			require.NoError(t, json.Unmarshal(rendered.JSON, &object))
			require.Equal(t, test.want, object.Spec.Replicas)
		})
	}
}

func TestAnEntryBuildsOnThoseBeforeIt(t *testing.T) {
	obj := federated(t, `{"template":{},"retainReplicas":true,"overrides":[
		{"clusterSelector":{},"clusterOverrides":[{"path":"/metadata/annotations","value":{}}]},
		{"clusterName":"c1","clusterOverrides":[{"op":"add","path":"/metadata/annotations/a","value":"b"},{"path":"/spec","value":{"replicas":2}}]}]}`)
	rendered, err := overrides.Render(obj, deployment, cluster("c1"), true)
	require.NoError(t, err)
	requireSameText(t, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"a":"b"},"labels":{"kubefed.io/managed":"true"},"name":"web","namespace":"shop"},
		"spec":{"replicas":2}}`, rendered.JSON)
}

func TestWhatDoesNotApplyNamesItsEntry(t *testing.T) {
	obj := federated(t, `{"template":{},"overrides":[
		{"clusterName":"c1"},
		{"clusterSelector":{"matchLabels":{"a":"b"}},"clusterOverrides":[{"path":"/spec","value":{}},{"op":"remove","path":"/spec/x"}]}]}`)
	_, err := overrides.Render(obj, deployment, cluster("c1", "a", "b"), false)
	require.ErrorContains(t, err, `override[1] of spec.overrides[1], which selects cluster "c1", path "/spec/x"`)
	var fault *overrides.ApplyError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, []any{1, 1, true}, []any{fault.Entry, fault.Index, fault.Selecting})
	_, err = overrides.Render(obj, deployment, cluster("c1"), false)
	require.NoError(t, err, "clusters that are not selected are not concerned")
}

func TestWithAnInvalidSelectorNothingIsMade(t *testing.T) {
	for name, entry := range map[string]string{
		"operator":  `{"clusterSelector":{"matchExpressions":[{"key":"a","operator":"Like"}]}}`,
		"name, too": `{"clusterName":"c1","clusterSelector":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := overrides.Render(federated(t, `{"template":{},"overrides":[`+entry+`]}`), deployment, cluster("other"), false)
			require.ErrorContains(t, err, "spec.overrides[0].clusterSelector")
		})
	}
}

// TestSelectingIsNaming draws entries with names and with selectors. A cluster gets
// what it would get if each entry for it were one by name.
func TestSelectingIsNaming(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		member := cluster("c1", "region", rapid.SampledFrom([]string{"eu", "us"}).Draw(t, "region"))
		obj := federated(t, `{"template":{"spec":{"replicas":1}}}`)
		var flat []typesv1beta1.ClusterOverride
		named := false
		for i := range rapid.IntRange(0, 6).Draw(t, "entries") {
			changes := []typesv1beta1.ClusterOverride{{
				Path:  rapid.SampledFrom([]string{"/spec/replicas", "/spec/paused", "/metadata/labels"}).Draw(t, "path"),
				Value: typesv1beta1.JSON{Raw: fmt.Appendf(nil, `{"v":"%d"}`, i)},
			}}
			entry := typesv1beta1.ClusterOverrides{ClusterOverrides: changes}
			matches := false
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				matches, entry.ClusterName = !named, "c1"
				if named {
					entry.ClusterName = fmt.Sprintf("c%d", i+2)
				}
				named = true
			case 1:
				entry.ClusterSelector, matches = &metav1.LabelSelector{}, true
			default:
				region := rapid.SampledFrom([]string{"eu", "us"}).Draw(t, "wanted")
				entry.ClusterSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"region": region}}
				matches = region == member.Labels["region"]
			}
			if matches {
				flat = append(flat, changes...)
			}
			obj.Spec.Overrides = append(obj.Spec.Overrides, entry)
		}
		got, err := overrides.Render(obj, deployment, member, false)
		require.NoError(t, err)

		// One entry by name takes a path only once: the last one wins.
		last := map[string]typesv1beta1.ClusterOverride{}
		for _, change := range flat {
			last[change.Path] = change
		}
		list := typesv1beta1.ClusterOverrides{ClusterName: "c1"}
		for _, change := range last {
			list.ClusterOverrides = append(list.ClusterOverrides, change)
		}
		obj.Spec.Overrides = []typesv1beta1.ClusterOverrides{list}
		want, err := overrides.Render(obj, deployment, member, false)
		require.NoError(t, err)
		require.Equal(t, string(want.JSON), string(got.JSON))
	})
}
