package overrides_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// keys are few, so that overrides often hit, and hold what may confuse: fields
// of the identity, indices, and characters that pointers escape.
var keys = []string{
	"apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "finalizers", "status",
	"spec", "replicas", "0", "1", "-1", "-", "a/b", "a~b", "~1", "", "kubefed.io/managed", "Kind",
}

func genJSON(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.Int64().Draw(t, "int")
		case 3:
			return rapid.String().Draw(t, "string")
		case 4:
			return rapid.SliceOfN(genJSON(depth-1), 0, 3).Draw(t, "list")
		default:
			return rapid.MapOfN(rapid.SampledFrom(keys), genJSON(depth-1), 0, 4).Draw(t, "map")
		}
	})
}

func raw(t *rapid.T, value any) []byte {
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	return encoded
}

// genTemplate draws a template whose metadata is sound; anything else goes.
func genTemplate(t *rapid.T) map[string]any {
	template := rapid.MapOfN(rapid.SampledFrom(keys), genJSON(2), 0, 6).Draw(t, "template")
	metadata := rapid.MapOfN(rapid.SampledFrom([]string{"name", "namespace", "uid", "finalizers"}), genJSON(1), 0, 4).Draw(t, "metadata")
	for _, field := range []string{"labels", "annotations"} {
		if rapid.Bool().Draw(t, "has "+field) {
			metadata[field] = rapid.MapOfN(rapid.SampledFrom(keys), rapid.String(), 0, 3).Draw(t, field)
		}
	}
	template["metadata"] = metadata
	return template
}

func genOverride(t *rapid.T) typesv1beta1.ClusterOverride {
	override := typesv1beta1.ClusterOverride{
		Op:   rapid.SampledFrom([]string{"", "add", "remove", "replace", "replace", "copy"}).Draw(t, "op"),
		Path: escaped(rapid.SliceOfN(rapid.SampledFrom(keys), 0, 4).Draw(t, "segments")),
	}
	if rapid.IntRange(0, 9).Draw(t, "any path") == 0 {
		override.Path = rapid.StringOf(rapid.SampledFrom([]rune("/~01.ametadatname"))).Draw(t, "path")
	}
	if rapid.Bool().Draw(t, "has value") {
		override.Value = typesv1beta1.JSON{Raw: raw(t, genJSON(2).Draw(t, "value"))}
	}
	return override
}

func genObject(t *rapid.T) *typesv1beta1.FederatedObject {
	obj := &typesv1beta1.FederatedObject{}
	obj.Spec.Template.Raw = raw(t, genTemplate(t))
	retain := rapid.Bool().Draw(t, "retain")
	obj.Spec.RetainReplicas = &retain
	list := typesv1beta1.ClusterOverrides{ClusterName: "c1"}
	for range rapid.IntRange(0, 4).Draw(t, "overrides") {
		list.ClusterOverrides = append(list.ClusterOverrides, genOverride(t))
	}
	obj.Spec.Overrides = []typesv1beta1.ClusterOverrides{list}
	return obj
}

func genTarget(t *rapid.T) overrides.Target {
	target := overrides.Target{APIVersion: "v1", Kind: "ConfigMap", Name: rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "name")}
	if rapid.Bool().Draw(t, "namespaced") {
		target.Namespace = "shop"
	}
	return target
}

// requireIdentity checks that the object is the target's, whatever was rendered.
func requireIdentity(t require.TestingT, target overrides.Target, rendered *overrides.Rendered) {
	var object map[string]any
	require.NoError(t, json.Unmarshal(rendered.JSON, &object))
	require.Equal(t, target.Kind, object["kind"])
	require.NotContains(t, object, "status")
	metadata := object["metadata"].(map[string]any)
	require.Equal(t, target.Name, metadata["name"])
	if target.Namespace == "" {
		require.NotContains(t, metadata, "namespace")
	} else {
		require.Equal(t, target.Namespace, metadata["namespace"])
	}
	require.Equal(t, "true", metadata["labels"].(map[string]any)["kubefed.io/managed"])
	for _, field := range []string{"generateName", "uid", "finalizers", "ownerReferences", "resourceVersion", "managedFields"} {
		require.NotContains(t, metadata, field)
	}
}

// requireCanonical checks that to decode and to encode again changes nothing.
func requireCanonical(t require.TestingT, doc []byte) {
	var decoded map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(doc, &decoded))
	require.True(t, slices.IsSorted(topLevelKeys(t, doc)), "keys are sorted: %s", doc)
	again, err := json.Marshal(decoded)
	require.NoError(t, err)
	require.Equal(t, string(doc), string(again))
	for _, key := range slices.Sorted(maps.Keys(decoded)) {
		if len(decoded[key]) > 0 && decoded[key][0] == '{' {
			requireCanonical(t, decoded[key])
		}
	}
}

// topLevelKeys returns the keys of an object in the order in which they stand.
func topLevelKeys(t require.TestingT, doc []byte) []string {
	var found []string
	decoder := json.NewDecoder(bytes.NewReader(doc))
	_, err := decoder.Token()
	require.NoError(t, err)
	for decoder.More() {
		key, err := decoder.Token()
		require.NoError(t, err)
		found = append(found, key.(string))
		var skipped json.RawMessage
		require.NoError(t, decoder.Decode(&skipped))
	}
	return found
}

func TestRenderProperties(t *testing.T) {
	applied := 0
	rapid.Check(t, func(t *rapid.T) { applied += checkRender(t) })
	require.Positive(t, applied, "some of the overrides that were tried must apply")
}

func FuzzRender(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { checkRender(t) }))
}

// checkRender renders an object for a cluster with overrides and for one
// without, and returns how often the overrides applied.
func checkRender(t *rapid.T) (applied int) {
	obj, target := genObject(t), genTarget(t)
	renderer, err := overrides.NewRenderer(obj, target)
	require.NoError(t, err, "metadata is sound")

	for _, exists := range []bool{false, true} {
		plain, err := renderer.Render(overrides.Cluster{Name: "other"}, exists)
		require.NoError(t, err, "overrides for c1 do not concern other clusters")
		requireIdentity(t, target, plain)
		requireCanonical(t, plain.JSON)

		rendered, err := renderer.Render(overrides.Cluster{Name: "c1"}, exists)
		again, errAgain := overrides.Render(obj, target, overrides.Cluster{Name: "c1"}, exists)
		if err != nil {
			var fault *overrides.ApplyError
			require.ErrorAs(t, err, &fault)
			require.Nil(t, rendered)
			require.EqualError(t, errAgain, err.Error())
			continue
		}
		require.NoError(t, errAgain)
		require.Equal(t, rendered, again, "the same input gives the same output")
		requireIdentity(t, target, rendered)
		requireCanonical(t, rendered.JSON)
		require.Equal(t, rendered.Hash == plain.Hash, string(rendered.JSON) == string(plain.JSON))
		if len(obj.Spec.Overrides[0].ClusterOverrides) == 0 {
			require.Equal(t, plain, rendered)
		} else {
			applied++
		}
	}
	return applied
}

// Overrides are applied one after the other: the first ones' result is the
// template of the last one.
func TestRenderAppliesInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := overrides.Target{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "web"}
		values := rapid.SliceOfNDistinct(rapid.Int64(), 2, 6, func(i int64) int64 { return i }).Draw(t, "values")
		// Insertions at the front pile up in reverse, each with a path of its own:
		// an index may have a sign and leading zeros.
		obj := &typesv1beta1.FederatedObject{}
		obj.Spec.Template.Raw = []byte(`{"list":[]}`)
		list := typesv1beta1.ClusterOverrides{ClusterName: "c1"}
		path := "/list/0"
		for _, value := range values {
			list.ClusterOverrides = append(list.ClusterOverrides, typesv1beta1.ClusterOverride{
				Op: "add", Path: path, Value: typesv1beta1.JSON{Raw: fmt.Appendf(nil, "%d", value)},
			})
			path += "0"
		}
		obj.Spec.Overrides = []typesv1beta1.ClusterOverrides{list}
		rendered, err := overrides.Render(obj, target, overrides.Cluster{Name: "c1"}, false)
		require.NoError(t, err)
		slices.Reverse(values)
		want, err := json.Marshal(values)
		require.NoError(t, err)
		require.Equal(t, string(want), string(lookup(t, rendered.JSON, "list")))
	})
}

// The order of keys and white space in a template do not matter.
func TestRenderDoesNotDependOnTheNotation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obj, target := genObject(t), genTarget(t)
		indented := obj.DeepCopy()
		var template map[string]any
		decoder := json.NewDecoder(bytes.NewReader(obj.Spec.Template.Raw))
		decoder.UseNumber()
		require.NoError(t, decoder.Decode(&template))
		indented.Spec.Template.Raw = reversed(t, template)

		one, err := overrides.Render(obj, target, overrides.Cluster{Name: "other"}, false)
		require.NoError(t, err)
		two, err := overrides.Render(indented, target, overrides.Cluster{Name: "other"}, false)
		require.NoError(t, err)
		require.Equal(t, one, two)
	})
}

// reversed writes an object with its keys in reverse order, and indented.
func reversed(t *rapid.T, object map[string]any) []byte {
	names := slices.Sorted(maps.Keys(object))
	slices.Reverse(names)
	out := []byte("{")
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		value, err := json.MarshalIndent(object[name], " ", "\t")
		require.NoError(t, err)
		if nested, ok := object[name].(map[string]any); ok {
			value = reversed(t, nested)
		}
		out = append(append(append(out, raw(t, name)...), " : "...), value...)
	}
	return append(out, " }"...)
}
