package members

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// record is an object of the watch, reduced.
type record struct {
	key      types.NamespacedName
	observed Observed
}

// versionOf parses a resource version; ok is false when it cannot be compared.
func versionOf(resourceVersion string) (version uint64, ok bool) {
	version, err := strconv.ParseUint(resourceVersion, 10, 64)
	return version, err == nil && version > 0
}

// listing says that a list is asked for now; consistent that it will hold all
// that was written before.
func (v *view) listing(consistent bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fence, v.arriving, v.arrivingBytes = 0, 0, 0
	if consistent {
		v.fence = v.writes
	}
}

// Transformer reduces objects as they come, so that a long list is never held whole.
func (v *view) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) {
		r, err := v.recordOf(obj)
		if err == nil {
			v.suspect(r)
		}
		return r, err
	}
}

// suspect looks at an object that has arrived for what a member would not say.
func (v *view) suspect(r *record) {
	v.mu.Lock()
	v.arriving++
	v.arrivingBytes += r.observed.bytes()
	detail := cmp.Or(r.implausible(), tooMany(v.arriving, v.most), tooLong(v.arrivingBytes, v.mostBytes))
	misbehaved := v.misbehaved
	v.mu.Unlock()
	if detail != "" && misbehaved != nil {
		misbehaved(detail)
	}
}

// recordOf reduces an object to what is asked for. Of an object that came as
// metadata there is nothing else.
func (v *view) recordOf(obj any) (*record, error) {
	switch o := obj.(type) {
	case *record:
		return o, nil
	case *metav1.PartialObjectMetadata:
		return &record{
			key:      types.NamespacedName{Namespace: *namespaces.of(o.Namespace), Name: o.Name},
			observed: observe(&o.ObjectMeta),
		}, nil
	case *unstructured.Unstructured:
		observed, err := observeObject(o, v.detailed())
		if err != nil {
			return nil, err
		}
		return &record{key: types.NamespacedName{Namespace: *namespaces.of(o.GetNamespace()), Name: o.GetName()}, observed: observed}, nil
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
	if present {
		v.mu.Lock()
		v.arriving, v.arrivingBytes = len(v.observed), v.bytes-v.observed[r.key].bytes()
		v.mu.Unlock()
		v.suspect(r)
	}
	v.mu.Lock()
	before, was := v.visible(r.key)
	v.bytes -= v.observed[r.key].bytes()
	if present {
		v.observed[r.key] = r.observed
		v.bytes += r.observed.bytes()
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
	next, bytes := make(map[types.NamespacedName]Observed, len(objs)), 0
	for _, obj := range objs {
		r, err := v.recordOf(obj)
		if err != nil {
			return err
		}
		bytes += r.observed.bytes() - next[r.key].bytes()
		if detail := cmp.Or(r.implausible(), tooMany(len(next), v.most), tooLong(bytes, v.mostBytes)); detail != "" {
			return &MisbehavedError{Detail: detail}
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
	v.observed, v.bytes = next, bytes
	v.progress = version
	v.fence = 0
	handlers := slices.Clone(v.handlers)
	v.mu.Unlock()

	tell(handlers, changes...)
	return nil
}
