package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kind is a kind as discovery shows it.
type kind struct {
	group, version, resource, singular, kind string
	namespaced, status                       bool
	verbs, shortNames, categories            []string
	storageVersionHash                       string
	stub                                     stub
	hasStub                                  bool
	// source is the kind that a read-only kind is computed from.
	source *kind
	// free are namespaces for objects that have the name of theirs.
	free chan string
	// own is a namespace for this kind alone.
	own string
}

// namespacePool is how many objects named like their namespace there can be at once.
const namespacePool = 6

func (k *kind) String() string      { return k.resource + "." + k.version + "." + k.group }
func (k *kind) apiVersion() string  { return k.group + "/" + k.version }
func (k *kind) base() string        { return "/apis/" + k.apiVersion() }
func (k *kind) key() string         { return k.apiVersion() + "/" + k.resource }
func (k *kind) readOnly() bool      { return !slices.Contains(k.verbs, "create") }
func (k *kind) collection() string  { return k.base() + "/" + k.resource }
func (k *kind) in(ns string) string { return k.base() + k.inside(ns) + "/" + k.resource }
func (k *kind) inside(ns string) string {
	if !k.namespaced || ns == "" {
		return ""
	}
	return "/namespaces/" + ns
}

func (k *kind) at(namespace, name string) string { return k.in(namespace) + "/" + name }

// discover reads the kinds of the groups from legacy discovery, which is what all
// clients understand.
func (s *suite) discover(t *testing.T, p *path) []*kind {
	var kinds []*kind
	for group := range strings.SplitSeq(*groupsFlag, ",") {
		found := p.send(t, request{method: http.MethodGet, path: "/apis/" + group})
		require.Equal(t, http.StatusOK, found.code, found)
		for _, version := range items(found.json(t), "versions") {
			kinds = append(kinds, s.discoverVersion(t, p, group, version["version"].(string))...)
		}
	}
	byKey := map[string]*kind{}
	for _, k := range kinds {
		byKey[k.key()] = k
	}
	for _, k := range kinds {
		if k.hasStub && k.stub.source != "" {
			k.source = byKey[k.stub.source]
			require.NotNil(t, k.source, "%s is computed from %s, which is not served", k, k.stub.source)
		}
	}
	return kinds
}

func (s *suite) discoverVersion(t *testing.T, p *path, group, version string) []*kind {
	found := p.send(t, request{method: http.MethodGet, path: "/apis/" + group + "/" + version})
	require.Equal(t, http.StatusOK, found.code, found)
	var kinds []*kind
	resources := items(found.json(t), "resources")
	for _, resource := range resources {
		if name, _ := resource["name"].(string); !strings.Contains(name, "/") {
			k := &kind{group: group, version: version, resource: name}
			k.kind, _ = resource["kind"].(string)
			k.singular, _ = resource["singularName"].(string)
			k.namespaced, _ = resource["namespaced"].(bool)
			k.storageVersionHash, _ = resource["storageVersionHash"].(string)
			k.verbs, k.shortNames, k.categories = words(resource["verbs"]), words(resource["shortNames"]), words(resource["categories"])
			k.stub, k.hasStub = stubs[k.key()]
			k.status = slices.ContainsFunc(resources, func(other map[string]any) bool { return other["name"] == name+"/status" })
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// makeNamespaces makes the namespaces that the kind's stub asks for.
func (k *kind) makeNamespaces(t *testing.T, s *suite, p *path) {
	if k.stub.namesNamespace {
		k.free = make(chan string, namespacePool)
		for range namespacePool {
			k.free <- s.makeNamespace(t, "pool")
		}
	}
	k.own = p.namespace
	// What shows the objects of other kinds would also show those of other checks.
	if k.source != nil && k.namespaced {
		k.own = s.makeNamespace(t, "views")
	}
}

// items is a list of objects in a JSON object.
func items(object map[string]any, field string) []map[string]any {
	list, _ := object[field].([]any)
	result := make([]map[string]any, 0, len(list))
	for _, item := range list {
		if entry, ok := item.(map[string]any); ok {
			result = append(result, entry)
		}
	}
	return result
}

// words is a list of strings.
func words(value any) []string {
	list, _ := value.([]any)
	var result []string
	for _, item := range list {
		result = append(result, fmt.Sprint(item))
	}
	return result
}
