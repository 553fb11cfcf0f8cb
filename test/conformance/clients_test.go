package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"
)

var clientRows = []row{
	{number: 68, name: "all versions of a kind", applies: []condition{writable}, check: allVersions},
	{number: 91, name: "discovery of old clients", check: oldDiscovery},
	{number: 91, name: "reads of old clients", check: oldReads},
	{number: 91, name: "writes of old clients", applies: []condition{writable}, check: oldWrites},
}

// versions are the kind as each version of its group serves it.
func (c *trial) versions() []*kind {
	var found []*kind
	group := c.get("/apis/" + c.kind.group)
	for _, version := range items(group.json(c), "versions") {
		resources := c.get("/apis/" + c.kind.group + "/" + version["version"].(string))
		for _, resource := range items(resources.json(c), "resources") {
			if resource["name"] == c.kind.resource {
				other := *c.kind
				other.version = version["version"].(string)
				found = append(found, &other)
			}
		}
	}
	return found
}

// allVersions writes an object in the version at hand and goes with it through all
// that there are, of which most kinds have but one: nothing is lost on the way, and
// managed fields say which version they are of.
func allVersions(c *trial) {
	object := c.make()
	versions := c.versions()
	require.NotEmpty(c, versions)
	for _, k := range versions {
		other := &trial{TB: c.TB, suite: c.suite, path: c.path, kind: k, id: c.id}
		other.eventually("a PUT of what was read in "+k.version+" to change nothing", func() bool {
			before := c.read(object)
			read := other.read(object)
			require.Equal(c, k.apiVersion(), read.GetAPIVersion())
			answer := other.put(read, "")
			if answer.code == http.StatusConflict {
				return false
			}
			require.Equal(c, http.StatusOK, answer.code, answer)
			after := c.read(object)
			if after.GetResourceVersion() != before.GetResourceVersion() {
				return false
			}
			require.Equal(c, before.Object, after.Object)
			return true
		})
		applied := other.patch(object, applyPatch, encode(c, map[string]any{
			"apiVersion": k.apiVersion(), "kind": k.kind,
			"metadata": map[string]any{"name": object.GetName(), "annotations": map[string]any{"of": k.version}},
		}), "fieldManager", "of-"+k.version, "force", "true")
		require.Equal(c, http.StatusOK, applied.code, applied)
		for _, entry := range c.read(object).GetManagedFields() {
			if entry.Manager == "of-"+k.version {
				require.Equal(c, k.apiVersion(), entry.APIVersion)
			}
		}
	}
}

// What clients of old releases send, as their sources have it.
const (
	// kubectl 1.26 to 1.29 ask for a version of aggregated discovery that is gone, and
	// those before for none.
	acceptDiscovery126 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
	acceptDiscovery130 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
	acceptDiscovery117 = "application/json, */*"
	// kubectl up to 1.26 validates with this document, and finds out whether apply may
	// send strategic merge patches.
	acceptOpenAPIv2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
	acceptTable117  = "application/json;as=Table;v=v1beta1;g=meta.k8s.io, application/json"
	acceptTable121  = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
	acceptTyped     = "application/vnd.kubernetes.protobuf,application/json"
	acceptProtobuf  = "application/vnd.kubernetes.protobuf"
)

func accept(types string) map[string]string { return map[string]string{"Accept": types} }

func oldDiscovery(c *trial) {
	for _, header := range []string{acceptDiscovery117, acceptDiscovery126, acceptDiscovery130} {
		found := c.send(request{method: http.MethodGet, path: "/apis", header: accept(header)})
		require.Equal(c, http.StatusOK, found.code, found)
		switch kind := found.json(c)["kind"]; kind {
		case "APIGroupList":
			require.NotContains(c, found.header.Get("Content-Type"), "as=")
			require.Contains(c, string(found.body), fmt.Sprintf("%q", c.kind.group))
		default:
			require.Equal(c, "APIGroupDiscoveryList", kind)
			require.Contains(c, header, "v=v2;")
			require.Contains(c, found.header.Get("Content-Type"), "v=v2;as=APIGroupDiscoveryList")
		}
		one := c.send(request{method: http.MethodGet, path: c.kind.base(), header: accept(header)})
		require.Equal(c, http.StatusOK, one.code, one)
		require.Equal(c, "APIResourceList", one.json(c)["kind"])
		require.Equal(c, "v1", one.json(c)["apiVersion"])
		require.Equal(c, c.kind.apiVersion(), one.json(c)["groupVersion"])
	}
	// The document is large; it is asked for once.
	if c.kind.key() == dnsGroup+"/domains" {
		document := c.send(request{method: http.MethodGet, path: "/openapi/v2", query: query("timeout", "32s"), header: accept(acceptOpenAPIv2)})
		require.Equal(c, http.StatusOK, document.code)
		require.NotEmpty(c, document.body)
		require.NotEqual(c, byte('{'), document.body[0], "it is protobuf")
		require.Contains(c, string(document.body), c.kind.group)
	}
}

func oldReads(c *trial) {
	if showsObjects(c) == "" {
		c.shown()
	}
	for header, version := range map[string]string{acceptTable117: "meta.k8s.io/v1beta1", acceptTable121: "meta.k8s.io/v1"} {
		found := c.send(request{method: http.MethodGet, path: c.everywhere(), query: query("limit", "500"), header: accept(header)})
		require.Equal(c, http.StatusOK, found.code, found)
		require.Equal(c, "Table", found.json(c)["kind"])
		require.Equal(c, version, found.json(c)["apiVersion"])
	}
	typed := c.send(request{method: http.MethodGet, path: c.everywhere(), header: accept(acceptTyped)})
	require.Equal(c, http.StatusOK, typed.code, typed)
	require.Contains(c, []string{"application/json", acceptProtobuf}, typed.header.Get("Content-Type"))
	if typed.header.Get("Content-Type") == "application/json" {
		// The error is in protobuf: errors can be.
		only := c.send(request{method: http.MethodGet, path: c.everywhere(), header: accept(acceptProtobuf)})
		require.Equal(c, http.StatusNotAcceptable, only.code, only)
	}
	// Informers of client-go 1.17: a list from the cache, then a watch from its version.
	listed := c.get(c.everywhere(), "limit", "500", "resourceVersion", "0")
	require.Equal(c, http.StatusOK, listed.code, listed)
	metadata, _ := listed.json(c)["metadata"].(map[string]any)
	events := c.watch(nil, "allowWatchBookmarks", "true", "resourceVersion", fmt.Sprint(metadata["resourceVersion"]), "timeout", "6m30s", "timeoutSeconds", "390")
	require.Equal(c, http.StatusOK, events.answer.StatusCode)
	// The watch of before list options had a path of its own.
	old := c.send(request{method: http.MethodGet, path: strings.Replace(c.everywhere(), c.kind.base(), c.kind.base()+"/watch", 1), query: query("timeoutSeconds", "1", "resourceVersion", "0")})
	require.Equal(c, http.StatusOK, old.code, old)
}

func oldWrites(c *trial) {
	// kubectl apply of 1.17: it records what it applied, and patches what changes.
	object := c.draft("")
	applied := func() string {
		clean := object.DeepCopy()
		clean.SetAnnotations(nil)
		return encode(c, clean.Object) + "\n"
	}
	const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
	object.SetAnnotations(map[string]string{lastApplied: applied()})
	created := c.create(object)
	require.Equal(c, http.StatusCreated, created.code, created)
	changed := c.changed(object, c.kind.stub.desired)
	object = changed
	annotation, err := json.Marshal(applied())
	require.NoError(c, err)
	difference := map[string]any{}
	require.NoError(c, json.Unmarshal([]byte(c.kind.stub.desired), &difference))
	merge(difference, map[string]any{"metadata": map[string]any{"annotations": map[string]any{lastApplied: json.RawMessage(annotation)}}})
	patched := c.send(request{
		method: http.MethodPatch, path: c.url(object), contentType: mergePatch, body: encode(c, difference),
		header: map[string]string{"Accept": "application/json", "User-Agent": "kubectl/v1.17.17 (linux/amd64) kubernetes/f3abc15"},
	})
	require.Equal(c, http.StatusOK, patched.code, patched)
	require.EqualValues(c, 2, patched.object(c).GetGeneration())
	// A strategic merge patch is refused in a way that tells kubectl to use another.
	strategic := c.patch(object, strategicPatch, `{"metadata":{"labels":{"old":"client"}}}`)
	require.Contains(c, []int{http.StatusOK, http.StatusUnsupportedMediaType}, strategic.code, strategic)
	// kubectl 1.17 diff, and replace with what an older get had.
	read := c.read(object)
	read.SetManagedFields(nil)
	c.eventually("a replace without conflict", func() bool {
		read.SetResourceVersion(c.read(object).GetResourceVersion())
		return c.put(read, "", "dryRun", "All").code == http.StatusOK
	})
	// Typed clients encode options in the group of the kind.
	options := fmt.Sprintf(`{"kind":"DeleteOptions","apiVersion":%q,"propagationPolicy":"Background"}`, c.kind.apiVersion())
	deleted := c.delete(object, options)
	require.Equal(c, http.StatusOK, deleted.code, deleted)
}
