package propagation

import (
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// A simulated cluster fails in ways that a real one cannot be told to: it loses
// answers of requests that took effect, shows changes late, and has third parties
// that change copies. It keeps what matters of the rules of an API server.

// simWatcher is told of every write before it takes effect.
type simWatcher interface {
	applying(cluster string, resource schema.GroupVersionResource, key types.NamespacedName)
	removing(cluster string, resource schema.GroupVersionResource, key types.NamespacedName, deletes bool)
}

// simCluster implements Member.
type simCluster struct {
	name    string
	watcher simWatcher
	// same, unless nil, is the cluster that this is another name of; id is its ClusterID.
	same *simCluster
	id   string

	// labelled is called whenever somebody looks at the labels.
	labelled atomic.Pointer[func()]
	// keepFinalizing, unless nil, has deletions that take a while take until it is closed;
	// all do then.
	keepFinalizing atomic.Pointer[chan struct{}]
	// expired refuses the token; unauthorized counts how often.
	expired      atomic.Bool
	unauthorized atomic.Int32

	mu      sync.Mutex
	faulty  bool
	hung    chan struct{}
	ready   bool
	seen    time.Time
	version int
	writes  int
	// held keeps writes back; refused counts those that were tried.
	held    *members.HeldError
	refused int
	// askedInVain counts questions for objects that were told to be gone.
	askedInVain int
	flow        *members.Flow
	types       map[schema.GroupVersionResource]*simType
	tell        func(MemberChange)
}

func newSimCluster(name string, watcher simWatcher, tell func(MemberChange)) *simCluster {
	return &simCluster{flow: members.NewFlow(8, clock.RealClock{}), name: name, watcher: watcher, ready: true, types: map[schema.GroupVersionResource]*simType{}, tell: tell}
}

func (c *simCluster) Name() string { return c.name }

func (c *simCluster) Labels() map[string]string {
	if asked := c.labelled.Load(); asked != nil {
		(*asked)()
	}
	return map[string]string{"name": c.name}
}

func (c *simCluster) ClusterID() string { return c.id }

func (c *simCluster) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

func (c *simCluster) LastSeen() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func (c *simCluster) Held() *members.HeldError {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

func (c *simCluster) of(resource schema.GroupVersionResource) *simType {
	if c.same != nil {
		return c.same.of(resource)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.types[resource]
	if t == nil {
		t = &simType{cluster: c, resource: resource, objects: map[types.NamespacedName]*simObject{}, seen: map[types.NamespacedName]members.Observed{}, removed: map[types.NamespacedName]bool{}}
		c.types[resource] = t
	}
	return t
}

// Flow implements Member.
func (c *simCluster) Flow() *members.Flow { return c.flow }

// Copies implements Member. The observation begins with a listing.
func (c *simCluster) Copies(resource schema.GroupVersionResource, _ bool) Copies {
	t := c.of(resource)
	t.mu.Lock()
	starts := !t.started
	t.started = true
	t.mu.Unlock()
	if starts {
		go t.relist()
	}
	return t
}

// Observe implements Member.
func (c *simCluster) Observe(resource schema.GroupVersionResource, namespaced bool, detail members.Detail) Copies {
	t := c.of(resource)
	t.mu.Lock()
	t.detail = detail
	t.mu.Unlock()
	return c.Copies(resource, namespaced)
}

// StopCopies implements Member.
func (c *simCluster) StopCopies(resource schema.GroupVersionResource) {
	t := c.of(resource)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started, t.state, t.changed, t.told, t.stateChanged = false, CopiesSyncing, nil, nil, nil
	t.seen = map[types.NamespacedName]members.Observed{}
}

// forgetObservers is what the end of the controller's process does.
func (c *simCluster) forgetObservers() {
	c.mu.Lock()
	var resources []schema.GroupVersionResource
	for resource := range c.types {
		resources = append(resources, resource)
	}
	c.mu.Unlock()
	for _, resource := range resources {
		c.StopCopies(resource)
	}
}
