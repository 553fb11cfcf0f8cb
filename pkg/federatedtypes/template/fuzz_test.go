package template_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// FuzzTemplate walks any object along a schema.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"spec":null,"x":1}`, `{"spec":{"replicas":2147483648,"ratio":1e308,"port":"x","cpu":1.5}}`,
		`{"spec":{"items":[{"name":"a"},{"protocol":"UDP"},null,[],{"name":null}]}}`,
		`{"spec":{"tree":{"children":[{"children":[{"leaf":1}]}]}}}`,
		`{"metadata":{"labels":{"a":1,"b":"c"},"name":[]}}`,
		`{"spec":{"data":{"a":"%%"},"when":"never","mode":"Fast","level":2.0,"size":10,"code":"ABC","args":["a","b","c"]}}`,
		`{"spec":{"embedded":{"kind":1,"spec":{"a":"b","c":1}},"open":{"known":{"x":1,"y":2}}}}`,
	} {
		f.Add(seed)
	}
	schema := schemaOf(f)
	f.Fuzz(func(t *testing.T, text string) {
		value := map[string]any{}
		if utiljson.Unmarshal([]byte(text), &value) != nil || value == nil {
			return
		}
		schema.Validate(value, field.NewPath("t"))
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
