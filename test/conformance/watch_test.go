package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var watchRows = []row{
	{number: 40, name: "watch events", applies: []condition{writable}, check: watchEvents},
	{number: 41, name: "watch resumes", applies: []condition{writable}, check: watchResumes},
	{number: 42, name: "watch of a selector", applies: []condition{writable}, check: watchSelector},
	{number: 43, name: "same order for all", applies: []condition{writable}, check: watchOrder},
	{number: 44, name: "bookmarks", applies: []condition{fromCache}, check: bookmarks},
	{number: 45, name: "watch-list", check: watchList},
	{number: 46, name: "watch from too old", check: watchTooOld},
	{number: 47, name: "watch timeout", check: watchTimeout},
}

// label labels an object, which makes one event.
func (c *trial) label(object *unstructured.Unstructured, key, value string) *unstructured.Unstructured {
	c.Helper()
	answer := c.patch(object, mergePatch, fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, key, value))
	require.Equal(c, http.StatusOK, answer.code, answer)
	return answer.object(c)
}

// drop removes an object and waits until it is gone.
func (c *trial) drop(object *unstructured.Unstructured) {
	c.Helper()
	c.remove(c.kind, object.GetNamespace(), object.GetName())
}

func watchEvents(c *trial) {
	begin := c.listVersion()
	object := c.make()
	events := c.watch(nil, "resourceVersion", begin, "labelSelector", c.selector())
	require.Equal(c, "ADDED", events.next().kind)
	c.label(object, "step", "two")
	seen := events.until(func(e event) bool { return e.object.GetLabels()["step"] == "two" })
	c.drop(object)
	seen = append(seen, events.until(func(e event) bool { return e.kind == "DELETED" })...)
	last := object.GetResourceVersion()
	for _, got := range seen {
		require.Contains(c, []string{"MODIFIED", "DELETED"}, got.kind)
		require.Equal(c, object.GetUID(), got.object.GetUID())
		require.True(c, newer(got.object.GetResourceVersion(), last), "%s after %s", got.object.GetResourceVersion(), last)
		last = got.object.GetResourceVersion()
	}
	gone := seen[len(seen)-1].object
	require.Equal(c, "two", gone.GetLabels()["step"], "DELETED has the last state")
}

func watchResumes(c *trial) {
	begin := c.listVersion()
	object := c.make()
	for _, step := range []string{"one", "two", "three"} {
		c.label(object, "step", step)
	}
	last := func(e event) bool { return e.object.GetLabels()["step"] == "three" }
	whole := c.watch(nil, "resourceVersion", begin, "labelSelector", c.selector()).until(last)
	for i := range whole[:len(whole)-1] {
		rest := c.watch(nil, "resourceVersion", whole[i].object.GetResourceVersion(), "labelSelector", c.selector()).until(last)
		require.Equal(c, versions(whole[i+1:]), versions(rest), "nothing is lost, nothing comes twice")
	}
}

func versions(events []event) []string {
	var result []string
	for _, e := range events {
		result = append(result, e.kind+" "+e.object.GetResourceVersion())
	}
	return result
}

func watchSelector(c *trial) {
	object := c.make()
	c.label(object, "in", "yes")
	selector := c.selector() + ",in=yes"
	events := c.watch(nil, "resourceVersion", c.read(object).GetResourceVersion(), "labelSelector", selector)
	c.label(object, "in", "no")
	left := events.until(func(e event) bool { return e.kind == "DELETED" })
	for _, e := range left[:len(left)-1] {
		require.Equal(c, "MODIFIED", e.kind)
	}
	c.label(object, "in", "yes")
	require.Equal(c, "ADDED", events.next().kind, "what is selected again is added")
}

func watchOrder(c *trial) {
	begin := c.listVersion()
	object := c.make()
	var watches []*events
	for range 3 {
		watches = append(watches, c.watch(nil, "resourceVersion", begin, "labelSelector", c.selector()))
	}
	for i := range 5 {
		c.label(object, "step", fmt.Sprint(i))
	}
	last := func(e event) bool { return e.object.GetLabels()["step"] == "4" }
	want := versions(watches[0].until(last))
	for _, other := range watches[1:] {
		require.Equal(c, want, versions(other.until(last)))
	}
}

// fromCache is the condition that watches are served from a cache with a clock.
func fromCache(c *trial) string {
	if c.kind.readOnly() {
		return "a computed kind has bookmarks as often as the storage reports progress, which is every ten minutes"
	}
	return ""
}

// bookmarks come about once a minute, and shortly before a watch ends, which a busy
// machine may miss.
func bookmarks(c *trial) {
	begin := c.listVersion()
	var seen []event
	for range 8 {
		seen, _ = c.watch(nil, "resourceVersion", begin, "allowWatchBookmarks", "true", "timeoutSeconds", "4", "labelSelector", c.selector()).rest()
		if len(seen) > 0 {
			break
		}
	}
	require.NotEmpty(c, seen)
	for _, e := range seen {
		require.Equal(c, "BOOKMARK", e.kind)
		require.Equal(c, c.kind.kind, e.object.GetKind())
		require.Equal(c, c.kind.apiVersion(), e.object.GetAPIVersion())
		require.Regexp(c, decimal, e.object.GetResourceVersion())
		require.False(c, newer(begin, e.object.GetResourceVersion()))
		require.Empty(c, e.object.GetName())
	}
}

const initialEventsEnd = "k8s.io/initial-events-end"

func watchList(c *trial) {
	var object *unstructured.Unstructured
	if showsObjects(c) == "" {
		object = c.shown()
	}
	options := []string{"sendInitialEvents", "true", "resourceVersionMatch", "NotOlderThan", "allowWatchBookmarks", "true"}
	seen := c.watch(nil, options...).until(func(e event) bool { return e.kind == "BOOKMARK" })
	end := seen[len(seen)-1].object
	require.Equal(c, "true", end.GetAnnotations()[initialEventsEnd])
	require.Regexp(c, decimal, end.GetResourceVersion())
	found := object == nil
	for _, e := range seen[:len(seen)-1] {
		require.Equal(c, "ADDED", e.kind)
		found = found || e.object.GetUID() == object.GetUID()
	}
	require.True(c, found, "what there was is sent first")
	c.refused(c.get(c.everywhere(), "watch", "1", "sendInitialEvents", "true", "allowWatchBookmarks", "true"), http.StatusUnprocessableEntity)
	c.refused(c.get(c.everywhere(), "sendInitialEvents", "true", "resourceVersionMatch", "NotOlderThan"), http.StatusUnprocessableEntity)
}

func watchTooOld(c *trial) {
	answer := c.path.open(c.TB, request{method: http.MethodGet, path: c.everywhere(), query: query("watch", "1", "resourceVersion", "1", "timeoutSeconds", "20")})
	events := &events{c: c, answer: answer, decoder: newDecoder(answer), cancel: func() {}}
	defer events.stop()
	if answer.StatusCode == http.StatusGone {
		return
	}
	got := events.next()
	require.Equal(c, "ERROR", got.kind)
	require.EqualValues(c, http.StatusGone, got.object.Object["code"])
	require.Equal(c, "Expired", got.object.Object["reason"])
}

func watchTimeout(c *trial) {
	// No bound above: the machine may be busy.
	c.eventually("a watch that nothing ends before its time", func() bool {
		seen, took := c.watch(nil, "timeoutSeconds", "1", "resourceVersion", c.listVersion(), "labelSelector", strings.ReplaceAll(c.selector(), "=", "=none")).rest()
		if c.kind.readOnly() && len(seen) > 0 && seen[len(seen)-1].kind == "ERROR" {
			return false // a federated type came or went: views end their watches then
		}
		require.GreaterOrEqual(c, took, 500*time.Millisecond)
		return true
	})
}
