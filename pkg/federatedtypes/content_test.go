package federatedtypes

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func TestSameSpec(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, a, b string
		same       bool
	}{
		{"order and space", `{"template":{"a":1,"b":[1, 2]}}`, `{"template":{"b":[1,2],"a":1}}`, true},
		{"a value", `{"template":{"a":1}}`, `{"template":{"a":2}}`, false},
		{"a number and its text", `{"template":{"a":1}}`, `{"template":{"a":"1"}}`, false},
		{"large integers", `{"template":{"a":9007199254740993}}`, `{"template":{"a":9007199254740992}}`, false},
		{"no template and an empty one", `{}`, `{"template":{}}`, false},
		{"null and absent in a template", `{"template":{"a":null}}`, `{"template":{}}`, false},
		{"no clusters and an empty list", `{"placement":{}}`, `{"placement":{"clusters":[]}}`, false},
		{"no selector and an empty one", `{"placement":{}}`, `{"placement":{"clusterSelector":{}}}`, false},
		{"the value of an override", `{"overrides":[{"clusterName":"a","clusterOverrides":[{"path":"/x","value":{"a":1,"b":2}}]}]}`,
			`{"overrides":[{"clusterName":"a","clusterOverrides":[{"path":"/x","value":{"b":2,"a":1}}]}]}`, true},
		{"null and no value", `{"overrides":[{"clusterName":"a","clusterOverrides":[{"path":"/x","value":null}]}]}`,
			`{"overrides":[{"clusterName":"a","clusterOverrides":[{"path":"/x"}]}]}`, false},
		{"no overrides and an empty list", `{}`, `{"overrides":[]}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var a, b typesv1beta1.FederatedObjectSpec
			require.NoError(t, json.Unmarshal([]byte(test.a), &a))
			require.NoError(t, json.Unmarshal([]byte(test.b), &b))
			require.Equal(t, test.same, sameSpec(&a, &b))
			require.Equal(t, test.same, sameSpec(&b, &a))
			require.True(t, sameSpec(&a, a.DeepCopy()))
		})
	}
}

func TestTemplateSurvivesDecoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.MapOf(rapid.String(), rapid.OneOf(
			rapid.Map(rapid.Int64(), func(v int64) any { return v }),
			rapid.Map(rapid.String(), func(v string) any { return v }),
			rapid.Map(rapid.SliceOf(rapid.Bool()), func(v []bool) any {
				list := make([]any, 0, len(v))
				for _, item := range v {
					list = append(list, item)
				}
				return list
			}),
		)).Draw(t, "content")
		encoded := encodeTemplate(content)
		decoded, err := decodeTemplate(encoded)
		require.NoError(t, err)
		require.Equal(t, content, decoded)
		require.True(t, sameTemplate(encoded, encodeTemplate(decoded)))
	})
	_, err := decodeTemplate(runtime.RawExtension{Raw: []byte(`[]`)})
	require.ErrorContains(t, err, "spec.template: must be an object")
}

func TestScaleOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		template string
		replicas int32
		selector string
		problem  string
	}{
		{template: `{"spec":{"replicas":0,"selector":{"matchLabels":{"b":"2","a":"1"},"matchExpressions":[{"key":"c","operator":"Exists"}]}}}`, selector: "a=1,b=2,c"},
		{template: `{"spec":{}}`, replicas: 1},
		{template: ``, replicas: 1},
		{template: `{"spec":{"replicas":"x"}}`, problem: "spec.template has no scale"},
		{template: `{"spec":{"selector":{"matchExpressions":[{"key":"a","operator":"Near"}]}}}`, problem: "spec.template.spec.selector"},
	} {
		obj := &typesv1beta1.FederatedObject{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "demo", ResourceVersion: "7", UID: "u"}}
		obj.Spec.Template.Raw = []byte(test.template)
		obj.Status.Clusters = []typesv1beta1.ClusterStatus{
			{Name: "a", Replicas: &typesv1beta1.ReplicaCounts{Replicas: 2}},
			{Name: "b"},
		}
		obj.Status.ReplicaCounts = *obj.Status.Clusters[0].Replicas
		scale, err := scaleOf(obj)
		if test.problem != "" {
			require.ErrorContains(t, err, test.problem)
			continue
		}
		require.NoError(t, err, test.template)
		require.Equal(t, test.replicas, scale.Spec.Replicas, test.template)
		require.Equal(t, test.selector, scale.Status.Selector, test.template)
		require.EqualValues(t, 2, scale.Status.Replicas)
		require.Equal(t, obj.UID, scale.UID)
		require.Equal(t, "7", scale.ResourceVersion)
	}
}
