package fuzz

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
)

// schema is a schema of OpenAPI v3, as far as values are made of it.
type schema struct {
	Ref                  string             `json:"$ref"`
	AllOf                []schema           `json:"allOf"`
	OneOf                []schema           `json:"oneOf"`
	Type                 string             `json:"type"`
	Format               string             `json:"format"`
	Enum                 []any              `json:"enum"`
	Properties           map[string]schema  `json:"properties"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	Kinds                []groupVersionKind `json:"x-kubernetes-group-version-kind"`
}

type groupVersionKind struct{ Group, Version, Kind string }

// document is what one group and version publishes.
type document struct {
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

// of returns the schema of a kind.
func (d *document) of(kind string) (schema, bool) {
	for _, candidate := range d.Components.Schemas {
		for _, gvk := range candidate.Kinds {
			if gvk.Kind == kind && strings.HasSuffix(gvk.Group, ".kubefed.io") {
				return candidate, true
			}
		}
	}
	return schema{}, false
}

// maker makes values of schemas.
type maker struct {
	*rand.Rand
	document *document
}

// depthLimit bounds values: schemas refer to themselves.
const depthLimit = 14

func (m maker) one(in ...string) string { return in[m.IntN(len(in))] }

func (m maker) chance(percent int) bool { return m.IntN(100) < percent }

// value makes a value that the schema allows, as far as a schema says that.
func (m maker) value(s schema, depth int) any {
	if s.Ref != "" {
		return m.value(m.document.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")], depth+1)
	}
	if len(s.AllOf) == 1 {
		return m.value(s.AllOf[0], depth)
	}
	if len(s.OneOf) > 0 {
		return m.value(s.OneOf[m.IntN(len(s.OneOf))], depth)
	}
	if len(s.Enum) > 0 {
		return s.Enum[m.IntN(len(s.Enum))]
	}
	switch s.Type {
	case "object":
		return m.object(s, depth)
	case "array":
		list := []any{}
		for s.Items != nil && depth < depthLimit && len(list) < 3 && m.chance(60) {
			list = append(list, m.value(*s.Items, depth+1))
		}
		return list
	case "string":
		return m.text(s.Format)
	case "integer":
		return m.integer()
	case "number":
		return []float64{0, 1.5, -2, 1e300}[m.IntN(4)]
	case "boolean":
		return m.chance(50)
	}
	return m.anything()
}

func (m maker) object(s schema, depth int) map[string]any {
	object := map[string]any{}
	if depth >= depthLimit {
		return object
	}
	for _, name := range keys(s.Properties) {
		if m.chance(40) {
			object[name] = m.value(s.Properties[name], depth+1)
		}
	}
	var values schema
	if json.Unmarshal(s.AdditionalProperties, &values) == nil && m.chance(60) {
		object[m.text("")] = m.value(values, depth+1)
	}
	return object
}

func (m maker) integer() int64 {
	return []int64{0, 1, 2, 5, 80, 300, -1, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64, math.MinInt64}[m.IntN(11)]
}

// texts are what strings are made of: sound names, and what somebody may have thought
// that nobody sends.
var texts = []string{
	"a", "b", "web", "example.com", "a.example.com", "cluster1", "nowhere", "https://127.0.0.1:1", "/spec/replicas", "/metadata/labels/a", "spec.replicas",
	"True", "False", "FederatedDeployment", "v1", "apps/v1", "Namespaced", "Cluster", "Enabled", "In", "Exists", "10s", "192.0.2.1", "CNAME",
	"", " ", "*", ".", "..", "/", "//", "~", "~2", "A_B", "-a", "a-", "null", "0", "-1", "1e9", "${HOME}", "{{.}}", "<script>", "a,b=c", "a\nb", "a\x00b", "\u202eabc", "e\u0301", "\ufeff",
	"https://user:password@a", "file:///etc/passwd", "https://[::1%25lo]:99999", "a/b/c", "%2e%2e", "kubefed.io/managed",
}

func (m maker) text(format string) string {
	if m.chance(10) {
		return strings.Repeat(texts[m.IntN(len(texts))]+"x", []int{20, 70, 300, 5000}[m.IntN(4)])
	}
	switch {
	case format == "date-time" && m.chance(80):
		return m.one("2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+14:00", "2026-02-30T00:00:00Z")
	case format == "byte" && m.chance(80):
		return base64.StdEncoding.EncodeToString([]byte(texts[m.IntN(len(texts))]))
	}
	return texts[m.IntN(len(texts))]
}

// anything makes a value of no schema.
func (m maker) anything() any {
	switch m.IntN(12) {
	case 0:
		return nil
	case 1:
		return m.chance(50)
	case 2:
		return m.integer()
	case 3:
		return json.Number(m.one("1e400", "-0", "1.0", "123456789012345678901234567890", "1e-400", "0.1"))
	case 4:
		return []any{}
	case 5:
		return map[string]any{}
	case 6:
		return map[string]any{m.text(""): m.anything()}
	case 7:
		return []any{m.anything(), m.anything()}
	default:
		return m.text("")
	}
}
