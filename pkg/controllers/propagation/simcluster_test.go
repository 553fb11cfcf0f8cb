package propagation

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// A simulated cluster fails in ways that a real one cannot be told to: it loses
// answers of requests that took effect, shows changes late, and has third parties
// that change copies. It keeps what matters of the rules of an API server.

// simObject is an object of a simulated cluster.
type simObject struct {
	uid      types.UID
	version  int
	managed  string
	body     string
	drift    int
	deleting bool
	status   *members.Status
}

func (o *simObject) observed() members.Observed {
	owned := ""
	if o.body != "" {
		owned = fmt.Sprintf("%x-%d", sha256.Sum256([]byte(o.body)), o.drift)
	}
	return members.Observed{UID: o.uid, ResourceVersion: strconv.Itoa(o.version), Deleting: o.deleting, Managed: o.managed, Owned: owned, Status: o.status}
}

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

// hold keeps writes back, and fails those that are sent all the same.
func (c *simCluster) hold(held *members.HeldError) {
	c.mu.Lock()
	c.held = held
	c.mu.Unlock()
	c.tell(MemberChange{Name: c.name})
}

func (c *simCluster) setReady(ready bool) {
	c.mu.Lock()
	if c.ready && !ready {
		c.seen = time.Now().Truncate(time.Second)
	}
	c.ready = ready
	c.mu.Unlock()
	c.tell(MemberChange{Name: c.name})
}

func (c *simCluster) setFaulty(faulty bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faulty = faulty
}

// hang lets requests be answered no more, or again.
func (c *simCluster) hang(hangs bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case hangs && c.hung == nil:
		c.hung = make(chan struct{})
	case !hangs && c.hung != nil:
		close(c.hung)
		c.hung = nil
	}
}

// chance is true with a probability, as long as the cluster is faulty.
func (c *simCluster) chance(probability float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faulty && rand.Float64() < probability
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

// says is the status of an object as its cluster's controllers write it.
func (t *simType) says(key types.NamespacedName, status members.Status) {
	version := t.next()
	t.mu.Lock()
	object := t.objects[key]
	object.version, object.status = version, &status
	if t.detail != members.RawStatuses {
		status.Raw = ""
	}
	t.seen[key] = object.observed()
	handlers := append([]func(types.NamespacedName){}, t.told...)
	t.mu.Unlock()
	for _, handler := range handlers {
		handler(key)
	}
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

// simType implements Copies.
type simType struct {
	cluster  *simCluster
	resource schema.GroupVersionResource

	mu      sync.Mutex
	started bool
	state   CopiesState
	objects map[types.NamespacedName]*simObject
	seen    map[types.NamespacedName]members.Observed
	// removed are those whose deletion ended with the request for it.
	removed      map[types.NamespacedName]bool
	changed      []func(types.NamespacedName)
	told         []func(types.NamespacedName)
	detail       members.Detail
	stateChanged []func()
}

var _ Copies = &simType{}

// relist shows everything as it is.
func (t *simType) relist() {
	time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
	t.mu.Lock()
	t.seen = map[types.NamespacedName]members.Observed{}
	for key, object := range t.objects {
		if object.managed != "" {
			t.seen[key] = object.observed()
		}
	}
	t.state = CopiesSynced
	handlers := append([]func(){}, t.stateChanged...)
	t.mu.Unlock()
	for _, handler := range handlers {
		handler()
	}
}

// interrupt loses the watch for a while.
func (t *simType) interrupt() {
	t.mu.Lock()
	if t.state != CopiesSynced {
		t.mu.Unlock()
		return
	}
	t.state = CopiesSyncing
	handlers := append([]func(){}, t.stateChanged...)
	t.mu.Unlock()
	for _, handler := range handlers {
		handler()
	}
	go t.relist()
}

// setState is for a type that is not there, or not to be listed.
func (t *simType) setState(state CopiesState) {
	t.mu.Lock()
	t.state = state
	handlers := append([]func(){}, t.stateChanged...)
	t.mu.Unlock()
	for _, handler := range handlers {
		handler()
	}
}

func (t *simType) State() (CopiesState, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == CopiesFailed {
		return t.state, errLost
	}
	return t.state, nil
}

func (t *simType) Versions() []string { return nil }

func (t *simType) Keys() []types.NamespacedName {
	t.mu.Lock()
	defer t.mu.Unlock()
	var keys []types.NamespacedName
	for key := range t.seen {
		keys = append(keys, key)
	}
	return keys
}

func (t *simType) Get(key types.NamespacedName) (members.Observed, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	observed, ok := t.seen[key]
	return observed, ok
}

func (t *simType) AddHandler(changed, status func(types.NamespacedName), state func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed = append(t.changed, changed)
	t.told = append(t.told, status)
	t.stateChanged = append(t.stateChanged, state)
}

// show lets the watch deliver an object after a while.
func (t *simType) show(key types.NamespacedName) {
	go func() {
		late := 5
		if t.cluster.chance(0.1) {
			late = 100
		}
		time.Sleep(time.Duration(rand.IntN(late)) * time.Millisecond)
		t.mu.Lock()
		before, was := t.seen[key]
		if object := t.objects[key]; object == nil || object.managed == "" {
			delete(t.seen, key)
		} else {
			t.seen[key] = object.observed()
		}
		after, is := t.seen[key]
		handlers := append([]func(types.NamespacedName){}, t.changed...)
		t.mu.Unlock()
		if was != is || before != after {
			for _, handler := range handlers {
				handler(key)
			}
		}
	}()
}

var errLost = errors.New("connection reset by peer")

// begin lets a request fail before it takes effect.
func (t *simType) begin(ctx context.Context) error {
	c := t.cluster
	c.mu.Lock()
	ready, hung := c.ready, c.hung
	c.mu.Unlock()
	if hung != nil {
		select {
		case <-hung:
		case <-ctx.Done():
			return &members.TimeoutError{Member: c.name, Err: ctx.Err()}
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !ready:
		return &members.NotReadyError{Member: c.name, Err: errLost}
	case c.expired.Load():
		c.unauthorized.Add(1)
		return apierrors.NewUnauthorized("the token has expired")
	case c.chance(0.1):
		return errLost
	}
	return nil
}

// end loses the answer of a request that took effect.
func (t *simType) end(ctx context.Context) error {
	if t.cluster.chance(0.1) {
		return &members.TimeoutError{Member: t.cluster.name, Err: context.DeadlineExceeded}
	}
	return ctx.Err()
}

// beginWrite is begin for a write.
func (t *simType) beginWrite(ctx context.Context) error {
	t.cluster.mu.Lock()
	held := t.cluster.held
	if held != nil {
		t.cluster.refused++
	}
	t.cluster.mu.Unlock()
	if held != nil {
		return held
	}
	return t.begin(ctx)
}

func (t *simType) next() int {
	t.cluster.mu.Lock()
	defer t.cluster.mu.Unlock()
	t.cluster.version++
	return t.cluster.version
}

func (t *simType) wrote() {
	t.cluster.mu.Lock()
	defer t.cluster.mu.Unlock()
	t.cluster.writes++
}

func (t *simType) hasNamespace(namespace string) bool {
	if namespace == "" {
		return true
	}
	namespaces := t.cluster.of(simNamespaces)
	namespaces.mu.Lock()
	defer namespaces.mu.Unlock()
	object := namespaces.objects[types.NamespacedName{Name: namespace}]
	return object != nil && !object.deleting
}

func (t *simType) Apply(ctx context.Context, key types.NamespacedName, body []byte) (members.Observed, error) {
	if err := t.beginWrite(ctx); err != nil {
		return members.Observed{}, err
	}
	if !t.hasNamespace(key.Namespace) {
		return members.Observed{}, apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, key.Namespace)
	}
	t.cluster.watcher.applying(t.cluster.name, t.resource, key)
	t.wrote()
	version := t.next()
	t.mu.Lock()
	object := t.objects[key]
	if object == nil {
		object = &simObject{uid: types.UID(fmt.Sprintf("%s-%d", t.cluster.name, version))}
		t.objects[key] = object
	}
	object.version, object.managed, object.body, object.drift = version, "true", string(body), 0
	if t.detail != members.Metadata && object.status == nil {
		object.status = &members.Status{}
		object.status.Health = typesv1beta1.CopyCurrent
	}
	observed := object.observed()
	t.mu.Unlock()
	t.show(key)
	if err := t.end(ctx); err != nil {
		return members.Observed{}, err
	}
	t.mu.Lock()
	t.seen[key] = observed
	t.mu.Unlock()
	return observed, nil
}

func (t *simType) HandOverReplicas(ctx context.Context, _ types.NamespacedName) error {
	return t.beginWrite(ctx)
}

func (t *simType) GetLive(ctx context.Context, key types.NamespacedName) (members.Observed, bool, error) {
	if err := t.begin(ctx); err != nil {
		return members.Observed{}, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if object := t.objects[key]; object != nil {
		return object.observed(), true, nil
	}
	if t.removed[key] {
		t.cluster.mu.Lock()
		t.cluster.askedInVain++
		t.cluster.mu.Unlock()
	}
	return members.Observed{}, false, nil
}

func (t *simType) Delete(ctx context.Context, key types.NamespacedName, uid types.UID, _ metav1.DeleteOptions) (bool, error) {
	if err := t.beginWrite(ctx); err != nil {
		return false, err
	}
	t.cluster.watcher.removing(t.cluster.name, t.resource, key, true)
	t.wrote()
	t.mu.Lock()
	object := t.objects[key]
	switch {
	case object == nil:
		delete(t.seen, key)
		t.mu.Unlock()
		return true, nil
	case object.uid != uid:
		t.mu.Unlock()
		return false, &members.NotOursError{Member: t.cluster.name, Key: key, UID: uid}
	}
	slow := t.resource == simNamespaces || t.cluster.keepFinalizing.Load() != nil || rand.IntN(4) == 0
	if slow {
		object.deleting = true
	} else {
		delete(t.objects, key)
		t.removed[key] = true
	}
	t.mu.Unlock()
	if slow {
		t.show(key)
		go t.finalize(key, uid)
	} else if rand.IntN(2) == 0 {
		t.show(key) // the event overtakes the answer
	}
	if err := t.end(ctx); err != nil {
		t.show(key)
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slow {
		delete(t.seen, key)
	} else if object := t.objects[key]; object != nil && object.uid == uid {
		t.seen[key] = object.observed()
	}
	return !slow, nil
}

// finalize ends a deletion that takes a while; a namespace takes its contents
// with it.
func (t *simType) finalize(key types.NamespacedName, uid types.UID) {
	time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
	if keep := t.cluster.keepFinalizing.Load(); keep != nil {
		<-*keep
	}
	if t.resource == simNamespaces {
		contents := t.cluster.of(simConfigMaps)
		contents.mu.Lock()
		var gone []types.NamespacedName
		for name := range contents.objects {
			if name.Namespace == key.Name {
				delete(contents.objects, name)
				gone = append(gone, name)
			}
		}
		contents.mu.Unlock()
		for _, name := range gone {
			contents.show(name)
		}
	}
	t.mu.Lock()
	if object := t.objects[key]; object != nil && object.uid == uid {
		delete(t.objects, key)
	}
	t.mu.Unlock()
	t.show(key)
}

func (t *simType) Unmanage(ctx context.Context, key types.NamespacedName) error {
	if err := t.beginWrite(ctx); err != nil {
		return err
	}
	t.cluster.watcher.removing(t.cluster.name, t.resource, key, false)
	t.wrote()
	t.mu.Lock()
	if object := t.objects[key]; object != nil && object.managed == "true" {
		object.managed, object.body = "", ""
	}
	delete(t.seen, key)
	t.mu.Unlock()
	return t.end(ctx)
}

// disturb is a third party in the cluster that does something to a copy.
func (t *simType) disturb() {
	version := t.next()
	t.mu.Lock()
	var chosen types.NamespacedName
	for key, object := range t.objects {
		if object.deleting || object.managed != "true" {
			continue
		}
		chosen = key
		object.version = version
		switch rand.IntN(3) {
		case 0:
			object.drift++
		case 1:
			object.managed, object.body = "", ""
		case 2:
			delete(t.objects, key)
		}
		break
	}
	t.mu.Unlock()
	t.show(chosen)
}

// lose lets an object be gone.
func (t *simType) lose(key types.NamespacedName) {
	t.mu.Lock()
	delete(t.objects, key)
	t.mu.Unlock()
	t.show(key)
}

// plant makes an object that has our label.
func (t *simType) plant(key types.NamespacedName) {
	version := t.next()
	t.mu.Lock()
	t.objects[key] = &simObject{uid: types.UID(fmt.Sprintf("%s-%d", t.cluster.name, version)), version: version, managed: "true"}
	t.mu.Unlock()
	t.show(key)
}

// copy returns what there is of ours.
func (t *simType) copy(key types.NamespacedName) (simObject, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if object := t.objects[key]; object != nil && object.managed == "true" {
		return *object, true
	}
	return simObject{}, false
}

func (t *simType) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.objects)
}
