package propagatedversion

import (
	"crypto/md5"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"

	"github.com/kubefederation/federation-apiserver/apis/core"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func specOf(t *testing.T, text string) *typesv1beta1.FederatedObjectSpec {
	t.Helper()
	spec := &typesv1beta1.FederatedObjectSpec{}
	require.NoError(t, json.UnmarshalCaseSensitivePreserveInts([]byte(text), spec))
	return spec
}

func sum(text string) string {
	hashed := md5.Sum([]byte(text))
	return hex.EncodeToString(hashed[:])
}

func TestKnownAnswers(t *testing.T) {
	template, err := TemplateHash(specOf(t, `{"template": {"spec": {"foo": null}}}`))
	require.NoError(t, err)
	require.Equal(t, "a5b8d4352d5aed51c51b93900258ccf3", template)
	overrides, err := OverridesHash(specOf(t, `{"template": {}}`))
	require.NoError(t, err)
	require.Equal(t, "2979b7538b527abe06492021841caf47", overrides)
}

func TestTemplateHash(t *testing.T) {
	for name, test := range map[string]struct{ spec, hashed string }{
		"no template":       {`{}`, ""},
		"an empty template": {`{"template": {}}`, "{}\n"},
		"keys are sorted":   {`{"template": {"b": 1, "a": {"d": true, "c": []}}}`, `{"a":{"c":[],"d":true},"b":1}` + "\n"},
		"spaces do not count": {`{"template": { "a" : [ 1 , 2 ] }}`,
			`{"a":[1,2]}` + "\n"},
		"escaped for HTML": {`{"template": {"a": "<&>"}}`, `{"a":"\u003c\u0026\u003e"}` + "\n"},
		"numbers":          {`{"template": {"a": [9007199254740993, 1.0, 1e3, 0.5]}}`, `{"a":[9007199254740993,1,1000,0.5]}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			want := ""
			if test.hashed != "" {
				want = sum(test.hashed)
			}
			hashed, err := TemplateHash(specOf(t, test.spec))
			require.NoError(t, err)
			require.Equal(t, want, hashed)
		})
	}
	_, err := TemplateHash(&typesv1beta1.FederatedObjectSpec{Template: specOf(t, `{"template": []}`).Template})
	require.Error(t, err, "a template that is no object")
}

func TestOverridesHash(t *testing.T) {
	for name, test := range map[string]struct{ spec, hashed string }{
		"an empty list is none": {`{"overrides": []}`, `{"overrides":null}`},
		"in the order of the fields": {`{"overrides": [{"clusterOverrides": [{"value": 5, "path": "/spec/replicas", "op": "replace"}], "clusterName": "c1"}]}`,
			`{"overrides":[{"clusterName":"c1","clusterOverrides":[{"op":"replace","path":"/spec/replicas","value":5}]}]}`},
		"no operation, no value": {`{"overrides": [{"clusterName": "c1", "clusterOverrides": [{"path": "/a"}]}]}`,
			`{"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/a"}]}]}`},
		"null is no value": {`{"overrides": [{"clusterName": "c1", "clusterOverrides": [{"path": "/a", "value": null}]}]}`,
			`{"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/a"}]}]}`},
		"what is false is a value": {`{"overrides": [{"clusterName": "c1", "clusterOverrides": [{"path": "/a", "value": false}, {"path": "/b", "value": ""}, {"path": "/c", "value": 0}]}]}`,
			`{"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/a","value":false},{"path":"/b","value":""},{"path":"/c","value":0}]}]}`},
		"numbers are floats": {`{"overrides": [{"clusterName": "c1", "clusterOverrides": [{"path": "/a", "value": 9007199254740993}]}]}`,
			`{"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/a","value":9007199254740992}]}]}`},
		"the order of the list counts": {`{"overrides": [{"clusterName": "z"}, {"clusterName": "a"}]}`,
			`{"overrides":[{"clusterName":"z"},{"clusterName":"a"}]}`},
		"a selector, which KubeFed did not have": {`{"overrides": [{"clusterSelector": {"matchLabels": {"region": "eu"}}, "clusterOverrides": [{"path": "/a"}]}]}`,
			`{"overrides":[{"clusterName":"","clusterSelector":{"matchLabels":{"region":"eu"}},"clusterOverrides":[{"path":"/a"}]}]}`},
		"sorted inside a value": {`{"overrides": [{"clusterName": "c1", "clusterOverrides": [{"path": "/a", "value": {"b": "<", "a": 1}}]}]}`,
			`{"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/a","value":{"a":1,"b":"\u003c"}}]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			hashed, err := OverridesHash(specOf(t, test.spec))
			require.NoError(t, err)
			require.Equal(t, sum(test.hashed+"\n"), hashed)
		})
	}
}

func TestMembersThatHaveTheObjectAsItIs(t *testing.T) {
	obj := &typesv1beta1.FederatedObject{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Generation: 2},
		Spec:       *specOf(t, `{"template": {}}`),
		Status: typesv1beta1.FederatedObjectStatus{ObservedGeneration: 2, Clusters: []typesv1beta1.ClusterStatus{
			{Name: "c2", Version: "rv:7"},
			{Name: "c1", Version: "gen:1"},
			{Name: "c3", Version: "gen:4", Status: typesv1beta1.UpdateFailed},
			{Name: "c4"},
		}},
	}
	status, err := statusOf(obj)
	require.NoError(t, err)
	require.Equal(t, core.PropagatedVersionStatus{
		TemplateVersion: sum("{}\n"), OverridesVersion: "2979b7538b527abe06492021841caf47",
		ClusterVersions: []core.ClusterObjectVersion{{ClusterName: "c1", Version: "gen:1"}, {ClusterName: "c2", Version: "rv:7"}},
	}, status)

	obj.Generation = 3
	status, err = statusOf(obj)
	require.NoError(t, err)
	require.Empty(t, status.ClusterVersions, "what is in the members is of another generation")
}
