package conformance

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var readRows = []row{
	{number: 26, name: "get", check: getObject},
	{number: 27, name: "table", check: tables},
	{number: 28, name: "partial metadata", check: partialMetadata},
	{number: 28, name: "partial metadata in protobuf", check: partialMetadataProtobuf},
	{number: 29, name: "no metadata support", once: true, applies: []condition{noReviews}, check: func(*trial) {}},
	{number: 30, name: "unknown media types", check: mediaTypes},
	{number: 31, name: "cache control", check: cacheControl},
	{number: 39, name: "resource version format", check: resourceVersionFormat},
}

// noReviews is why row 29 says nothing here.
func noReviews(c *trial) string {
	return "no kind of the groups is without metadata, such as a review is"
}

func getObject(c *trial) {
	absent := c.get(c.kind.in(c.namespace()) + "/absent")
	status := c.refused(absent, http.StatusNotFound)
	require.Equal(c, "NotFound", status["reason"])
	details, _ := status["details"].(map[string]any)
	require.Equal(c, "absent", details["name"])
	require.Equal(c, c.kind.group, details["group"])
	require.Equal(c, c.kind.resource, details["kind"])
	if showsObjects(c) != "" {
		return
	}
	object := c.shown()
	got := c.read(object)
	require.Equal(c, object.GetUID(), got.GetUID())
	require.Equal(c, c.kind.kind, got.GetKind())
	require.Equal(c, c.kind.apiVersion(), got.GetAPIVersion())
}

func as(what string) map[string]string {
	return map[string]string{"Accept": "application/json;as=" + what + ";v=v1;g=meta.k8s.io"}
}

func (c *trial) listAs(what string, pairs ...string) *response {
	c.Helper()
	return c.send(request{method: http.MethodGet, path: c.everywhere(), query: query(pairs...), header: as(what)})
}

func tables(c *trial) {
	shows := showsObjects(c) == ""
	var object *unstructured.Unstructured
	if shows {
		object = c.shown()
	}
	for _, include := range []string{"", "None", "Metadata", "Object"} {
		found := c.listAs("Table", "includeObject", include)
		require.Equal(c, http.StatusOK, found.code, found)
		var table metav1.Table
		require.NoError(c, json.Unmarshal(found.body, &table))
		require.Equal(c, "Table", table.Kind)
		require.NotEmpty(c, table.ResourceVersion)
		require.NotEmpty(c, table.ColumnDefinitions)
		require.Equal(c, "Name", table.ColumnDefinitions[0].Name)
		require.Equal(c, "name", table.ColumnDefinitions[0].Format)
		if shows {
			require.NotEmpty(c, table.Rows)
		}
		for _, line := range table.Rows {
			require.Len(c, line.Cells, len(table.ColumnDefinitions))
			c.tableObject(include, line.Object.Raw)
		}
	}
	c.refused(c.listAs("Table", "includeObject", "garbage"), http.StatusBadRequest, http.StatusUnprocessableEntity)
	if shows {
		c.tableOfOne(object)
	}
}

func (c *trial) tableObject(include string, raw []byte) {
	c.Helper()
	if include == "None" {
		require.Contains(c, []string{"", "null"}, string(raw))
		return
	}
	object := map[string]any{}
	require.NoError(c, json.Unmarshal(raw, &object))
	want := map[string]string{"": "PartialObjectMetadata", "Metadata": "PartialObjectMetadata", "Object": c.kind.kind}
	require.Equal(c, want[include], object["kind"])
}

func (c *trial) tableOfOne(object *unstructured.Unstructured) {
	found := c.send(request{method: http.MethodGet, path: c.url(object), header: as("Table")})
	require.Equal(c, http.StatusOK, found.code, found)
	var table metav1.Table
	require.NoError(c, json.Unmarshal(found.body, &table))
	require.Len(c, table.Rows, 1)
	require.Equal(c, object.GetName(), table.Rows[0].Cells[0])
}

func partialMetadata(c *trial) {
	found := c.listAs("PartialObjectMetadataList")
	require.Equal(c, http.StatusOK, found.code, found)
	content := found.json(c)
	require.Equal(c, "PartialObjectMetadataList", content["kind"])
	require.Equal(c, "meta.k8s.io/v1", content["apiVersion"])
	if showsObjects(c) != "" {
		return
	}
	object := c.shown()
	one := c.send(request{method: http.MethodGet, path: c.url(object), header: as("PartialObjectMetadata")})
	require.Equal(c, http.StatusOK, one.code, one)
	got := one.object(c)
	require.Equal(c, "PartialObjectMetadata", got.GetKind())
	require.Equal(c, object.GetUID(), got.GetUID())
	require.NotContains(c, got.Object, "spec")
	require.NotContains(c, got.Object, "status")
	events := c.watch(as("PartialObjectMetadata"), "resourceVersion", "0")
	for {
		event := events.next()
		require.Equal(c, "PartialObjectMetadata", event.object.GetKind())
		if event.object.GetUID() == object.GetUID() {
			return
		}
	}
}

// partialMetadataProtobuf is how the host's garbage collector and its namespace
// controller ask. An answer in JSON is understood too; an error is not.
func partialMetadataProtobuf(c *trial) {
	found := c.send(request{method: http.MethodGet, path: c.everywhere(), header: map[string]string{
		"Accept": "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
	}})
	require.Equal(c, http.StatusOK, found.code, found)
	kind := found.header.Get("Content-Type")
	require.True(c, strings.Contains(kind, "protobuf") || strings.Contains(kind, "as=PartialObjectMetadataList") || found.json(c)["kind"] == "PartialObjectMetadataList", kind)
}

func mediaTypes(c *trial) {
	c.refused(c.send(request{method: http.MethodGet, path: c.everywhere(), header: map[string]string{"Accept": "application/unknown"}}), http.StatusNotAcceptable)
	if c.kind.readOnly() {
		return
	}
	draft := c.draft("")
	c.refused(c.send(request{
		method: http.MethodPost, path: c.kind.in(draft.GetNamespace()), body: encode(c, draft.Object), contentType: "application/unknown",
	}), http.StatusUnsupportedMediaType)
}

func cacheControl(c *trial) {
	for _, path := range []string{c.everywhere(), c.kind.base(), c.kind.in(c.namespace()) + "/absent"} {
		require.Contains(c, c.get(path).header.Get("Cache-Control"), "private", path)
	}
}

var decimal = regexp.MustCompile(`^[1-9][0-9]*$`)

func resourceVersionFormat(c *trial) {
	before := c.listVersion()
	require.Regexp(c, decimal, before)
	if showsObjects(c) != "" {
		return
	}
	first, second := c.shownNamed("-a"), &unstructured.Unstructured{}
	require.Regexp(c, decimal, first.GetResourceVersion())
	require.True(c, newer(first.GetResourceVersion(), before), "%s is not newer than the list before, %s", first.GetResourceVersion(), before)
	if c.kind.stub.namesNamespace {
		return
	}
	second = c.shownNamed("-b")
	require.True(c, newer(second.GetResourceVersion(), first.GetResourceVersion()))
	require.False(c, newer(second.GetResourceVersion(), c.listVersion()), "a list is not older than what was written before")
}

// newer compares resource versions, which are decimal numbers of any length.
func newer(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

// listVersion is the resource version of the collection now.
func (c *trial) listVersion() string {
	found := c.get(c.everywhere(), "limit", "1")
	require.Equal(c, http.StatusOK, found.code, found)
	metadata, _ := found.json(c)["metadata"].(map[string]any)
	version, _ := metadata["resourceVersion"].(string)
	return version
}
