package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

const schemaPrefix = "#/components/schemas/"

// openAPIv3 looks at the schema of the kind as kubectl explain and server-side
// apply in clients do.
func openAPIv3(c *trial) {
	document := c.openAPIv3Document()
	components, _ := document["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	var found map[string]any
	for _, schema := range schemas {
		schema, _ := schema.(map[string]any)
		for _, gvk := range items(schema, "x-kubernetes-group-version-kind") {
			if gvk["kind"] == c.kind.kind && gvk["group"] == c.kind.group && gvk["version"] == c.kind.version {
				found = schema
			}
		}
	}
	require.NotNil(c, found, "no schema has the kind in x-kubernetes-group-version-kind")
	require.NotEmpty(c, found["description"])
	walk := schemaWalk{c: c, schemas: schemas, seen: map[string]bool{}}
	properties, _ := found["properties"].(map[string]any)
	for _, field := range []string{"apiVersion", "kind", "metadata"} {
		require.Contains(c, properties, field)
	}
	walk.schema(found, c.kind.kind)
	paths, _ := document["paths"].(map[string]any)
	require.Contains(c, paths, c.kind.base()+c.kind.inside("{namespace}")+"/"+c.kind.resource)
}

type schemaWalk struct {
	c       *trial
	schemas map[string]any
	seen    map[string]bool
}

// schema checks that fields are described and that lists say how they merge. What
// other groups define is theirs.
func (w schemaWalk) schema(schema map[string]any, path string) {
	for _, name := range references(schema) {
		if w.seen[name] || !strings.Contains(name, "kubefed") {
			continue
		}
		w.seen[name] = true
		target, ok := w.schemas[name].(map[string]any)
		require.True(w.c, ok, "%s refers to %s, which is not in the document", path, name)
		w.schema(target, path)
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		property, _ := property.(map[string]any)
		at := path + "." + name
		// The template is the target's schema, described where the host describes it.
		if name == "template" || path == w.c.kind.kind && (name == "metadata" || name == "status" && property["description"] == nil) {
			continue
		}
		require.NotEmpty(w.c, property["description"], "%s has no description", at)
		if property["type"] == "array" && property["format"] != "byte" {
			require.NotEmpty(w.c, property["x-kubernetes-list-type"], "%s does not say how it merges", at)
		}
		w.schema(property, at)
		if inner, ok := property["items"].(map[string]any); ok {
			w.schema(inner, at)
		}
	}
}

func references(schema map[string]any) []string {
	var names []string
	if ref, ok := schema["$ref"].(string); ok {
		names = append(names, strings.TrimPrefix(ref, schemaPrefix))
	}
	for _, part := range items(schema, "allOf") {
		names = append(names, references(part)...)
	}
	return names
}

var documents sync.Map

// openAPIv3Document is the document of the kind's group and version.
func (c *trial) openAPIv3Document() map[string]any {
	key := c.path.name + c.kind.base()
	if cached, ok := documents.Load(key); ok {
		return cached.(map[string]any)
	}
	found := c.send(c.openAPIv3Request(c.kind.base()))
	require.Equal(c, http.StatusOK, found.code, found)
	document := found.json(c)
	documents.Store(key, document)
	return document
}

// openAPIv3Request is the request of a document with the hash that the index gives.
func (c *trial) openAPIv3Request(base string) request {
	index := c.get("/openapi/v3")
	require.Equal(c, http.StatusOK, index.code, index)
	paths, _ := index.json(c)["paths"].(map[string]any)
	entry, ok := paths[strings.TrimPrefix(base, "/")].(map[string]any)
	require.True(c, ok, "the index of OpenAPI v3 does not have %s: %s", base, index)
	location, err := url.Parse(entry["serverRelativeURL"].(string))
	require.NoError(c, err)
	return request{method: http.MethodGet, path: location.Path, query: location.Query()}
}

func openAPIv3Caching(c *trial) {
	for _, k := range c.kinds {
		var wanted request
		var first *response
		// The host's index lags behind a change of the kinds.
		c.eventually("a document of "+k.base()+" that is that of the index", func() bool {
			wanted = c.openAPIv3Request(k.base())
			require.NotEmpty(c, wanted.query.Get("hash"), "the index has no hash for %s", k.base())
			first = c.send(wanted)
			require.Equal(c, http.StatusOK, first.code, first)
			// The host adds its own word to the server's.
			return strings.Contains(strings.Join(first.header.Values("Cache-Control"), ","), "immutable")
		})
		require.NotEmpty(c, first.header.Get("ETag"), k.base())
		wanted.header = map[string]string{"If-None-Match": first.header.Get("ETag")}
		answer := c.path.open(c.TB, wanted)
		require.NoError(c, answer.Body.Close())
		require.Equal(c, http.StatusNotModified, answer.StatusCode, "%s with the ETag of before", k.base())
	}
}

// definitionsV2 are the kinds of the documents of OpenAPI v2 by path: they are
// large, so that one is read again only for a kind that it lacks.
var (
	definitionsV2        = map[string]map[string]bool{}
	readingDefinitionsV2 sync.Mutex
)

func openAPIv2(c *trial) {
	readingDefinitionsV2.Lock()
	defer readingDefinitionsV2.Unlock()
	name := c.kind.apiVersion() + "/" + c.kind.kind
	if definitionsV2[c.path.name][name] {
		return
	}
	err := pollFor(hostPatience, 5*time.Second, func() bool {
		definitionsV2[c.path.name] = c.readOpenAPIv2()
		return definitionsV2[c.path.name][name]
	})
	require.NoError(c, err, "OpenAPI v2 has no definition of the kind")
}

func (c *trial) readOpenAPIv2() map[string]bool {
	found := c.get("/openapi/v2")
	var document struct {
		Swagger     string
		Definitions map[string]struct {
			Kinds []struct{ Group, Version, Kind string } `json:"x-kubernetes-group-version-kind"`
		}
	}
	known := map[string]bool{}
	if err := json.Unmarshal(found.body, &document); err != nil || document.Swagger != "2.0" {
		return known
	}
	for _, definition := range document.Definitions {
		for _, gvk := range definition.Kinds {
			known[gvk.Group+"/"+gvk.Version+"/"+gvk.Kind] = true
		}
	}
	return known
}
