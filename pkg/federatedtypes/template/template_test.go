package template_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"pgregory.net/rapid"

	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/template"
)

const document = `{
 "Root": {"type":"object","properties":{
   "apiVersion":{"type":"string"},
   "metadata":{"allOf":[{"$ref":"#/components/schemas/Meta"}],"default":{}},
   "spec":{"description":"what","default":{},"allOf":[{"$ref":"#/components/schemas/Spec"}]}}},
 "Meta": {"type":"object","properties":{"labels":{"type":"object","additionalProperties":{"type":"string","default":""}},"name":{"type":"string"}}},
 "Spec": {"type":"object","properties":{
   "replicas":{"type":"integer","format":"int32"},
   "ratio":{"type":"number"},
   "paused":{"type":"boolean"},
   "port":{"oneOf":[{"type":"integer"},{"type":"string"}],"format":"int-or-string"},
   "cpu":{"oneOf":[{"type":"string"},{"type":"number"}]},
   "anything":{},
   "raw":{"type":"object"},
   "open":{"type":"object","properties":{"known":{"type":"object","properties":{"x":{"type":"string"}}}},"x-kubernetes-preserve-unknown-fields":true},
   "data":{"type":"object","additionalProperties":{"type":"string","format":"byte"}},
   "when":{"type":"string","format":"date-time"},
   "mode":{"type":"string","enum":["Fast","Slow"]},
   "level":{"type":"integer","enum":[1,2]},
   "size":{"type":"integer","minimum":1,"maximum":10,"exclusiveMaximum":true},
   "code":{"type":"string","minLength":2,"maxLength":4,"pattern":"^[a-z]+$"},
   "args":{"type":"array","maxItems":2,"items":{"type":"string"}},
   "embedded":{"type":"object","x-kubernetes-embedded-resource":true,"properties":{"spec":{"type":"object","properties":{"a":{"type":"string"}}}}},
   "items":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name","protocol"],
      "items":{"$ref":"#/components/schemas/Item"}},
   "tree":{"$ref":"#/components/schemas/Tree"}}},
 "Item": {"type":"object","properties":{"name":{"type":"string","default":""},"protocol":{"type":"string","default":"TCP"},"value":{"type":"string"}}},
 "Tree": {"type":"object","properties":{"leaf":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/components/schemas/Tree"}}}}
}`

func schemaOf(t require.TestingT) *template.Schema {
	components := map[string]*spec.Schema{}
	require.NoError(t, json.Unmarshal([]byte(document), &components))
	schema, err := template.Compile(components["Root"], components)
	require.NoError(t, err)
	return schema
}

func decode(t require.TestingT, text string) map[string]any {
	value := map[string]any{}
	require.NoError(t, utiljson.Unmarshal([]byte(text), &value))
	return value
}

func TestPrune(t *testing.T) {
	schema := schemaOf(t)
	for _, test := range []struct {
		name, value, want string
		removed           []string
	}{
		{"nothing unknown", `{"spec":{"replicas":1,"port":"http"}}`, `{"spec":{"replicas":1,"port":"http"}}`, nil},
		{"at the top and below", `{"spce":{},"spec":{"replica":1}}`, `{"spec":{}}`, []string{"t.spce", "t.spec.replica"}},
		{"keys of a map are not fields", `{"metadata":{"labels":{"any":"x"}}}`, `{"metadata":{"labels":{"any":"x"}}}`, nil},
		{"in a list", `{"spec":{"items":[{"name":"a"},{"name":"b","vaule":"x"}]}}`, `{"spec":{"items":[{"name":"a"},{"name":"b"}]}}`, []string{"t.spec.items[1].vaule"}},
		{"a schema that refers to itself", `{"spec":{"tree":{"children":[{"children":[{"lief":"x"}]}]}}}`, `{"spec":{"tree":{"children":[{"children":[{}]}]}}}`,
			[]string{"t.spec.tree.children[0].children[0].lief"}},
		{"no schema at all", `{"spec":{"anything":{"a":[1]},"raw":{"b":{}}}}`, `{"spec":{"anything":{"a":[1]},"raw":{"b":{}}}}`, nil},
		{"preserved, but not below what is known", `{"spec":{"open":{"new":1,"known":{"x":"y","z":1}}}}`, `{"spec":{"open":{"new":1,"known":{"x":"y"}}}}`, []string{"t.spec.open.known.z"}},
		{"an embedded resource", `{"spec":{"embedded":{"apiVersion":"v1","kind":"X","metadata":{"a":1},"spec":{"a":"b","c":1},"d":1}}}`,
			`{"spec":{"embedded":{"apiVersion":"v1","kind":"X","metadata":{"a":1},"spec":{"a":"b"}}}}`, []string{"t.spec.embedded.d", "t.spec.embedded.spec.c"}},
		{"null", `{"spec":null,"other":null}`, `{"spec":null}`, []string{"t.other"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			value := decode(t, test.value)
			require.Equal(t, test.removed, schema.Unknown(value, "t"))
			require.Equal(t, decode(t, test.value), value, "Unknown only looks")
			require.Equal(t, test.removed, schema.Prune(value, "t"))
			require.Equal(t, decode(t, test.want), value)
		})
	}
}

func TestValidate(t *testing.T) {
	schema := schemaOf(t)
	for _, test := range []struct{ name, value, field, detail string }{
		{"string for integer", `{"spec":{"replicas":"1"}}`, "t.spec.replicas", "must be of type integer, not string"},
		{"fraction for integer", `{"spec":{"replicas":1.5}}`, "t.spec.replicas", "must be of type integer, not number"},
		{"integer for number", `{"spec":{"ratio":1}}`, "", ""},
		{"object for string", `{"metadata":{"name":{}}}`, "t.metadata.name", "must be of type string, not object"},
		{"list for object", `{"spec":[]}`, "t.spec", "must be of type object, not array"},
		{"value of a map", `{"metadata":{"labels":{"a/b":1}}}`, "t.metadata.labels.a/b", "must be of type string, not integer"},
		{"integer or string", `{"spec":{"port":80}}`, "", ""},
		{"boolean for integer or string", `{"spec":{"port":true}}`, "t.spec.port", "must be of type string or integer, not boolean"},
		{"one of string and number", `{"spec":{"cpu":0.5}}`, "", ""},
		{"one of string and number, an integer", `{"spec":{"cpu":2}}`, "", ""},
		{"32 bits", `{"spec":{"replicas":2147483648}}`, "t.spec.replicas", "must fit into 32 bits"},
		{"base64", `{"spec":{"data":{"k":"%"}}}`, "t.spec.data.k", "must be base64"},
		{"time", `{"spec":{"when":"today"}}`, "t.spec.when", "must be a time"},
		{"enum", `{"spec":{"mode":"Quick"}}`, "t.spec.mode", `supported values: "Fast", "Slow"`},
		{"enum of integers", `{"spec":{"level":2}}`, "", ""},
		{"minimum", `{"spec":{"size":0}}`, "t.spec.size", "must be at least 1"},
		{"exclusive maximum", `{"spec":{"size":10}}`, "t.spec.size", "must be less than 10"},
		{"too short", `{"spec":{"code":"a"}}`, "t.spec.code", "at least 2 characters"},
		{"too long", `{"spec":{"code":"abcde"}}`, "t.spec.code", "at most 4 characters"},
		{"pattern", `{"spec":{"code":"AB"}}`, "t.spec.code", "must match"},
		{"too many items", `{"spec":{"args":["a","b","c"]}}`, "t.spec.args", "at most 2 items"},
		{"item", `{"spec":{"args":["a",1]}}`, "t.spec.args[1]", "must be of type string, not integer"},
		{"key of a list", `{"spec":{"items":[{"value":"x"}]}}`, "t.spec.items[0].name", "Required value"},
		{"key with a default", `{"spec":{"items":[{"name":"x"}]}}`, "", ""},
		{"null is no value", `{"spec":{"replicas":null,"items":null}}`, "", ""},
		{"unknown fields are not looked at", `{"spec":{"other":1}}`, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			errs := schema.Validate(decode(t, test.value), field.NewPath("t"))
			if test.field == "" {
				require.Empty(t, errs)
				return
			}
			require.Len(t, errs, 1)
			require.Equal(t, test.field, errs[0].Field)
			require.ErrorContains(t, errs[0], test.detail)
		})
	}
}

func TestFit(t *testing.T) {
	schema := schemaOf(t)
	for _, test := range []struct{ name, value, want string }{
		{"wrong types go", `{"spec":{"replicas":"1","paused":true,"tree":[]}}`, `{"spec":{"paused":true}}`},
		{"a list goes as a whole", `{"spec":{"args":["a",1],"items":[{"name":"a"},{"value":"b"}]}}`, `{"spec":{}}`},
		{"unknown fields go", `{"other":1,"spec":{}}`, `{"spec":{}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			value := decode(t, test.value)
			require.True(t, schema.Fit(value))
			require.Equal(t, decode(t, test.want), value)
			require.False(t, schema.Fit(value), "it fits now")
		})
	}
}

func TestCompileRefusesWhatCannotBeWalked(t *testing.T) {
	for name, root := range map[string]string{
		`schema "Nowhere" is not in the document`: `{"type":"object","properties":{"a":{"$ref":"#/components/schemas/Nowhere"}}}`,
		`pattern "("`: `{"type":"object","properties":{"a":{"type":"array","items":{"type":"string","pattern":"("}}}}`,
	} {
		schema := &spec.Schema{}
		require.NoError(t, json.Unmarshal([]byte(root), schema))
		_, err := template.Compile(schema, nil)
		require.ErrorContains(t, err, name)
	}
}

func TestHasReplicas(t *testing.T) {
	require.True(t, schemaOf(t).HasReplicas())
	for _, without := range []string{`{}`, `{"type":"object","properties":{"spec":{"type":"object","properties":{"replicas":{"type":"string"}}}}}`} {
		schema := &spec.Schema{}
		require.NoError(t, json.Unmarshal([]byte(without), schema))
		compiled, err := template.Compile(schema, nil)
		require.NoError(t, err)
		require.False(t, compiled.HasReplicas(), without)
	}
}

// values draws any JSON object with the names that the schema has, and others.
func values() *rapid.Generator[map[string]any] {
	names := rapid.SampledFrom([]string{"spec", "metadata", "labels", "items", "name", "replicas", "tree", "children", "leaf", "args", "open", "known", "data", "port", "x", "unknown"})
	leaf := rapid.OneOf(
		rapid.Just[any](nil),
		rapid.Map(rapid.Int64(), func(v int64) any { return v }),
		rapid.Map(rapid.Bool(), func(v bool) any { return v }),
		rapid.Map(rapid.String(), func(v string) any { return v }),
		rapid.Map(rapid.Float64Range(0.1, 0.9), func(v float64) any { return v }),
	)
	value := leaf
	for range 4 {
		below := value
		value = rapid.OneOf(below,
			rapid.Map(rapid.MapOfN(names, below, 0, 4), func(v map[string]any) any { return v }),
			rapid.Map(rapid.SliceOfN(below, 0, 3), func(v []any) any { return v }),
		)
	}
	return rapid.MapOfN(names, value, 0, 4)
}

func TestProperties(t *testing.T) {
	schema := schemaOf(t)
	rapid.Check(t, func(t *rapid.T) {
		value := values().Draw(t, "value")
		found := schema.Unknown(value, "t")
		require.Equal(t, found, schema.Prune(value, "t"), "what is found is what is removed")
		require.Empty(t, schema.Unknown(value, "t"), "a pruned value has nothing unknown")
		schema.Fit(value)
		require.False(t, schema.Fit(value), "what fits stays")
		for _, err := range schema.Validate(value, field.NewPath("t")) {
			require.NotEqual(t, field.ErrorTypeTypeInvalid, err.Type, "a value that fits has the right types: %v", err)
		}
	})
}
