package propagation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

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
