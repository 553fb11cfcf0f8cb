package hollow

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// Member is one cluster of a fleet.
type Member struct {
	fleet *Fleet
	name  string
	token string
	ctx   context.Context
	stop  context.CancelFunc

	mu      sync.Mutex
	version uint64
	tables  map[*kind]*table
	// requests counts them by verb and resource.
	requests map[Request]int

	faults   sync.Mutex
	injector Injector
	released chan struct{}
	limit    int
	inFlight int
}

// Request is what requests are counted by. Verbs are those of an API server's
// metrics: APPLY, DELETE, GET, LIST, PATCH, POST, PUT, WATCH.
type Request struct{ Verb, Resource string }

// historyLimit is how many events of a resource a watch may be behind.
const historyLimit = 1 << 14

// table has the objects of a kind and their last changes.
type table struct {
	objects map[types.NamespacedName]*object
	// events in the order of their versions; those up to forgotten are not there.
	events    []event
	forgotten uint64
	// changed is closed at the next event, nil if nobody waits.
	changed chan struct{}
}

// event is a change: an object appears (before is nil), changes, or is gone, which
// after says by gone.
type event struct {
	before, after *object
	gone          bool
}

func newMember(f *Fleet, name string) (*Member, error) {
	m := &Member{
		fleet: f, name: name, token: rand.Text(), version: 1,
		tables: map[*kind]*table{}, requests: map[Request]int{}, released: make(chan struct{}),
	}
	m.ctx, m.stop = context.WithCancel(context.Background())
	for _, k := range kinds {
		m.tables[k] = &table{objects: map[types.NamespacedName]*object{}}
	}
	for _, namespace := range []string{"default", "kube-system"} {
		if err := m.addNamespace(namespace); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// addNamespace makes a namespace unless it is there.
func (m *Member) addNamespace(name string) error {
	c, err := m.fleet.newContent(map[string]any{"apiVersion": "v1", "kind": "Namespace"})
	if err != nil {
		return err
	}
	if _, err := m.commit(namespaceKind, types.NamespacedName{Name: name}, nil, &object{content: c}); err != nil && !errors.Is(err, errChanged) {
		return err
	}
	return nil
}

var namespaceKind = kindOf(schema.GroupVersion{Version: "v1"}, "namespaces")

// Name of the member.
func (m *Member) Name() string { return m.name }

// Endpoint is the URL of the member, with a path.
func (m *Member) Endpoint() string { return "https://" + m.fleet.address + "/" + m.name }

// CA is the PEM of the authority that signed the certificate of the endpoint.
func (m *Member) CA() []byte { return m.fleet.authority }

// Token is the bearer token that the member takes.
func (m *Member) Token() string { return m.token }

// Config is for clients of the member.
func (m *Member) Config() *rest.Config {
	return &rest.Config{Host: m.Endpoint(), BearerToken: m.token, TLSClientConfig: rest.TLSClientConfig{CAData: m.CA()}}
}

// Requests returns how many requests have come, those that went wrong too.
func (m *Member) Requests() map[Request]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.requests)
}

// Len returns the number of objects of a resource.
func (m *Member) Len(resource schema.GroupVersionResource) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := kindOf(resource.GroupVersion(), resource.Resource); k != nil {
		return len(m.tables[k].objects)
	}
	return 0
}

func (m *Member) count(verb, resource string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[Request{verb, resource}]++
}

func (m *Member) get(k *kind, key types.NamespacedName) *object {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tables[k].objects[key]
}

// commit replaces an object as it was, nil for none, by another state, which it
// completes. errChanged means that it is not as it was.
func (m *Member) commit(k *kind, key types.NamespacedName, live, next *object) (*object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tables[k]
	if t.objects[key] != live {
		return nil, errChanged
	}
	if live == nil {
		if err := m.admit(key); err != nil {
			return nil, err
		}
	}
	next.key = key
	if live == nil {
		next.uid, next.created = newUID(), now()
		if k.counted {
			next.generation = 1
		}
	} else {
		next.uid, next.created, next.generation = live.uid, live.created, live.generation
		if next.deleting == 0 {
			next.deleting = live.deleting
		}
		if k.counted && next.content.spec != live.content.spec {
			next.generation++
		}
	}
	m.version++
	next.version = m.version
	t.objects[key] = next
	t.tell(event{before: live, after: next})
	if next.deleting != 0 && len(next.content.meta.Finalizers) == 0 && k != namespaceKind {
		m.remove(k, next)
		m.reap(key.Namespace)
	}
	return next, nil
}

// admit says whether an object may be made. m.mu is held.
func (m *Member) admit(key types.NamespacedName) error {
	if key.Namespace == "" {
		return nil
	}
	namespace := m.tables[namespaceKind].objects[types.NamespacedName{Name: key.Namespace}]
	switch {
	case namespace == nil:
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, key.Namespace)
	case namespace.deleting != 0:
		return terminating(key)
	}
	return nil
}

// remove takes an object off. m.mu is held.
func (m *Member) remove(k *kind, o *object) {
	t := m.tables[k]
	delete(t.objects, o.key)
	last := *o
	m.version++
	last.version = m.version
	t.tell(event{before: o, after: &last, gone: true})
}

// delete deletes an object as it was. It returns its last state if its end is to
// be awaited, nil if it is gone.
func (m *Member) delete(k *kind, live *object) (*object, error) {
	if k == namespaceKind || len(live.content.meta.Finalizers) > 0 {
		if live.deleting != 0 {
			return live, nil
		}
		next := *live
		next.deleting = now()
		waiting, err := m.commit(k, live.key, live, &next)
		if err == nil && k == namespaceKind {
			m.empty(live.key.Name)
		}
		return waiting, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tables[k].objects[live.key] != live {
		return nil, errChanged
	}
	m.remove(k, live)
	m.reap(live.key.Namespace)
	return nil, nil
}

// empty deletes what is in a namespace.
func (m *Member) empty(namespace string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range kinds {
		for key, o := range m.tables[k].objects {
			switch {
			case key.Namespace != namespace:
			case len(o.content.meta.Finalizers) == 0:
				m.remove(k, o)
			case o.deleting == 0:
				next := *o
				next.deleting = now()
				m.version++
				next.version = m.version
				m.tables[k].objects[key] = &next
				m.tables[k].tell(event{before: o, after: &next})
			}
		}
	}
	m.reap(namespace)
}

// reap removes a namespace that is being deleted when nothing is left in it. m.mu
// is held.
func (m *Member) reap(namespace string) {
	o := m.tables[namespaceKind].objects[types.NamespacedName{Name: namespace}]
	if o == nil || o.deleting == 0 {
		return
	}
	for _, t := range m.tables {
		for key := range t.objects {
			if key.Namespace == namespace {
				return
			}
		}
	}
	m.remove(namespaceKind, o)
}

// tell adds an event. m.mu is held.
func (t *table) tell(e event) {
	if len(t.events) >= 2*historyLimit {
		t.forgotten = t.events[historyLimit-1].after.version
		t.events = append([]event(nil), t.events[historyLimit:]...)
	}
	t.events = append(t.events, e)
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}
