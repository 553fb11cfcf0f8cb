package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var createRows = []row{
	{number: 10, name: "create", applies: []condition{writable}, check: create},
	{number: 11, name: "generateName", applies: []condition{writable, freeName}, check: generateName},
	{number: 12, name: "create twice", applies: []condition{writable}, check: createTwice},
	{number: 13, name: "concurrent creates of one name", applies: []condition{writable}, check: concurrentCreates},
	{number: 14, name: "status on create", applies: []condition{writable, hasStatus}, check: statusOnCreate},
	{number: 15, name: "PUT does not create", applies: []condition{writable}, check: putDoesNotCreate},
	{number: 16, name: "resourceVersion on create", applies: []condition{writable}, check: func(c *trial) {
		object := c.draft("")
		object.SetResourceVersion("1")
		// The generic store says so in a plain error, which is a 500, and so does Kubernetes.
		c.refused(c.create(object), http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError)
	}},
	{number: 17, name: "wrong kind in the body", applies: []condition{writable}, check: wrongKind},
	{number: 18, name: "namespace mismatch", applies: []condition{writable, inNamespace}, check: func(c *trial) {
		object := c.draft("")
		path := c.kind.in(object.GetNamespace())
		object.SetNamespace("other")
		c.refused(c.send(request{method: http.MethodPost, path: path, body: encode(c, object.Object)}), http.StatusBadRequest)
	}},
	{number: 19, name: "missing namespace", applies: []condition{writable, inNamespace}, check: func(c *trial) {
		object := c.draft("")
		object.SetNamespace("absent-" + c.suite.run)
		if c.kind.stub.namesNamespace {
			object.SetName(object.GetNamespace())
		}
		c.refused(c.create(object), http.StatusNotFound)
	}},
	{number: 20, name: "terminating namespace", applies: []condition{writable, inNamespace}, check: terminatingNamespace},
	{number: 21, name: "unknown fields", applies: []condition{writable}, check: unknownFields},
	{number: 22, name: "duplicate fields", applies: []condition{writable}, check: duplicateFields},
	{number: 23, name: "bad option values", applies: []condition{writable}, check: badOptions},
	{number: 24, name: "invalid name", applies: []condition{writable, freeName}, check: invalidName},
	{number: 25, name: "label and annotation limits", applies: []condition{writable}, check: metadataLimits},
}

func create(c *trial) {
	draft := c.draft("")
	object := c.store(draft)
	require.Equal(c, draft.GetName(), object.GetName())
	require.Equal(c, draft.GetNamespace(), object.GetNamespace())
	require.Equal(c, c.kind.apiVersion(), object.GetAPIVersion())
	require.Equal(c, c.kind.kind, object.GetKind())
	require.NotEmpty(c, object.GetUID())
	require.NotEmpty(c, object.GetResourceVersion())
	created := object.GetCreationTimestamp()
	require.False(c, created.IsZero())
	require.EqualValues(c, 1, object.GetGeneration())
	require.NotEmpty(c, object.GetManagedFields())
}

func generateName(c *trial) {
	object := c.draft("")
	prefix := object.GetName() + "-"
	object.SetName("")
	object.SetGenerateName(prefix)
	first, second := c.store(object), c.store(object)
	require.True(c, strings.HasPrefix(first.GetName(), prefix), first.GetName())
	require.Greater(c, len(first.GetName()), len(prefix))
	require.NotEqual(c, first.GetName(), second.GetName())
	require.Equal(c, prefix, first.GetGenerateName())
}

func createTwice(c *trial) {
	object := c.draft("")
	c.store(object)
	status := c.refused(c.create(object), http.StatusConflict)
	require.Equal(c, "AlreadyExists", status["reason"])
	details, _ := status["details"].(map[string]any)
	require.Equal(c, object.GetName(), details["name"])
	require.Equal(c, c.kind.group, details["group"])
	require.Equal(c, c.kind.resource, details["kind"])
}

func concurrentCreates(c *trial) {
	const writers = 20
	object := c.draft("")
	body := encode(c, object.Object)
	var group sync.WaitGroup
	answers := make([]*response, writers)
	for i := range writers {
		group.Go(func() {
			answers[i] = c.send(request{method: http.MethodPost, path: c.kind.in(object.GetNamespace()), body: body})
		})
	}
	group.Wait()
	codes := map[int]int{}
	for _, answer := range answers {
		codes[answer.code]++
	}
	c.removeLater(c.kind, object)
	require.Equal(c, map[int]int{http.StatusCreated: 1, http.StatusConflict: writers - 1}, codes)
}

// statusOf is the status of the stub.
func statusOf(c *trial) map[string]any {
	status := map[string]any{}
	require.NoError(c, yaml.Unmarshal([]byte(c.kind.stub.status), &status))
	require.NotEmpty(c, status, "the stub of %s has no status", c.kind)
	return status
}

func statusOnCreate(c *trial) {
	plain := c.store(c.draft("-a"))
	if c.kind.stub.namesNamespace {
		c.remove(c.kind, plain.GetNamespace(), plain.GetName())
	}
	object := c.draft("-b")
	object.Object["status"] = statusOf(c)
	created := c.create(object)
	require.Equal(c, http.StatusCreated, created.code, created)
	for field, value := range statusOf(c) {
		got, present := created.object(c).Object["status"].(map[string]any)
		if present && field != "conditions" {
			require.NotEqual(c, value, got[field], "status.%s of a new object is not the client's", field)
		}
	}
	// What the server itself says of a new object, it says of both.
	want, _ := plain.Object["status"].(map[string]any)
	got, _ := created.object(c).Object["status"].(map[string]any)
	require.Equal(c, conditionTypes(want), conditionTypes(got))
}

func conditionTypes(status map[string]any) []any {
	var types []any
	for _, condition := range items(status, "conditions") {
		types = append(types, condition["type"])
	}
	return types
}

func putDoesNotCreate(c *trial) {
	object := c.draft("")
	c.refused(c.put(object, ""), http.StatusNotFound)
	require.Equal(c, http.StatusNotFound, c.get(c.url(object)).code)
}

func wrongKind(c *trial) {
	object := c.draft("")
	object.SetKind("Unknown")
	c.refused(c.create(object), http.StatusBadRequest)
	object = c.draft("")
	object.SetAPIVersion("example.com/v1")
	c.refused(c.create(object), http.StatusBadRequest)
}

func terminatingNamespace(c *trial) {
	object := c.draft("")
	object.SetNamespace(c.path.terminating)
	if c.kind.stub.namesNamespace {
		object.SetName(c.path.terminating)
	}
	// The server may learn of it a moment later.
	var answer *response
	c.eventually("the namespace to be closed", func() bool {
		answer = c.create(object, "dryRun", "All")
		return answer.code != http.StatusCreated
	})
	status := c.refused(answer, http.StatusForbidden)
	details, _ := status["details"].(map[string]any)
	var reasons []any
	for _, cause := range items(details, "causes") {
		reasons = append(reasons, cause["reason"])
	}
	require.Contains(c, reasons, "NamespaceTerminating", answer)
}

func unknownFields(c *trial) {
	for _, path := range [][]string{{"spec", "unknownField"}, {"metadata", "unknownField"}, {"unknownField"}} {
		if _, hasSpec := c.draft("").Object["spec"]; !hasSpec && path[0] == "spec" {
			continue
		}
		object := c.draft("")
		require.NoError(c, unstructured.SetNestedField(object.Object, "value", path...))
		name := strings.Join(path, ".")
		strict := c.create(object, "fieldValidation", "Strict", "dryRun", "All")
		c.refused(strict, http.StatusBadRequest)
		require.Contains(c, string(strict.body), fmt.Sprintf(`unknown field \"%s\"`, name))
		warned := c.create(object, "fieldValidation", "Warn", "dryRun", "All")
		require.Equal(c, http.StatusCreated, warned.code, warned)
		require.Contains(c, strings.Join(warned.header.Values("Warning"), "\n"), name)
		ignored := c.create(object, "fieldValidation", "Ignore", "dryRun", "All")
		require.Equal(c, http.StatusCreated, ignored.code, ignored)
		require.NotContains(c, strings.Join(ignored.header.Values("Warning"), "\n"), "unknownField")
	}
}

func duplicateFields(c *trial) {
	object := c.draft("")
	body := strings.Replace(encode(c, object.Object), `"metadata":{`, `"metadata":{"annotations":{"a":"1"},"annotations":{"a":"2"},`, 1)
	send := func(validation string) *response {
		return c.send(request{method: http.MethodPost, path: c.kind.in(object.GetNamespace()), query: query("fieldValidation", validation, "dryRun", "All"), body: body})
	}
	strict := send("Strict")
	c.refused(strict, http.StatusBadRequest)
	require.Contains(c, string(strict.body), "duplicate field")
	warned := send("Warn")
	require.Equal(c, http.StatusCreated, warned.code, warned)
	require.Contains(c, strings.Join(warned.header.Values("Warning"), "\n"), "duplicate field")
}

func badOptions(c *trial) {
	object := c.draft("")
	for _, pair := range [][]string{
		{"fieldValidation", "x"}, {"dryRun", "x"},
		{"fieldManager", strings.Repeat("m", 129)}, {"fieldManager", "a\u0007b"},
	} {
		c.refused(c.create(object, pair...), http.StatusUnprocessableEntity)
	}
}

func invalidName(c *trial) {
	names := []string{"a/b", "..", "A_b", strings.Repeat("a", 254)}
	if c.kind.stub.segmentName {
		// A name that can stand in a path is enough, as for the target.
		names = names[:2]
	}
	for _, name := range names {
		object := c.draft("")
		object.SetName(name)
		answer := c.create(object)
		c.refused(answer, http.StatusUnprocessableEntity)
		c.mentions(answer, "metadata.name")
	}
}

func metadataLimits(c *trial) {
	object := c.draft("")
	object.SetLabels(map[string]string{"a": strings.Repeat("v", 64)})
	answer := c.create(object)
	c.refused(answer, http.StatusUnprocessableEntity)
	c.mentions(answer, "metadata.labels")
	object = c.draft("")
	object.SetAnnotations(map[string]string{"a": strings.Repeat("v", 256<<10)})
	answer = c.create(object)
	c.refused(answer, http.StatusUnprocessableEntity)
	c.mentions(answer, "metadata.annotations")
}
