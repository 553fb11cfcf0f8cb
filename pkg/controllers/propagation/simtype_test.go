package propagation

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

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
		t.deliver(key)
	}()
}

// deliver is show at once.
func (t *simType) deliver(key types.NamespacedName) {
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
