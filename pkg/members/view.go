package members

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// write is the result of one of our writes.
type write struct {
	number uint64
	// version of the write; 0 when it is not known.
	version uint64
	// gone says that the write took the object out of the view.
	gone bool
	// deleted is the UID of the object that was deleted: its older events may
	// still come, and it can never be there again. after is the last resource
	// version that it was known at.
	deleted  types.UID
	after    uint64
	observed Observed
}

// record is an object of the watch, reduced.
type record struct {
	key      types.NamespacedName
	observed Observed
}

var (
	_ cache.TransformingStore      = &view{}
	_ cache.ReflectorBookmarkStore = &view{}
)

func newView() *view {
	return &view{observed: map[types.NamespacedName]Observed{}, own: map[types.NamespacedName]write{}}
}

// versionOf parses a resource version; ok is false when it cannot be compared.
func versionOf(resourceVersion string) (version uint64, ok bool) {
	version, err := strconv.ParseUint(resourceVersion, 10, 64)
	return version, err == nil && version > 0
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

// wrote merges the result of a write that left the object as o.
func (v *view) wrote(key types.NamespacedName, o Observed) {
	version, _ := versionOf(o.ResourceVersion)
	v.mu.Lock()
	defer v.mu.Unlock()
	// The answer to a request may be without the status: that is as it was.
	if before, ok := v.visible(key); ok && o.Status == nil && before.UID == o.UID {
		o.Status = before.Status
	}
	v.merge(key, write{version: version, observed: o, gone: o.Managed == ""})
}

// deleted merges a deletion of the object with that UID.
func (v *view) deleted(key types.NamespacedName, uid types.UID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	o, known := v.visible(key)
	// What was not seen needs no mark against its late events, and what is there
	// now under another UID is not what was deleted.
	if known && o.UID == uid {
		after, _ := versionOf(o.ResourceVersion)
		v.merge(key, write{gone: true, deleted: uid, after: after})
	}
}

// merge takes over the result of a write. v.mu is held.
func (v *view) merge(key types.NamespacedName, w write) {
	v.writes++
	w.number = v.writes
	if w.version != 0 {
		if w.version <= v.progress {
			return // the watch has been here, and knows more
		}
		if before, ok := v.own[key]; ok && before.version > w.version {
			return // two writes whose answers overtook one another
		}
	}
	v.own[key] = w
}

// listing says that a list is asked for now; consistent that it will hold all
// that was written before.
func (v *view) listing(consistent bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fence = 0
	if consistent {
		v.fence = v.writes
	}
}

// Transformer reduces objects as they come, so that a long list is never held whole.
func (v *view) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return v.recordOf(obj) }
}

// recordOf reduces an object to what is asked for. Of an object that came as
// metadata there is nothing else.
func (v *view) recordOf(obj any) (*record, error) {
	switch o := obj.(type) {
	case *record:
		return o, nil
	case *metav1.PartialObjectMetadata:
		return &record{
			key:      types.NamespacedName{Namespace: o.Namespace, Name: o.Name},
			observed: observe(&o.ObjectMeta),
		}, nil
	case *unstructured.Unstructured:
		observed, err := observeObject(o, v.detailed())
		if err != nil {
			return nil, err
		}
		return &record{key: types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}, observed: observed}, nil
	}
	return nil, fmt.Errorf("unexpected object %T in a watch", obj)
}

// Add takes over an event of the watch.
func (v *view) Add(obj any) error { return v.event(obj, true) }

// Update takes over an event of the watch.
func (v *view) Update(obj any) error { return v.event(obj, true) }

// Delete takes over an event of the watch.
func (v *view) Delete(obj any) error { return v.event(obj, false) }

// Resync has nothing to do: there is no state that a handler could have missed.
func (v *view) Resync() error { return nil }

func (v *view) event(obj any, present bool) error {
	r, err := v.recordOf(obj)
	if err != nil {
		return err
	}
	v.mu.Lock()
	before, was := v.visible(r.key)
	if present {
		v.observed[r.key] = r.observed
	} else {
		delete(v.observed, r.key)
	}
	version, ok := versionOf(r.observed.ResourceVersion)
	if w, found := v.own[r.key]; found && w.supersededBy(r.observed.UID, version, ok, present) {
		delete(v.own, r.key)
	}
	v.advance(version)
	after, is := v.visible(r.key)
	handlers := slices.Clone(v.handlers)
	v.mu.Unlock()
	tell(handlers, changesOf(nil, r.key, before, was, after, is)...)
	return nil
}

// supersededBy says whether an event of the same key is newer than the write.
func (w write) supersededBy(uid types.UID, version uint64, comparable, present bool) bool {
	switch {
	case w.deleted != "" && present:
		return uid != w.deleted && (!comparable || version > w.after)
	case w.deleted != "":
		return uid == w.deleted
	case w.version == 0 || !comparable:
		return true
	}
	return version >= w.version
}

// Bookmark takes over how far the watch has come.
func (v *view) Bookmark(resourceVersion string) error {
	version, ok := versionOf(resourceVersion)
	if !ok {
		return nil
	}
	v.mu.Lock()
	var changes []change
	v.advance(version)
	for key, w := range v.own {
		if w.version == 0 || w.version > version {
			continue
		}
		before, was := v.visible(key)
		delete(v.own, key)
		after, is := v.visible(key)
		changes = changesOf(changes, key, before, was, after, is)
	}
	handlers := slices.Clone(v.handlers)
	v.mu.Unlock()
	tell(handlers, changes...)
	return nil
}

// advance notes that the watch has come to version. v.mu is held.
func (v *view) advance(version uint64) {
	v.progress = max(v.progress, version)
}

// Replace takes over a list as of resourceVersion.
func (v *view) Replace(objs []any, resourceVersion string) error {
	next := make(map[types.NamespacedName]Observed, len(objs))
	for _, obj := range objs {
		r, err := v.recordOf(obj)
		if err != nil {
			return err
		}
		next[r.key] = r.observed
	}
	version, comparable := versionOf(resourceVersion)

	v.mu.Lock()
	former := v.observed
	superseded := map[types.NamespacedName]write{}
	for key, w := range v.own {
		o, listed := next[key]
		if w.number <= v.fence || w.listedBy(o.UID, listed, version, comparable) {
			superseded[key] = w
		}
	}
	keys := make(map[types.NamespacedName]struct{}, len(next))
	for key := range former {
		keys[key] = struct{}{}
	}
	for key := range next {
		keys[key] = struct{}{}
	}
	for key := range v.own {
		keys[key] = struct{}{}
	}
	var changes []change
	for key := range keys {
		before, was := v.visible(key)
		after, is := next[key]
		if w, ok := v.own[key]; ok {
			if _, ok := superseded[key]; !ok {
				after, is = w.observed, !w.gone
			}
		}
		changes = changesOf(changes, key, before, was, after, is)
	}
	for key := range superseded {
		delete(v.own, key)
	}
	v.observed = next
	v.progress = version
	v.fence = 0
	handlers := slices.Clone(v.handlers)
	v.mu.Unlock()

	tell(handlers, changes...)
	return nil
}

// listedBy says whether a list as of version is newer than the write; uid is that
// of the object in the list, if it is listed.
func (w write) listedBy(uid types.UID, listed bool, version uint64, comparable bool) bool {
	switch {
	case w.deleted != "":
		return !listed || uid != w.deleted
	case w.version == 0 || !comparable:
		return true
	}
	return version >= w.version
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
