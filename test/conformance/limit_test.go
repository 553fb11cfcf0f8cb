package conformance

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"
)

var limitRows = []row{
	{number: 78, name: "body of more than 3 MiB", applies: []condition{writable}, check: hugeBody},
	{number: 78, name: "deep nesting", applies: []condition{writable}, check: deepNesting},
	{number: 79, name: "long JSON patch", applies: []condition{writable}, check: longPatch},
	{number: 80, name: "object too large to store", applies: []condition{writable}, check: tooLarge},
	{number: 81, name: "request timeout", check: func(c *trial) {
		c.refused(c.get(c.everywhere(), "timeout", "invalid"), http.StatusBadRequest)
		require.Equal(c, http.StatusOK, c.get(c.everywhere(), "timeout", "0s").code)
		require.Equal(c, http.StatusOK, c.get(c.everywhere(), "timeout", "3m").code)
	}},
	{number: 84, name: "unsupported verbs", check: unsupported},
	{number: 85, name: "errors are a Status", check: statusErrors},
	{number: 86, name: "redirects", check: func(c *trial) {
		// Every answer is checked for a redirect; these ask for one.
		for _, path := range []string{c.kind.collection() + "/", c.kind.base() + "//" + c.kind.resource, c.kind.base() + "/", c.kind.collection() + "/../" + c.kind.resource} {
			c.get(path)
		}
	}},
}

const tooMuch = 3<<20 + 1<<10

func hugeBody(c *trial) {
	object := c.make()
	padding := strings.Repeat("x", tooMuch)
	body := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":"a","annotations":{"a":%q}}}`, c.kind.apiVersion(), c.kind.kind, padding)
	c.refused(c.send(request{method: http.MethodPost, path: c.kind.in(object.GetNamespace()), body: body}), http.StatusRequestEntityTooLarge)
	c.refused(c.send(request{method: http.MethodPut, path: c.url(object), body: body}), http.StatusRequestEntityTooLarge)
	c.refused(c.patch(object, mergePatch, body), http.StatusRequestEntityTooLarge)
	c.refused(c.send(request{method: http.MethodDelete, path: c.url(object), body: body}), http.StatusRequestEntityTooLarge)
	require.Nil(c, c.read(object).GetDeletionTimestamp())
}

func deepNesting(c *trial) {
	object := c.make()
	for _, body := range []string{
		strings.Repeat("[", 1_500_000),
		`{"metadata":` + strings.Repeat(`{"a":`, 300_000),
	} {
		c.refused(c.send(request{method: http.MethodPost, path: c.kind.in(object.GetNamespace()), body: body}), http.StatusBadRequest, http.StatusRequestEntityTooLarge)
		c.refused(c.patch(object, mergePatch, body), http.StatusBadRequest, http.StatusRequestEntityTooLarge)
	}
	// Each alias stands for nine of the one before.
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for letter := 'b'; letter <= 'i'; letter++ {
		alias := fmt.Sprintf("*%c", letter-1)
		bomb += fmt.Sprintf("%c: &%c [%s]\n", letter, letter, strings.Join([]string{alias, alias, alias, alias, alias, alias, alias, alias, alias}, ","))
	}
	c.refused(c.send(request{method: http.MethodPost, path: c.kind.in(object.GetNamespace()), body: bomb, contentType: "application/yaml"}), http.StatusBadRequest, http.StatusRequestEntityTooLarge)
	c.refused(c.patch(object, applyPatch, bomb, "fieldManager", "one"), http.StatusBadRequest, http.StatusRequestEntityTooLarge)
}

func longPatch(c *trial) {
	object := c.make()
	one := `{"op":"add","path":"/metadata/labels/a","value":"b"}`
	operations := "[" + strings.Repeat(one+",", 10_001) + one + "]"
	c.refused(c.patch(object, jsonPatch, operations), http.StatusRequestEntityTooLarge)
	// Doubles the object with each copy.
	double := `{"op":"copy","from":"/metadata","path":"/metadata/annotations/x"}`
	amplified := `[{"op":"add","path":"/metadata/annotations","value":{}},` + strings.Repeat(double+",", 40) + double + "]"
	c.refused(c.patch(object, jsonPatch, amplified), http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusBadRequest)
}

// tooLarge sends more than etcd takes, and less than a request may have: managed
// fields of many managers are the one thing that every kind can have much of.
func tooLarge(c *trial) {
	object := c.draft("")
	// No annotation, label or list is allowed to be that large, and a name of a field
	// that is unknown is dropped, but finalizers have no limit.
	var long []string
	for i := range 18_000 {
		long = append(long, fmt.Sprintf("example.com/%s-%d", strings.Repeat("f", 50), i))
	}
	for i := range long {
		long[i] = strings.TrimSuffix(long[i], "-")
	}
	object.SetFinalizers(append(long, long...))
	answer := c.create(object)
	c.refused(answer, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	require.Regexp(c, `\d`, string(answer.body))
	require.NotContains(c, string(answer.body), "etcdserver")
	require.Equal(c, http.StatusNotFound, c.get(c.url(object)).code)
}

func unsupported(c *trial) {
	path := c.kind.in(c.namespace())
	c.refused(c.send(request{method: http.MethodPatch, path: path, body: "{}", contentType: mergePatch}), http.StatusMethodNotAllowed)
	c.refused(c.send(request{method: http.MethodPut, path: path, body: "{}"}), http.StatusMethodNotAllowed)
	c.refused(c.get(path+"/absent/unknown"), http.StatusNotFound)
	if c.kind.status {
		c.refused(c.send(request{method: http.MethodPost, path: path + "/absent/status", body: "{}"}), http.StatusMethodNotAllowed)
		c.refused(c.send(request{method: http.MethodDelete, path: path + "/absent/status"}), http.StatusMethodNotAllowed)
	}
	if c.kind.readOnly() {
		c.refused(c.send(request{method: http.MethodPost, path: path, body: "{}"}), http.StatusMethodNotAllowed)
		c.refused(c.send(request{method: http.MethodDelete, path: path + "/absent"}), http.StatusMethodNotAllowed)
	}
}

// statusErrors looks at an error of each code that the rows beside it do not.
func statusErrors(c *trial) {
	absent := c.refused(c.get(c.kind.in(c.namespace())+"/absent"), http.StatusNotFound)
	require.Equal(c, "NotFound", absent["reason"])
	require.Equal(c, map[string]any{}, absent["metadata"])
	require.Equal(c, "Status", c.get(c.kind.base() + "/unknownresources").json(c)["kind"])
	nobody := c.anonymous().send(c.TB, request{method: http.MethodGet, path: c.everywhere()})
	require.Contains(c, []any{"Forbidden", "Unauthorized"}, c.refused(nobody, http.StatusForbidden, http.StatusUnauthorized)["reason"])
}
