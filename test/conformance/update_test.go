package conformance

import (
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var updateRows = []row{
	{number: 49, name: "stale resourceVersion", applies: []condition{writable}, check: staleVersion},
	{number: 50, name: "no resourceVersion", applies: []condition{writable}, check: noVersion},
	{number: 51, name: "wrong UID", applies: []condition{writable}, check: wrongUID},
	{number: 52, name: "name and namespace mismatch", applies: []condition{writable}, check: mismatch},
	{number: 53, name: "no-op writes", applies: []condition{writable}, check: noOp},
	{number: 54, name: "generation", applies: []condition{writable}, check: generation},
	{number: 54, name: "generation and status", applies: []condition{writable, hasStatus}, check: generationOfStatus},
	{number: 55, name: "the resource leaves status alone", applies: []condition{writable, hasStatus}, check: specLeavesStatus},
	{number: 55, name: "status leaves the rest alone", applies: []condition{writable, hasStatus}, check: statusLeavesRest},
}

func staleVersion(c *trial) {
	object := c.make()
	c.label(object, "step", "one")
	object.SetAnnotations(map[string]string{"a": "b"})
	status := c.refused(c.put(object, ""), http.StatusConflict)
	require.Equal(c, "Conflict", status["reason"])
	require.Empty(c, c.read(object).GetAnnotations()["a"])
}

// noVersion: Kubernetes' own stores answer 422, its newest tests want a conflict.
// What must not be is an overwrite.
func noVersion(c *trial) {
	object := c.make()
	c.label(object, "step", "one")
	object.SetResourceVersion("")
	c.refused(c.put(object, ""), http.StatusUnprocessableEntity, http.StatusConflict)
	if c.kind.status {
		c.refused(c.put(object, "/status"), http.StatusUnprocessableEntity, http.StatusConflict)
	}
	require.Equal(c, "one", c.read(object).GetLabels()["step"])
}

func wrongUID(c *trial) {
	object := c.make()
	var answer *response
	c.eventually("the UID to be what is refused", func() bool {
		other := c.read(object)
		other.SetUID("00000000-0000-0000-0000-000000000000")
		answer = c.put(other, "")
		c.refused(answer, http.StatusConflict)
		return strings.Contains(string(answer.body), "UID")
	})
}

func mismatch(c *trial) {
	object := c.make()
	url := c.url(object)
	other := object.DeepCopy()
	other.SetName(object.GetName() + "x")
	c.refused(c.send(request{method: http.MethodPut, path: url, body: encode(c, other.Object)}), http.StatusBadRequest)
	if c.kind.namespaced {
		other = object.DeepCopy()
		other.SetNamespace("other")
		c.refused(c.send(request{method: http.MethodPut, path: url, body: encode(c, other.Object)}), http.StatusBadRequest)
	}
}

// quietly checks that a write changes nothing. Controllers may write to a new object
// too, so it is done until nothing else happened between.
func (c *trial) quietly(object *unstructured.Unstructured, what string, write func(current *unstructured.Unstructured) *response) {
	c.Helper()
	c.eventually(what+" to change nothing", func() bool {
		current := c.read(object)
		answer := write(current)
		if answer.code == http.StatusConflict {
			return false
		}
		require.Equal(c, http.StatusOK, answer.code, answer)
		after := answer.object(c)
		if after.GetResourceVersion() != current.GetResourceVersion() {
			return false
		}
		require.Equal(c, current.GetManagedFields(), after.GetManagedFields())
		return true
	})
}

func noOp(c *trial) {
	object := c.make()
	c.quietly(object, "an identical PUT", func(current *unstructured.Unstructured) *response { return c.put(current, "") })
	c.quietly(object, "an empty merge patch", func(*unstructured.Unstructured) *response { return c.patch(object, mergePatch, `{}`) })
	c.quietly(object, "a merge patch of what is there", func(current *unstructured.Unstructured) *response {
		return c.patch(object, mergePatch, encode(c, map[string]any{"metadata": map[string]any{"labels": current.GetLabels()}}))
	})
	intent := c.draft("-applied")
	if c.kind.stub.namesNamespace {
		intent = c.draft("")
		c.drop(object)
	}
	applied := c.apply(intent, "one")
	require.Equal(c, http.StatusCreated, applied.code, applied)
	c.quietly(intent, "an identical apply", func(*unstructured.Unstructured) *response { return c.apply(intent, "one") })
}

func generation(c *trial) {
	object := c.make()
	require.EqualValues(c, 1, object.GetGeneration())
	require.EqualValues(c, 1, c.label(object, "a", "b").GetGeneration(), "a label is not what is asked for")
	changed := c.patch(object, mergePatch, c.kind.stub.desired)
	require.Equal(c, http.StatusOK, changed.code, changed)
	require.EqualValues(c, 2, changed.object(c).GetGeneration(), changed)
	again := c.patch(object, mergePatch, c.kind.stub.desired)
	require.EqualValues(c, 2, again.object(c).GetGeneration(), again)
	forged := c.patch(object, mergePatch, `{"metadata":{"generation":70}}`)
	require.Equal(c, http.StatusOK, forged.code, forged)
	require.EqualValues(c, 2, forged.object(c).GetGeneration(), forged)
}

func generationOfStatus(c *trial) {
	object := c.make()
	written := c.update(object, "/status", func(o *unstructured.Unstructured) { o.Object["status"] = statusOf(c) })
	require.Equal(c, http.StatusOK, written.code, written)
	require.EqualValues(c, 1, written.object(c).GetGeneration())
}

// has checks that status has the fields that were written.
func (c *trial) has(status map[string]any) {
	c.Helper()
	for field := range statusOf(c) {
		require.Contains(c, status, field)
	}
}

func specLeavesStatus(c *trial) {
	object := c.make()
	marked := func(o *unstructured.Unstructured) {
		o.Object["status"] = statusOf(c)
		o.SetAnnotations(map[string]string{"a": "b"})
	}
	var before, after *unstructured.Unstructured
	c.eventually("an update without another between", func() bool {
		before = c.read(object)
		sent := before.DeepCopy()
		marked(sent)
		answer := c.put(sent, "")
		if answer.code == http.StatusConflict {
			return false
		}
		require.Equal(c, http.StatusOK, answer.code, answer)
		after = answer.object(c)
		return true
	})
	require.Equal(c, "b", after.GetAnnotations()["a"])
	require.Equal(c, before.Object["status"], after.Object["status"])
	patched := c.patch(object, mergePatch, encode(c, map[string]any{"status": statusOf(c), "metadata": map[string]any{"resourceVersion": after.GetResourceVersion()}}))
	if patched.code != http.StatusConflict {
		require.Equal(c, http.StatusOK, patched.code, patched)
		require.Equal(c, after.Object["status"], patched.object(c).Object["status"])
	}
}

func statusLeavesRest(c *trial) {
	object := c.make()
	meddle := func(o *unstructured.Unstructured) {
		merge(o.Object, c.changed(&unstructured.Unstructured{Object: map[string]any{}}, c.kind.stub.desired).Object)
		labels := o.GetLabels()
		labels["meddled"] = "yes"
		o.SetLabels(labels)
		o.SetAnnotations(map[string]string{"meddled": "yes"})
		o.SetFinalizers(append(o.GetFinalizers(), "example.com/meddled"))
		o.Object["status"] = statusOf(c)
	}
	var before *unstructured.Unstructured
	check := func(answer *response) {
		require.Equal(c, http.StatusOK, answer.code, answer)
		after := answer.object(c)
		c.has(after.Object["status"].(map[string]any))
		require.Equal(c, before.Object["spec"], after.Object["spec"])
		require.Equal(c, before.GetLabels(), after.GetLabels())
		require.Equal(c, before.GetAnnotations(), after.GetAnnotations())
		require.Equal(c, before.GetFinalizers(), after.GetFinalizers())
		require.EqualValues(c, 1, after.GetGeneration())
	}
	check(c.update(object, "/status", func(o *unstructured.Unstructured) {
		before = o.DeepCopy()
		meddle(o)
	}))
	sent := map[string]any{"metadata": map[string]any{"labels": map[string]any{"meddled": "yes"}}, "status": statusOf(c)}
	merge(sent, c.changed(&unstructured.Unstructured{Object: map[string]any{}}, c.kind.stub.desired).Object)
	// A controller may write between what is read and what is sent, which the resource version tells.
	patched := func(contentType string, query ...string) *response {
		var answer *response
		c.eventually("a patch without another write between", func() bool {
			before = c.read(object)
			merge(sent, map[string]any{"metadata": map[string]any{"resourceVersion": before.GetResourceVersion()}})
			answer = c.patchAt(c.url(object)+"/status", contentType, encode(c, sent), query...)
			return answer.code != http.StatusConflict
		})
		return answer
	}
	check(patched(mergePatch))
	merge(sent, map[string]any{"apiVersion": c.kind.apiVersion(), "kind": c.kind.kind})
	check(patched(applyPatch, "fieldManager", "status-writer", "force", "true"))
}
