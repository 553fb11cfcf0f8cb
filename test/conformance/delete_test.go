package conformance

import (
	"fmt"
	"net/http"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var deleteRows = []row{
	{number: 72, name: "delete", applies: []condition{writable}, check: deletePlain},
	{number: 72, name: "delete with a finalizer", applies: []condition{writable}, check: deleteWithFinalizer},
	{number: 73, name: "propagation policy", applies: []condition{writable}, check: propagationPolicy},
	{number: 74, name: "grace period", applies: []condition{writable}, check: gracePeriod},
	{number: 75, name: "preconditions", applies: []condition{writable}, check: preconditions},
	{number: 76, name: "deletecollection", applies: []condition{needs("deletecollection", "create")}, check: deleteCollection},
	{number: 76, name: "namespace deletion", once: true, applies: []condition{throughHost}, check: namespaceDeletion},
	{number: 77, name: "last finalizer", applies: []condition{writable}, check: lastFinalizer},
}

// throughHost is the condition that the row is checked on this path alone.
func throughHost(c *trial) string {
	if c.path.name != aggregated {
		return "namespaces are the host's"
	}
	return ""
}

func deletePlain(c *trial) {
	object := c.make()
	answer := c.delete(object, "")
	require.Equal(c, http.StatusOK, answer.code, answer)
	c.eventually("the object to go", func() bool { return c.get(c.url(object)).code == http.StatusNotFound })
	c.refused(c.delete(object, ""), http.StatusNotFound)
}

// held makes an object that a finalizer holds.
func (c *trial) held(suffix string) *unstructured.Unstructured {
	c.Helper()
	draft := c.draft(suffix)
	draft.SetFinalizers([]string{keep})
	return c.store(draft)
}

func deleteWithFinalizer(c *trial) {
	object := c.held("")
	answer := c.delete(object, "")
	require.Equal(c, http.StatusOK, answer.code, answer)
	going := c.read(object)
	require.NotNil(c, going.GetDeletionTimestamp())
	require.Contains(c, going.GetFinalizers(), keep)
	// An old client that waits for dependents is told that it is not done.
	again := c.delete(object, `{"apiVersion":"v1","kind":"DeleteOptions","orphanDependents":false}`)
	require.Equal(c, http.StatusAccepted, again.code, again)
}

func deleteOptions(fields string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"DeleteOptions",%s}`, fields)
}

func propagationPolicy(c *trial) {
	policies := []struct{ options, finalizer string }{
		{`"propagationPolicy":"Foreground"`, "foregroundDeletion"},
		{`"propagationPolicy":"Orphan"`, "orphan"},
		{`"propagationPolicy":"Background"`, ""},
		{"", ""},
	}
	for i, policy := range policies {
		object := c.held(fmt.Sprintf("-%d", i))
		body := ""
		if policy.options != "" {
			body = deleteOptions(policy.options)
		}
		answer := c.delete(object, body)
		require.Contains(c, []int{http.StatusOK, http.StatusAccepted}, answer.code, answer)
		// The host's garbage collector may take its finalizer off at once: the answer has it.
		got := answer.object(c).GetFinalizers()
		require.Contains(c, got, keep, answer)
		for _, finalizer := range []string{"foregroundDeletion", "orphan"} {
			if finalizer == policy.finalizer {
				require.Contains(c, got, finalizer, policy.options)
			} else {
				require.NotContains(c, got, finalizer, policy.options)
			}
		}
		if c.kind.stub.namesNamespace {
			c.drop(object)
		}
	}
	object := c.held("-both")
	c.refused(c.delete(object, deleteOptions(`"propagationPolicy":"Foreground","orphanDependents":true`)), http.StatusUnprocessableEntity)
	c.refused(c.delete(object, deleteOptions(`"propagationPolicy":"garbage"`)), http.StatusUnprocessableEntity)
	require.Nil(c, c.read(object).GetDeletionTimestamp())
}

func gracePeriod(c *trial) {
	object := c.held("")
	answer := c.delete(object, deleteOptions(`"gracePeriodSeconds":30`))
	require.Equal(c, http.StatusOK, answer.code, answer)
	seconds := c.read(object).GetDeletionGracePeriodSeconds()
	require.True(c, seconds == nil || *seconds == 0, "nothing here is deleted gracefully")
}

func preconditions(c *trial) {
	object := c.make()
	c.label(object, "step", "one")
	for _, precondition := range []string{
		`"uid":"00000000-0000-0000-0000-000000000000"`,
		fmt.Sprintf(`"resourceVersion":%q`, object.GetResourceVersion()),
	} {
		c.refused(c.delete(object, deleteOptions(fmt.Sprintf(`"preconditions":{%s}`, precondition))), http.StatusConflict)
	}
	require.Nil(c, c.read(object).GetDeletionTimestamp())
	right := c.delete(object, deleteOptions(fmt.Sprintf(`"preconditions":{"uid":%q}`, object.GetUID())))
	require.Equal(c, http.StatusOK, right.code, right)
}

func deleteCollection(c *trial) {
	c.many()
	other := &trial{TB: c.TB, suite: c.suite, path: c.path, kind: c.kind, id: c.id + "other"}
	stays := other.make()
	dry := c.send(request{method: http.MethodDelete, path: c.kind.in(c.namespace()), query: query("labelSelector", c.selector(), "dryRun", "All")})
	require.Equal(c, http.StatusOK, dry.code, dry)
	for _, item := range c.selected() {
		require.Nil(c, item.GetDeletionTimestamp())
	}
	wrong := c.send(request{
		method: http.MethodDelete, path: c.kind.in(c.namespace()), query: query("labelSelector", c.selector()),
		body: deleteOptions(`"preconditions":{"uid":"00000000-0000-0000-0000-000000000000"}`),
	})
	c.refused(wrong, http.StatusConflict)
	require.NotEmpty(c, c.selected())
	done := c.send(request{method: http.MethodDelete, path: c.kind.in(c.namespace()), query: query("labelSelector", c.selector())})
	require.Equal(c, http.StatusOK, done.code, done)
	c.eventually("what is selected to go", func() bool { return len(c.selected()) == 0 })
	left := c.read(stays)
	require.Nil(c, left.GetDeletionTimestamp(), "what is not selected stays")
}

// selected are the objects that the trial made.
func (c *trial) selected() []*unstructured.Unstructured {
	c.Helper()
	found := c.get(c.everywhere(), "labelSelector", c.selector())
	require.Equal(c, http.StatusOK, found.code, found)
	var objects []*unstructured.Unstructured
	for _, item := range items(found.json(c), "items") {
		objects = append(objects, &unstructured.Unstructured{Object: item})
	}
	return objects
}

// namespaceDeletion has the host delete a namespace with an object of each kind.
func namespaceDeletion(c *trial) {
	host := c.suite.hostPath()
	name := "conformance-full-" + c.suite.run + "-" + c.id
	path := "/api/v1/namespaces/" + name
	made := host.send(c.TB, request{method: http.MethodPost, path: "/api/v1/namespaces", body: fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name)})
	require.Equal(c, http.StatusCreated, made.code, made)
	for _, k := range c.kinds {
		if !k.namespaced || k.readOnly() {
			continue
		}
		inside := *k
		inside.own = name
		one := &trial{TB: c.TB, suite: c.suite, path: c.path, kind: &inside, id: c.id, lent: name}
		created := one.send(request{method: http.MethodPost, path: k.in(name), body: encode(c, one.draft("").Object)})
		require.Equal(c, http.StatusCreated, created.code, created)
	}
	ended := host.send(c.TB, request{method: http.MethodDelete, path: path})
	require.Equal(c, http.StatusOK, ended.code, ended)
	c.eventually("the namespace and all in it to go", func() bool {
		return host.send(c.TB, request{method: http.MethodGet, path: path}).code == http.StatusNotFound
	})
}

func lastFinalizer(c *trial) {
	begin := c.listVersion()
	object := c.held("")
	events := c.watch(nil, "resourceVersion", begin, "labelSelector", c.selector())
	require.Equal(c, http.StatusOK, c.delete(object, "").code)
	freed := c.patch(object, mergePatch, `{"metadata":{"finalizers":null}}`)
	require.Equal(c, http.StatusOK, freed.code, freed)
	c.eventually("the object to go", func() bool { return c.get(c.url(object)).code == http.StatusNotFound })
	seen := events.until(func(e event) bool { return e.kind == "DELETED" })
	require.Equal(c, object.GetUID(), seen[len(seen)-1].object.GetUID())
}
