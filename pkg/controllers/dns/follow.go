package dns

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	// minBackoff and maxBackoff bound the time between two tries to follow objects.
	minBackoff, maxBackoff = time.Second, 10 * time.Second
	// listTimeout bounds a page of a list.
	listTimeout = time.Minute
	// reflectorVerbosity is the level of what reflectors log of each watch.
	reflectorVerbosity = 4
)

// session calls use with a client of a cluster, when there is a way to it; see
// members.Member.Session.
type session func(ctx context.Context, use func(ctx context.Context, client dynamic.Interface, cluster string) error) error

// selection says which objects of a cluster are followed.
type selection struct {
	resource schema.GroupVersionResource
	// namespace of the objects; empty for all.
	namespace string
	// labels is a label selector.
	labels string
}

// follower knows some objects of a cluster, reduced to T. What was last known
// stays known while the cluster cannot be reached.
type follower[T any] struct {
	selection selection
	session   session
	reduce    func(*unstructured.Unstructured) (T, error)
	// changed is called for each object that is not what it was, with what it was and
	// is, and state when the list is complete or an attempt to follow failed. Both
	// must return soon.
	changed func(key types.NamespacedName, before, after T)
	state   func()

	mu       sync.RWMutex
	objects  map[types.NamespacedName]T
	complete bool
	err      error
	cluster  string
}

// run follows until ctx ends.
func (f *follower[T]) run(ctx context.Context) {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).V(reflectorVerbosity))
	delay := backoff()
	for ctx.Err() == nil {
		err := f.session(ctx, f.once)
		if ctx.Err() != nil {
			return
		}
		if f.ended(err) {
			delay = backoff() // it worked before
		}
		timer := time.NewTimer(delay.Step())
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func backoff() *wait.Backoff {
	return &wait.Backoff{Duration: minBackoff, Factor: 2, Jitter: 0.2, Steps: 32, Cap: maxBackoff}
}

// once follows for as long as a connection lasts.
func (f *follower[T]) once(ctx context.Context, client dynamic.Interface, cluster string) error {
	f.mu.Lock()
	if f.cluster != cluster {
		// Another cluster than before, or the first.
		f.cluster, f.complete, f.objects = cluster, false, nil
	}
	f.mu.Unlock()
	objects := client.Resource(f.selection.resource).Namespace(f.selection.namespace)
	logger := klog.FromContext(ctx)
	reflector := cache.NewReflectorWithOptions(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			ctx, cancel := context.WithTimeout(ctx, listTimeout)
			defer cancel()
			options.LabelSelector = f.selection.labels
			list, err := objects.List(ctx, options)
			if err != nil {
				return nil, err // a typed nil would be a list
			}
			return list, nil
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = f.selection.labels
			return objects.Watch(ctx, options)
		},
	}, nil, f, cache.ReflectorOptions{Logger: &logger, Name: "dns", TypeDescription: f.selection.resource.String(), Backoff: backoff()})
	return reflector.ListAndWatchWithContext(ctx)
}

// ended notes why an attempt ended, and returns whether it had come to a complete
// list.
func (f *follower[T]) ended(err error) (worked bool) {
	f.mu.Lock()
	worked = f.err == nil && f.complete
	f.err = err
	f.mu.Unlock()
	if err != nil {
		f.state()
	}
	return worked
}

// get returns an object. Only when known says so does false mean that there is none.
func (f *follower[T]) get(key types.NamespacedName) (T, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	object, ok := f.objects[key]
	return object, ok
}

// all returns all objects that are known.
func (f *follower[T]) all() map[types.NamespacedName]T {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return maps.Clone(f.objects)
}

// known says whether the objects have been listed, and what went wrong since then
// or before.
func (f *follower[T]) known() (bool, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.complete, f.err
}

// reduced is an object of the watch.
type reduced[T any] struct {
	key   types.NamespacedName
	value T
}

var _ cache.TransformingStore = &follower[int]{}

// Transformer reduces objects as they come, so that a long list is never held
// whole.
func (f *follower[T]) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return f.reducedOf(obj) }
}

func (f *follower[T]) reducedOf(obj any) (*reduced[T], error) {
	switch o := obj.(type) {
	case *reduced[T]:
		return o, nil
	case *unstructured.Unstructured:
		key := types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
		value, err := f.reduce(o)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.GetKind(), key, err)
		}
		return &reduced[T]{key: key, value: value}, nil
	}
	return nil, fmt.Errorf("unexpected object %T in a watch", obj)
}

// Add takes over an event of the watch.
func (f *follower[T]) Add(obj any) error { return f.event(obj, true) }

// Update takes over an event of the watch.
func (f *follower[T]) Update(obj any) error { return f.event(obj, true) }

// Delete takes over an event of the watch.
func (f *follower[T]) Delete(obj any) error { return f.event(obj, false) }

func (f *follower[T]) event(obj any, present bool) error {
	r, err := f.reducedOf(obj)
	if err != nil {
		return err
	}
	f.mu.Lock()
	before, was := f.objects[r.key]
	if present {
		f.objects[r.key] = r.value
	} else {
		delete(f.objects, r.key)
	}
	after := f.objects[r.key]
	f.mu.Unlock()
	if was != present || !reflect.DeepEqual(before, after) {
		f.changed(r.key, before, after)
	}
	return nil
}

// Replace takes over a complete list.
func (f *follower[T]) Replace(objs []any, _ string) error {
	next := make(map[types.NamespacedName]T, len(objs))
	for _, obj := range objs {
		r, err := f.reducedOf(obj)
		if err != nil {
			return err
		}
		next[r.key] = r.value
	}
	f.mu.Lock()
	before, news := f.objects, !f.complete || f.err != nil
	f.objects, f.complete, f.err = next, true, nil
	f.mu.Unlock()
	for key, value := range next {
		if old, was := before[key]; !was || !reflect.DeepEqual(old, value) {
			f.changed(key, old, value)
		}
	}
	for key, old := range before {
		if value, is := next[key]; !is {
			f.changed(key, old, value)
		}
	}
	if news {
		f.state()
	}
	return nil
}

// Resync has nothing to do: there is no state that a handler could have missed.
func (f *follower[T]) Resync() error { return nil }
