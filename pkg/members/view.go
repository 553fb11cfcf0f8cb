package members

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// view is what is known of the copies of a type in a member: what the watch
// said, and over it the results of our own writes that the watch has not come to
// yet. A reflector feeds it.
type view struct {
	mu       sync.RWMutex
	observed map[types.NamespacedName]Observed
	own      map[types.NamespacedName]write
	// progress is the resource version that the watch has come to: events come in
	// the order of their resource versions. 0 when that is not known.
	progress uint64
	// writes counts our own writes; fence is its value when the list that is under
	// way was asked for, if that list is a consistent one. What was written before
	// is in the list, whatever the resource versions say: they go back when the
	// member is restored from a backup.
	writes, fence uint64
	handlers      []handlers
	detail        Detail
	// most bounds the objects, mostBytes their statuses.
	most, mostBytes int
	// arriving counts the objects of the list that is under way, or else those that
	// are observed; arrivingBytes is the length of their statuses.
	arriving, arrivingBytes int
	// bytes is the length of the statuses in observed.
	bytes int
	// misbehaved is told what a member cannot mean, nil if there is nobody to tell.
	misbehaved func(detail string)
}

// setDetail says how much is kept of objects that come whole.
func (v *view) setDetail(detail Detail) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.detail = detail
}

func (v *view) detailed() Detail {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.detail
}

var (
	_ cache.TransformingStore      = &view{}
	_ cache.ReflectorBookmarkStore = &view{}
)

func newView(most, mostBytes int) *view {
	return &view{most: most, mostBytes: mostBytes, observed: map[types.NamespacedName]Observed{}, own: map[types.NamespacedName]write{}}
}

func (v *view) addHandler(changed, status func(types.NamespacedName)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.handlers = append(v.handlers, handlers{changed: changed, status: status})
}

func (v *view) get(key types.NamespacedName) (Observed, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.visible(key)
}

// visible is get for who holds the lock.
func (v *view) visible(key types.NamespacedName) (Observed, bool) {
	if w, ok := v.own[key]; ok {
		if w.gone {
			return Observed{}, false
		}
		return w.observed, true
	}
	o, ok := v.observed[key]
	return o, ok
}

func (v *view) keys() []types.NamespacedName {
	v.mu.RLock()
	defer v.mu.RUnlock()
	keys := make([]types.NamespacedName, 0, len(v.observed))
	for key := range v.observed {
		if _, ok := v.visible(key); ok {
			keys = append(keys, key)
		}
	}
	for key, w := range v.own {
		if _, ok := v.observed[key]; !ok && !w.gone {
			keys = append(keys, key)
		}
	}
	return keys
}

func (v *view) len() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	n := len(v.observed)
	for key, w := range v.own {
		switch _, ok := v.observed[key]; {
		case ok && w.gone:
			n--
		case !ok && !w.gone:
			n++
		}
	}
	return n
}

// reset forgets everything, as when the member's address changed and the
// resource versions are another cluster's.
func (v *view) reset() {
	v.mu.Lock()
	v.own = map[types.NamespacedName]write{}
	v.progress = 0
	v.mu.Unlock()
	_ = v.Replace(nil, "") // fails on a wrong object only
}
