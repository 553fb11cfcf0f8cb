package hollow

import (
	"crypto/sha256"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// applied remembers what came of applying a text to nothing, which is the same in
// every member.
type applied struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]*intent
}

// appliedLimit is how many texts are remembered.
const appliedLimit = 1 << 13

// intent is what an applier wants of an object.
type intent struct {
	content      *content
	managers     []manager
	uid, version string
}

func (m *Member) intentOf(k *kind, key types.NamespacedName, body []byte, applier string) (*intent, error) {
	a := &m.fleet.applied
	sum := sha256.Sum256(append([]byte(strings.Join([]string{k.resource, key.String(), applier, ""}, "\n")), body...))
	a.mu.Lock()
	known := a.known[sum]
	a.mu.Unlock()
	if known != nil {
		return known, nil
	}
	u, err := parse(k, key, body)
	if err != nil {
		return nil, err
	}
	wanted := &intent{uid: string(u.GetUID()), version: u.GetResourceVersion()}
	u.SetUID("")
	u.SetResourceVersion("")
	empty := newUnstructured(k)
	result, err := fieldManagers[k].Apply(empty, u, applier, true)
	if err != nil {
		return nil, err
	}
	if wanted.content, wanted.managers, err = m.fleet.reduce(result.(*unstructured.Unstructured)); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= appliedLimit {
		a.known = map[[sha256.Size]byte]*intent{}
	}
	a.known[sum] = wanted
	return wanted, nil
}
