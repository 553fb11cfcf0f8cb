package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var patchRows = []row{
	{number: 56, name: "patch types", applies: []condition{writable}, check: patchTypes},
	{number: 57, name: "invalid merged object", applies: []condition{writable}, check: invalidMerged},
	{number: 58, name: "concurrent patches", applies: []condition{writable}, check: concurrentPatches},
	{number: 59, name: "JSON patch that does not apply", applies: []condition{writable}, check: failedJSONPatch},
	{number: 69, name: "dry run", applies: []condition{writable}, check: dryRun},
	{number: 70, name: "owner references", applies: []condition{writable}, check: ownerReferences},
	{number: 71, name: "finalizers", applies: []condition{writable}, check: finalizers},
}

func patchTypes(c *trial) {
	object := c.make()
	for i, patch := range [][2]string{
		{jsonPatch, `[{"op":"add","path":"/metadata/labels/step","value":"%d"}]`},
		{mergePatch, `{"metadata":{"labels":{"step":"%d"}}}`},
		{strategicPatch, `{"metadata":{"labels":{"step":"%d"}}}`},
	} {
		answer := c.patch(object, patch[0], fmt.Sprintf(patch[1], i))
		if patch[0] == strategicPatch && answer.code == http.StatusUnsupportedMediaType {
			continue // as for kinds without a Go type
		}
		require.Equal(c, http.StatusOK, answer.code, answer)
		require.Equal(c, fmt.Sprint(i), answer.object(c).GetLabels()["step"])
	}
	c.refused(c.patch(object, "application/unknown", `{}`), http.StatusUnsupportedMediaType)
}

func invalidMerged(c *trial) {
	object := c.make()
	for _, kind := range []string{mergePatch, strategicPatch} {
		answer := c.patch(object, kind, `{"metadata":{"annotations":{"a":["b"]}}}`)
		if kind == strategicPatch && answer.code == http.StatusUnsupportedMediaType {
			continue
		}
		c.refused(answer, http.StatusUnprocessableEntity, http.StatusBadRequest)
	}
	require.NotContains(c, c.read(object).GetAnnotations(), "a")
}

func concurrentPatches(c *trial) {
	const writers = 20
	object := c.make()
	var group sync.WaitGroup
	answers := make([]*response, writers)
	for i := range writers {
		group.Go(func() {
			answers[i] = c.patch(object, mergePatch, fmt.Sprintf(`{"metadata":{"labels":{"writer-%d":"yes"}}}`, i))
		})
	}
	group.Wait()
	labels := c.read(object).GetLabels()
	for i, answer := range answers {
		require.Contains(c, []int{http.StatusOK, http.StatusConflict}, answer.code, answer)
		if answer.code == http.StatusOK {
			require.Equal(c, "yes", labels[fmt.Sprintf("writer-%d", i)], "an acknowledged patch was lost")
		}
	}
}

func failedJSONPatch(c *trial) {
	object := c.make()
	for _, operations := range []string{
		`[{"op":"test","path":"/metadata/name","value":"other"},{"op":"add","path":"/metadata/labels/lost","value":"a"}]`,
		`[{"op":"add","path":"/metadata/labels/lost","value":"a"},{"op":"replace","path":"/absent/field","value":"a"}]`,
	} {
		c.refused(c.patch(object, jsonPatch, operations), http.StatusUnprocessableEntity)
	}
	c.refused(c.patch(object, jsonPatch, `{"not":"a list"}`), http.StatusBadRequest)
	require.NotContains(c, c.read(object).GetLabels(), "lost")
}

// dryRun checks that nothing of a dry run stays. That members see nothing follows:
// they are written to by what is stored.
func dryRun(c *trial) {
	draft := c.draft("-draft")
	created := c.create(draft, "dryRun", "All")
	require.Equal(c, http.StatusCreated, created.code, created)
	require.NotEmpty(c, created.object(c).GetUID())
	require.Equal(c, http.StatusNotFound, c.get(c.url(draft)).code)

	applied := c.patch(draft, applyPatch, encode(c, draft.Object), "fieldManager", "one", "dryRun", "All")
	require.Equal(c, http.StatusCreated, applied.code, applied)
	require.Equal(c, http.StatusNotFound, c.get(c.url(draft)).code)

	object := c.make()
	label := func(o *unstructured.Unstructured) {
		labels := o.GetLabels()
		labels["dry"] = "yes"
		o.SetLabels(labels)
	}
	c.eventually("an update without conflict", func() bool {
		current := c.read(object)
		label(current)
		answer := c.put(current, "", "dryRun", "All")
		if answer.code == http.StatusConflict {
			return false
		}
		require.Equal(c, http.StatusOK, answer.code, answer)
		require.Equal(c, "yes", answer.object(c).GetLabels()["dry"])
		return true
	})
	patched := c.patch(object, mergePatch, `{"metadata":{"labels":{"dry":"yes"}}}`, "dryRun", "All")
	require.Equal(c, http.StatusOK, patched.code, patched)
	require.Equal(c, "yes", patched.object(c).GetLabels()["dry"])
	require.NotContains(c, c.read(object).GetLabels(), "dry")

	deleted := c.delete(object, "", "dryRun", "All")
	require.Equal(c, http.StatusOK, deleted.code, deleted)
	all := c.send(request{method: http.MethodDelete, path: c.kind.in(c.namespace()), query: query("labelSelector", c.selector(), "dryRun", "All")})
	require.Equal(c, http.StatusOK, all.code, all)
	left := c.read(object)
	require.Nil(c, left.GetDeletionTimestamp())
	require.Equal(c, object.GetUID(), left.GetUID())
}

func ownerReferences(c *trial) {
	object := c.draft("")
	require.NoError(c, unstructured.SetNestedSlice(object.Object, []any{
		map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "1"},
		map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "1"},
	}, "metadata", "ownerReferences"))
	// Nothing is stored: the garbage collector would find the owner gone.
	answer := c.create(object, "dryRun", "All")
	require.Equal(c, http.StatusCreated, answer.code, answer)
	require.Len(c, answer.object(c).GetOwnerReferences(), 1)
	require.Contains(c, strings.Join(answer.header.Values("Warning"), "\n"), "UID")
	incomplete := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "uid": "1"}
	require.NoError(c, unstructured.SetNestedSlice(object.Object, []any{incomplete}, "metadata", "ownerReferences"))
	answer = c.create(object, "dryRun", "All")
	c.refused(answer, http.StatusUnprocessableEntity)
	c.mentions(answer, "metadata.ownerReferences")
}

const keep = "example.com/keep"

func finalizers(c *trial) {
	draft := c.draft("")
	draft.SetFinalizers([]string{"unqualified"})
	answer := c.create(draft)
	c.refused(answer, http.StatusUnprocessableEntity)
	c.mentions(answer, "metadata.finalizers")

	draft.SetFinalizers([]string{keep})
	object := c.store(draft)
	require.Equal(c, http.StatusOK, c.delete(object, "").code)
	going := c.read(object)
	require.NotNil(c, going.GetDeletionTimestamp())
	late := c.patch(object, jsonPatch, `[{"op":"add","path":"/metadata/finalizers/-","value":"example.com/late"}]`)
	c.refused(late, http.StatusUnprocessableEntity)
	require.Contains(c, string(late.body), "no new finalizers can be added")
}
