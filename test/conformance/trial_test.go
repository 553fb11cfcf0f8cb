package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// runLabel is on every object of a run.
const runLabel = "conformance.example.com/run"

var counter atomic.Int64

// trial is one row for one kind on one path.
type trial struct {
	testing.TB
	suite    *suite
	path     *path
	kind     *kind
	kinds    []*kind
	id       string
	messages lockedBuilder
	// lent is the namespace that the trial's object is named like.
	lent string
}

// lockedBuilder gathers why a check failed.
type lockedBuilder struct {
	mu sync.Mutex
	strings.Builder
}

// recorder keeps the messages of a test for the report.
type recorder struct {
	testing.TB
	messages *lockedBuilder
}

// Errorf is what assertions call.
func (r recorder) Errorf(format string, args ...any) {
	r.Helper()
	r.messages.mu.Lock()
	fmt.Fprintf(&r.messages.Builder, format+"\n", args...)
	r.messages.mu.Unlock()
	r.TB.Errorf(format, args...)
}

func (c *trial) begin(t testing.TB, messages *lockedBuilder) {
	c.TB = recorder{t, messages}
	c.id = fmt.Sprintf("c%d", counter.Add(1))
}

// optionalTB lets a check of an optional row fail without failing the run.
type optionalTB struct {
	testing.TB
	messages *lockedBuilder
	failed   atomic.Bool
}

type gaveUp struct{}

func (o *optionalTB) Errorf(format string, args ...any) {
	o.messages.mu.Lock()
	fmt.Fprintf(&o.messages.Builder, format+"\n", args...)
	o.messages.mu.Unlock()
	o.failed.Store(true)
}

func (o *optionalTB) FailNow() { o.failed.Store(true); panic(gaveUp{}) }

// try runs the check of an optional row.
func (c *trial) try(t *testing.T, r row) bool {
	var tb *optionalTB
	t.Run(subtest(r.label()), func(t *testing.T) {
		tb = &optionalTB{TB: t, messages: &c.messages}
		c.TB = tb
		c.id = fmt.Sprintf("c%d", counter.Add(1))
		defer func() {
			if reason := recover(); reason != nil {
				if _, ok := reason.(gaveUp); !ok {
					panic(reason)
				}
			}
			if tb.failed.Load() {
				t.Logf("optional: %s", c.messages.String())
			}
		}()
		r.check(c)
	})
	return tb != nil && !tb.failed.Load()
}

// subject is the name in the report of what is checked.
func (c *trial) subject() string {
	if c.kind == nil {
		return "server"
	}
	return c.kind.String()
}

func (c *trial) send(r request) *response {
	c.Helper()
	return c.path.send(c.TB, r)
}

func (c *trial) get(path string, pairs ...string) *response {
	c.Helper()
	return c.send(request{method: http.MethodGet, path: path, query: query(pairs...)})
}

// namespace is where the trial's objects are.
func (c *trial) namespace() string {
	if !c.kind.namespaced {
		return ""
	}
	if c.kind.stub.namesNamespace {
		return c.borrow()
	}
	return c.kind.own
}

// borrow takes a namespace for an object that is named like it, until the trial ends.
func (c *trial) borrow() string {
	if c.lent == "" {
		name := <-c.kind.free
		c.lent = name
		// What is first in is last out: the object goes before its namespace is free again.
		c.Cleanup(func() { c.lent = ""; c.kind.free <- name })
	}
	return c.lent
}

// everywhere is the collection that lists objects that make made.
func (c *trial) everywhere() string {
	if c.kind.stub.namesNamespace {
		return c.kind.collection()
	}
	return c.kind.in(c.namespace())
}

// draft is an object that has not been sent.
func (c *trial) draft(suffix string) *unstructured.Unstructured {
	c.Helper()
	return c.draftOf(c.kind, suffix)
}

func (c *trial) draftOf(k *kind, suffix string) *unstructured.Unstructured {
	c.Helper()
	content := map[string]any{}
	require.NoError(c, yaml.Unmarshal([]byte(k.stub.object), &content))
	object := &unstructured.Unstructured{Object: content}
	object.SetAPIVersion(k.apiVersion())
	object.SetKind(k.kind)
	name := fmt.Sprintf("%s-%s%s", c.suite.run, c.id, suffix)
	// DNS labels that are names of Services begin with a letter.
	name = "x" + name
	switch {
	case k.stub.name != nil:
		name = k.stub.name(name, content)
	case k.stub.namesNamespace:
		name = c.borrow()
	}
	object.SetName(name)
	if k.namespaced {
		object.SetNamespace(c.namespace())
	}
	object.SetLabels(map[string]string{runLabel: c.suite.run + "-" + c.id})
	return object
}

// selector selects what the trial made.
func (c *trial) selector() string { return runLabel + "=" + c.suite.run + "-" + c.id }

// make creates an object.
func (c *trial) make() *unstructured.Unstructured { return c.makeNamed("") }

func (c *trial) makeNamed(suffix string) *unstructured.Unstructured {
	c.Helper()
	return c.store(c.draft(suffix))
}

// store creates an object and has it removed when the trial ends.
func (c *trial) store(object *unstructured.Unstructured) *unstructured.Unstructured {
	c.Helper()
	created := c.create(object)
	require.Equal(c, http.StatusCreated, created.code, created)
	return created.object(c)
}

// create sends an object to be created, and has it removed when the trial ends.
func (c *trial) create(object *unstructured.Unstructured, pairs ...string) *response {
	c.Helper()
	return c.createIn(c.kind, object, pairs...)
}

func (c *trial) createIn(k *kind, object *unstructured.Unstructured, pairs ...string) *response {
	c.Helper()
	created := c.send(request{method: http.MethodPost, path: k.in(object.GetNamespace()), query: query(pairs...), body: encode(c, object.Object)})
	if created.code == http.StatusCreated {
		c.removeLater(k, created.object(c))
	}
	return created
}

func (c *trial) removeLater(k *kind, object *unstructured.Unstructured) {
	c.Cleanup(func() {
		if !k.namespaced || k.stub.namesNamespace || slices.Contains(object.GetFinalizers(), keep) {
			c.remove(k, object.GetNamespace(), object.GetName())
			return
		}
		// Nobody waits for it: its namespace goes too.
		c.path.send(c.TB, request{method: http.MethodDelete, path: k.at(object.GetNamespace(), object.GetName()), context: background})
	})
}

// remove deletes an object, takes foreign finalizers off, and waits until it is gone.
func (c *trial) remove(k *kind, namespace, name string) {
	p := c.path
	at := k.at(namespace, name)
	gone := poll(func() bool {
		deleted := p.send(c.TB, request{method: http.MethodDelete, path: at, context: background})
		if deleted.code == http.StatusNotFound {
			return true
		}
		p.send(c.TB, request{
			method: http.MethodPatch, path: at, contentType: mergePatch, context: background,
			body: `{"metadata":{"finalizers":null}}`,
		})
		return false
	})
	if gone != nil {
		c.Errorf("%s was not removed: %v", at, gone)
	}
}

// shown makes an object that the kind shows, whether it is stored or computed.
func (c *trial) shown() *unstructured.Unstructured { return c.shownNamed("") }

func (c *trial) shownNamed(suffix string) *unstructured.Unstructured {
	c.Helper()
	if c.kind.source == nil {
		return c.makeNamed(suffix)
	}
	source := c.kind.source
	created := c.createIn(source, c.draftOf(source, suffix))
	require.Equal(c, http.StatusCreated, created.code, created)
	object := created.object(c)
	shown := c.get(c.kind.at(object.GetNamespace(), c.kind.stub.prefix+object.GetName()))
	require.Equal(c, http.StatusOK, shown.code, shown)
	return shown.object(c)
}

// showsObjects is the condition that there can be an object to look at.
func showsObjects(c *trial) string {
	if c.kind.readOnly() && c.kind.source == nil {
		return c.kind.resource + " is empty unless status collection is configured"
	}
	return ""
}

func (c *trial) url(object *unstructured.Unstructured) string {
	return c.kind.at(object.GetNamespace(), object.GetName())
}

// read gets an object again.
func (c *trial) read(object *unstructured.Unstructured) *unstructured.Unstructured {
	c.Helper()
	found := c.get(c.url(object))
	require.Equal(c, http.StatusOK, found.code, found)
	return found.object(c)
}

func (c *trial) put(object *unstructured.Unstructured, subresource string, pairs ...string) *response {
	c.Helper()
	return c.send(request{method: http.MethodPut, path: c.url(object) + subresource, query: query(pairs...), body: encode(c, object.Object)})
}

// update changes an object by PUT, again if somebody else was faster.
func (c *trial) update(object *unstructured.Unstructured, subresource string, change func(*unstructured.Unstructured)) *response {
	c.Helper()
	var answer *response
	c.eventually("an update without conflict", func() bool {
		current := c.read(object)
		change(current)
		answer = c.put(current, subresource)
		return answer.code != http.StatusConflict
	})
	return answer
}

const (
	mergePatch     = "application/merge-patch+json"
	jsonPatch      = "application/json-patch+json"
	strategicPatch = "application/strategic-merge-patch+json"
	applyPatch     = "application/apply-patch+yaml"
)

func (c *trial) patch(object *unstructured.Unstructured, kind, body string, pairs ...string) *response {
	c.Helper()
	return c.patchAt(c.url(object), kind, body, pairs...)
}

func (c *trial) patchAt(path, kind, body string, pairs ...string) *response {
	c.Helper()
	return c.send(request{method: http.MethodPatch, path: path, query: query(pairs...), body: body, contentType: kind})
}

// apply applies an object, and has it removed when the trial ends.
func (c *trial) apply(object *unstructured.Unstructured, manager string, pairs ...string) *response {
	c.Helper()
	answer := c.patch(object, applyPatch, encode(c, object.Object), append(pairs, "fieldManager", manager)...)
	if answer.code == http.StatusCreated {
		c.removeLater(c.kind, object)
	}
	return answer
}

func (c *trial) delete(object *unstructured.Unstructured, body string, pairs ...string) *response {
	c.Helper()
	return c.send(request{method: http.MethodDelete, path: c.url(object), query: query(pairs...), body: body})
}

// refused checks that an answer is a Status with this code.
func (c *trial) refused(answer *response, codes ...int) map[string]any {
	c.Helper()
	require.Contains(c, codes, answer.code, answer)
	status := answer.json(c)
	require.Equal(c, "Status", status["kind"], answer)
	require.Equal(c, "v1", status["apiVersion"], answer)
	require.Equal(c, "Failure", status["status"], answer)
	require.EqualValues(c, answer.code, status["code"], answer)
	require.NotEmpty(c, status["message"], answer)
	return status
}

// mentions checks that a Status names a field among its causes.
func (c *trial) mentions(answer *response, field string) {
	c.Helper()
	details, _ := answer.json(c)["details"].(map[string]any)
	for _, cause := range items(details, "causes") {
		if name, _ := cause["field"].(string); strings.HasPrefix(name, field) {
			return
		}
	}
	c.Errorf("no cause names the field %s: %s", field, answer)
}

// changed is a change of the object by a merge patch, not sent.
func (c *trial) changed(object *unstructured.Unstructured, patch string) *unstructured.Unstructured {
	c.Helper()
	content := map[string]any{}
	require.NoError(c, json.Unmarshal([]byte(patch), &content))
	result := object.DeepCopy()
	merge(result.Object, content)
	return result
}

func merge(into, patch map[string]any) {
	for key, value := range patch {
		inner, ok := value.(map[string]any)
		target, has := into[key].(map[string]any)
		if ok && has {
			merge(target, inner)
		} else {
			into[key] = value
		}
	}
}

func encode(t require.TestingT, object any) string {
	raw, err := json.Marshal(object)
	require.NoError(t, err)
	return string(raw)
}
