package members

import (
	"context"
	"fmt"
	"maps"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// Selection says which objects of a member are followed.
type Selection struct {
	// Resource of the objects.
	Resource schema.GroupVersionResource
	// Namespace of the objects; empty for all.
	Namespace string
	// Labels that the objects must have, as a selector; empty for any.
	Labels string
}

// Following keeps, for every object of a Selection in a member, what it was
// reduced to. It reads only. What was seen stays known while the member cannot be
// reached; Synced says whether it is up to date.
type Following[T any] struct {
	member    *Member
	selection Selection
	reduce    func(*unstructured.Unstructured) T
	changed   func(types.NamespacedName)
	ctx       context.Context
	cancel    context.CancelFunc

	mu      sync.RWMutex
	objects map[types.NamespacedName]T
	synced  bool
	err     error
}

// Follow begins to follow objects of a member; it ends with the member, or with
// Stop. reduce makes what is kept of an object, which it must not change. changed
// is called with its name after an object has changed, and without one when all may
// have, or Synced says something else; it must return soon.
func Follow[T any](m *Member, selection Selection, reduce func(*unstructured.Unstructured) T, changed func(types.NamespacedName)) *Following[T] {
	ctx, cancel := context.WithCancel(m.ctx)
	f := &Following[T]{
		member: m, selection: selection, reduce: reduce, changed: changed, ctx: ctx, cancel: cancel,
		objects: map[types.NamespacedName]T{},
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() == nil {
		m.running.Go(f.run)
	}
	return f
}

// Stop ends the following.
func (f *Following[T]) Stop() { f.cancel() }

// Get returns what is known of an object.
func (f *Following[T]) Get(key types.NamespacedName) (object T, found bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	object, found = f.objects[key]
	return object, found
}

// All returns what is known of all objects.
func (f *Following[T]) All() map[types.NamespacedName]T {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return maps.Clone(f.objects)
}

// Synced says whether the objects have been listed and are watched. The error says
// why they are not, where that is known; without one, the list is under way.
func (f *Following[T]) Synced() (bool, error) {
	if err := f.member.Err(); err != nil {
		return false, err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.synced, f.err
}

func (f *Following[T]) run() {
	t := &Type{member: f.member} // for its back-off
	delay := t.backoff()
	for {
		conn, err := f.member.await(f.ctx)
		if err != nil {
			return // stopped
		}
		ctx, cancel := context.WithCancel(conn.ctx)
		stop := context.AfterFunc(f.ctx, cancel)
		// How watches fare is the business of Synced; the reflector would tell of each.
		logger := klog.FromContext(ctx).V(reflectorVerbosity)
		err = f.newReflector(conn, &logger).ListAndWatchWithContext(klog.NewContext(ctx, logger))
		stop()
		cancel()
		if f.ctx.Err() != nil {
			return
		}
		if f.interrupted(conn, err) {
			delay = t.backoff() // it worked before
		}
		if pause(f.ctx, f.member.changes(), delay.Step()) != nil {
			return
		}
	}
}

func (f *Following[T]) newReflector(conn *connection, logger *klog.Logger) *cache.Reflector {
	client := conn.objects.Resource(f.selection.Resource)
	objects := dynamic.ResourceInterface(client)
	if f.selection.Namespace != "" {
		objects = client.Namespace(f.selection.Namespace)
	}
	return cache.NewReflectorWithOptions(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector = f.selection.Labels
			ctx, cancel := context.WithTimeout(ctx, 2*f.member.options.RequestTimeout)
			defer cancel()
			list, err := objects.List(ctx, options)
			if err != nil {
				return nil, err // a typed nil would be a list
			}
			return list, nil
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = f.selection.Labels
			return objects.Watch(ctx, options)
		},
	}, &unstructured.Unstructured{}, followed[T]{f}, cache.ReflectorOptions{
		Logger: logger, Name: f.member.name, TypeDescription: f.selection.Resource.String(),
	})
}

// interrupted says that the watch ended, and returns whether it worked until then.
func (f *Following[T]) interrupted(conn *connection, err error) (wasSynced bool) {
	f.mu.Lock()
	wasSynced = f.synced
	f.synced, f.err = false, conn.errorOf(f.ctx, f.selection.Resource, err)
	f.mu.Unlock()
	f.changed(types.NamespacedName{})
	return wasSynced
}

// reduced is an object of the watch.
type reduced[T any] struct {
	key    types.NamespacedName
	object T
}

// followed is what the reflector writes to.
type followed[T any] struct {
	of *Following[T]
}

// Transformer reduces objects as they come, so that a long list is never held whole.
func (f followed[T]) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) {
		object, ok := obj.(*unstructured.Unstructured)
		if !ok {
			return nil, fmt.Errorf("unexpected object %T in a watch", obj)
		}
		return f.reduce(object), nil
	}
}

func (f followed[T]) reduce(object *unstructured.Unstructured) *reduced[T] {
	return &reduced[T]{
		key:    types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()},
		object: f.of.reduce(object),
	}
}

func (f followed[T]) change(obj any, apply func(r *reduced[T])) error {
	r, ok := obj.(*reduced[T])
	if object, whole := obj.(*unstructured.Unstructured); whole {
		r, ok = f.reduce(object), true
	}
	if !ok {
		return fmt.Errorf("unexpected object %T in a watch", obj)
	}
	f.of.mu.Lock()
	if len(f.of.objects) < f.of.member.options.MaxObjects {
		apply(r)
	}
	f.of.mu.Unlock()
	f.of.changed(r.key)
	return nil
}

// Add takes over an event of the watch.
func (f followed[T]) Add(obj any) error {
	return f.change(obj, func(r *reduced[T]) { f.of.objects[r.key] = r.object })
}

// Update takes over an event of the watch.
func (f followed[T]) Update(obj any) error { return f.Add(obj) }

// Delete takes over an event of the watch.
func (f followed[T]) Delete(obj any) error {
	return f.change(obj, func(r *reduced[T]) { delete(f.of.objects, r.key) })
}

// Replace takes over a list.
func (f followed[T]) Replace(list []any, _ string) error {
	next := make(map[types.NamespacedName]T, len(list))
	for _, obj := range list {
		r, ok := obj.(*reduced[T])
		if object, whole := obj.(*unstructured.Unstructured); whole {
			r, ok = f.reduce(object), true
		}
		if !ok {
			return fmt.Errorf("unexpected object %T in a list", obj)
		}
		next[r.key] = r.object
	}
	f.of.mu.Lock()
	f.of.objects, f.of.synced, f.of.err = next, true, nil
	f.of.mu.Unlock()
	f.of.changed(types.NamespacedName{})
	return nil
}

// Resync has nothing to do: there is no state that a handler could have missed.
func (followed[T]) Resync() error { return nil }
