package overrides_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// FuzzOverrides renders any bytes as a template with any bytes as overrides:
// whatever comes out has the identity that it shall have, is the same again, and
// is what a template with the same content gives.
func FuzzOverrides(f *testing.F) {
	for _, seed := range [][2]string{
		{`{}`, `[]`},
		{`{"spec":{"replicas":1}}`, `[{"path":"/spec/replicas","value":3}]`},
		{`{"metadata":{"labels":{"a":"b"}}}`, `[{"op":"add","path":"/metadata/labels/kubefed.io~1managed","value":"false"}]`},
		{`{"a":[1,2]}`, `[{"op":"add","path":"/a/-1","value":null},{"op":"remove","path":"/a/0"},{"path":"/a/1","value":{"b":[]}}]`},
		{`{"spec":{"a":null}}`, `[{"op":"add","path":"/spec/a/b","value":1}]`},
		{`{"metadata":null}`, `[{"op":"add","path":"/metadata/annotations","value":{"a":1}}]`},
		{`{"":{"":1}}`, `[{"path":"//","value":2},{"path":"/~01","value":1e400}]`},
		{`{"a":9223372036854775808,"b":1e-400}`, `[{"path":"spec.replicas","value":1}]`},
		{`{"kind":"Pod","status":{"x":1}}`, `[{"path":"/apiVersion","value":"v2"},{"path":"/Kind","value":"x"}]`},
		{`{"a":"\ud800"}`, `[{"op":"add","path":"/\ud800","value":"\u0000"}]`},
	} {
		f.Add(seed[0], seed[1], true)
	}
	target := overrides.Target{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	f.Fuzz(func(t *testing.T, template, list string, retain bool) {
		obj := &typesv1beta1.FederatedObject{}
		obj.Spec.Template.Raw = []byte(template)
		obj.Spec.RetainReplicas = &retain
		entry := typesv1beta1.ClusterOverrides{ClusterName: "c1"}
		if json.Unmarshal([]byte(list), &entry.ClusterOverrides) != nil {
			return
		}
		obj.Spec.Overrides = []typesv1beta1.ClusterOverrides{entry}
		renderer, err := overrides.NewRenderer(obj, target)
		if err != nil {
			var fault *overrides.ComputeError
			require.ErrorAs(t, err, &fault)
			return
		}
		for _, exists := range []bool{false, true} {
			rendered, err := renderer.Render(overrides.Cluster{Name: "c1"}, exists)
			if err != nil {
				var fault *overrides.ApplyError
				require.ErrorAs(t, err, &fault)
				require.Nil(t, rendered)
				continue
			}
			requireIdentity(t, target, rendered)
			requireCanonical(t, rendered.JSON)
			requireSameAgain(t, rendered, target, exists)
		}
	})
}

// requireSameAgain renders what was rendered as a template of its own: nothing is
// left in it that rendering would take out or change.
func requireSameAgain(t *testing.T, rendered *overrides.Rendered, target overrides.Target, exists bool) {
	t.Helper()
	obj := &typesv1beta1.FederatedObject{}
	obj.Spec.Template.Raw = rendered.JSON
	target.APIVersion = rendered.APIVersion
	again, err := overrides.Render(obj, target, overrides.Cluster{Name: "c1"}, exists)
	require.NoError(t, err)
	require.Equal(t, string(rendered.JSON), string(again.JSON))
}

// FuzzPointer: a path that is accepted is a pointer that says the same again, and
// no way of writing hides a field that is protected.
func FuzzPointer(f *testing.F) {
	for _, seed := range []string{"/spec/replicas", "spec.replicas", "", "/", "//", "/metadata/na~0me", "/~1metadata/name", "/metadata/name/", "metadata.name", "~", "/~", "a..b", "/kind/x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		pointer, _, err := overrides.Pointer(path)
		if err != nil {
			return
		}
		again, dotted, err := overrides.Pointer(pointer)
		require.NoError(t, err)
		require.False(t, dotted)
		require.Equal(t, pointer, again)
		segments := overrides.Segments(pointer)
		require.NotEmpty(t, segments)
		require.Equal(t, pointer, escaped(segments))
		switch {
		case segments[0] == "kind", segments[0] == "status",
			segments[0] == "metadata" && (len(segments) == 1 || segments[1] == "name" || segments[1] == "namespace" || segments[1] == "uid"):
			require.NotEmpty(t, overrides.Forbidden(pointer), pointer)
		}
	})
}
