package conformance

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var applyRows = []row{
	{number: 60, name: "apply needs a field manager", applies: []condition{writable}, check: applyOptions},
	{number: 61, name: "apply creates", applies: []condition{writable}, check: applyCreates},
	{number: 62, name: "apply conflict", applies: []condition{writable}, check: applyConflict},
	{number: 63, name: "apply removal", applies: []condition{writable}, check: applyRemoval},
	{number: 64, name: "associative lists", applies: []condition{writable, hasKeyedList}, check: associativeLists},
	{number: 65, name: "apply version mismatch", applies: []condition{writable}, check: applyMismatch},
	{number: 66, name: "apply to status", applies: []condition{writable, hasStatus}, check: applyStatus},
	{number: 67, name: "managed fields", applies: []condition{writable}, check: managedFields},
}

func hasKeyedList(c *trial) string {
	if c.kind.stub.keyed == nil {
		return "no list of what is asked for has keys"
	}
	return ""
}

func applyOptions(c *trial) {
	intent := c.draft("")
	c.refused(c.patch(intent, applyPatch, encode(c, intent.Object)), http.StatusUnprocessableEntity)
	object := c.make()
	c.refused(c.patch(object, mergePatch, `{}`, "force", "true"), http.StatusUnprocessableEntity)
}

func applyCreates(c *trial) {
	intent := c.draft("")
	created := c.apply(intent, "one")
	require.Equal(c, http.StatusCreated, created.code, created)
	entry := created.object(c).GetManagedFields()[0]
	require.Equal(c, "one", entry.Manager)
	require.EqualValues(c, "Apply", entry.Operation)
	other := c.draft("-uid")
	if c.kind.stub.namesNamespace {
		c.drop(intent)
	}
	other.SetUID("00000000-0000-0000-0000-000000000000")
	c.refused(c.apply(other, "one"), http.StatusConflict)
}

func (c *trial) annotated(object *unstructured.Unstructured, pairs ...string) *unstructured.Unstructured {
	result := object.DeepCopy()
	annotations := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		annotations[pairs[i]] = pairs[i+1]
	}
	result.SetAnnotations(annotations)
	return result
}

func applyConflict(c *trial) {
	intent := c.draft("")
	require.Equal(c, http.StatusCreated, c.apply(c.annotated(intent, "a", "one"), "one").code)
	refused := c.apply(c.annotated(intent, "a", "two"), "two")
	status := c.refused(refused, http.StatusConflict)
	details, _ := status["details"].(map[string]any)
	causes := items(details, "causes")
	require.NotEmpty(c, causes, refused)
	require.Equal(c, "FieldManagerConflict", causes[0]["reason"])
	require.Equal(c, ".metadata.annotations.a", causes[0]["field"])
	require.Contains(c, causes[0]["message"], `"one"`)
	forced := c.apply(c.annotated(intent, "a", "two"), "two", "force", "true")
	require.Equal(c, http.StatusOK, forced.code, forced)
	require.Equal(c, "two", forced.object(c).GetAnnotations()["a"])
	c.refused(c.apply(c.annotated(intent, "a", "one"), "one"), http.StatusConflict)

	// What is asked for is owned as well.
	changed := c.changed(intent, c.kind.stub.desired)
	answer := c.patch(changed, applyPatch, encode(c, changed.Object), "fieldManager", "three", "force", "true")
	require.Equal(c, http.StatusOK, answer.code, answer)
	require.EqualValues(c, 2, answer.object(c).GetGeneration(), answer)
}

func applyRemoval(c *trial) {
	intent := c.draft("")
	both := c.annotated(intent, "shared", "x", "own", "y")
	require.Equal(c, http.StatusCreated, c.apply(both, "one").code)
	shared := c.annotated(intent, "shared", "x")
	require.Equal(c, http.StatusOK, c.apply(shared, "two").code)
	left := c.apply(intent, "one")
	require.Equal(c, http.StatusOK, left.code, left)
	require.Equal(c, "x", left.object(c).GetAnnotations()["shared"], "another manager has it too")
	require.NotContains(c, left.object(c).GetAnnotations(), "own")
	gone := c.apply(intent, "two")
	require.NotContains(c, gone.object(c).GetAnnotations(), "shared")
}

func associativeLists(c *trial) {
	keyed := c.kind.stub.keyed
	with := func(entries ...any) *unstructured.Unstructured {
		object := c.draft("")
		require.NoError(c, unstructured.SetNestedSlice(object.Object, entries, keyed.path...))
		return object
	}
	entries := func(answer *response) []string {
		require.Contains(c, []int{http.StatusOK, http.StatusCreated}, answer.code, answer)
		list, _, err := unstructured.NestedSlice(answer.object(c).Object, keyed.path...)
		require.NoError(c, err)
		var names []string
		for _, entry := range list {
			names = append(names, fmt.Sprint(entry.(map[string]any)[keyed.key]))
		}
		return names
	}
	first, second := fmt.Sprint(keyed.first[keyed.key]), fmt.Sprint(keyed.second[keyed.key])
	require.Contains(c, entries(c.apply(with(keyed.first), "one")), first)
	both := entries(c.apply(with(keyed.second), "two"))
	require.Contains(c, both, first, "entries of two managers are merged by key")
	require.Contains(c, both, second)
	left := entries(c.apply(with(keyed.second), "one"))
	require.NotContains(c, left, first)
	require.Contains(c, left, second)
	duplicates := with(keyed.first, keyed.first)
	c.refused(c.apply(duplicates, "one"), http.StatusInternalServerError, http.StatusBadRequest, http.StatusUnprocessableEntity)
}

func applyMismatch(c *trial) {
	intent := c.draft("")
	url := c.url(intent)
	intent.SetAPIVersion(c.kind.group + "/v9")
	c.refused(c.patchAt(url, applyPatch, encode(c, intent.Object), "fieldManager", "one"), http.StatusBadRequest)
}

func applyStatus(c *trial) {
	object := c.make()
	body := map[string]any{"apiVersion": c.kind.apiVersion(), "kind": c.kind.kind, "status": statusOf(c)}
	answer := c.patchAt(c.url(object)+"/status", applyPatch, encode(c, body), "fieldManager", "reporter", "force", "true")
	require.Equal(c, http.StatusOK, answer.code, answer)
	for _, entry := range answer.object(c).GetManagedFields() {
		if entry.Manager == "reporter" {
			require.Equal(c, "status", entry.Subresource)
			require.EqualValues(c, "Apply", entry.Operation)
			require.NotContains(c, string(entry.FieldsV1.GetRawBytes()), `"f:spec"`)
			return
		}
	}
	require.Fail(c, "no managed fields for the status", answer)
}

func managedFields(c *trial) {
	object := c.make()
	require.NotEmpty(c, object.GetManagedFields())
	cleared := c.patch(object, mergePatch, `{"metadata":{"managedFields":[{}]}}`)
	require.Equal(c, http.StatusOK, cleared.code, cleared)
	for _, entry := range cleared.object(c).GetManagedFields() {
		require.False(c, strings.HasPrefix(entry.Manager, "Go-http-client"), "managed fields were cleared: %s", cleared)
	}
	malformed := c.patch(object, mergePatch, `{"metadata":{"managedFields":[{"manager":"m","operation":"Update","apiVersion":"garbage","fieldsType":"FieldsV1","fieldsV1":{"x:y":{}}}],"labels":{"malformed":"yes"}}}`)
	require.Equal(c, http.StatusOK, malformed.code, malformed)
	require.Equal(c, "yes", malformed.object(c).GetLabels()["malformed"])
}
