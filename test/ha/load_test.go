package ha

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// load is what several clients do through the host all the time: they create,
// change, list and delete, and one watches. None of them is told how to bear a
// failure: what client-go repeats by itself is all that is repeated.
type load struct {
	f *federation
	// number of the load, in the names of its objects: one that was being created when
	// its load ended is there for ever.
	number   int64
	cancel   context.CancelFunc
	clients  sync.WaitGroup
	requests atomic.Int64

	mu       sync.Mutex
	failed   []error
	created  map[string]bool
	observed map[string]int
	deleted  map[string]int
	// refused is the last error that the watch was told; lost says that it could not
	// be resumed where it ended.
	refused error
	lost    bool
}

// loads have been started.
var loads atomic.Int64

// startLoad begins with the given number of clients.
func (f *federation) startLoad(clients int) *load {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.ctx())
	l := &load{f: f, number: loads.Add(1), cancel: cancel, created: map[string]bool{}, observed: map[string]int{}, deleted: map[string]int{}}
	for _, server := range f.servers {
		f.awaitCache(server)
	}
	objects := f.in(federatedConfigMaps, namespace)
	list, err := objects.List(ctx, metav1.ListOptions{})
	require.NoError(f.t, err)
	watcher, err := toolswatch.NewRetryWatcherWithContext(ctx, list.GetResourceVersion(), &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return objects.Watch(ctx, options)
		},
	})
	require.NoError(f.t, err)
	l.clients.Go(func() {
		defer watcher.Stop()
		for {
			select {
			case event, open := <-watcher.ResultChan():
				if !open {
					l.lose(ctx)
					return
				}
				l.see(event)
			case <-ctx.Done():
				return
			}
		}
	})
	for i := range clients {
		l.clients.Go(func() { l.run(ctx, i) })
	}
	f.t.Cleanup(func() { cancel(); l.clients.Wait() })
	return l
}

// awaitCache waits until a replica watches from a cache that has what is stored now.
// A cache that is filled later can not tell what was before: a watch that goes on
// from there is told to list again, and one that only watches ends.
func (f *federation) awaitCache(server *env.Replica) {
	f.t.Helper()
	objects := f.at(server).Resource(federatedConfigMaps).Namespace(namespace)
	f.eventually("the watch cache of a replica", func(ctx context.Context) error {
		yes := true
		watcher, err := objects.Watch(ctx, metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
		if err != nil {
			return err
		}
		defer watcher.Stop()
		for event := range watcher.ResultChan() {
			switch event.Type {
			case watch.Bookmark:
				return nil
			case watch.Error:
				return apierrors.FromObject(event.Object)
			}
		}
		return fmt.Errorf("the watch ended")
	})
}

func (l *load) see(event watch.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	object, ok := event.Object.(*unstructured.Unstructured)
	if !ok || event.Type == watch.Error {
		l.refused = apierrors.FromObject(event.Object)
		return
	}
	switch event.Type {
	case watch.Added:
		l.observed[object.GetName()]++
	case watch.Deleted:
		l.deleted[object.GetName()]++
	}
}

func (l *load) lose(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = ctx.Err() == nil
}

func (l *load) fail(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, fmt.Errorf("%s: %w", time.Now().Format(time.TimeOnly+".000"), err))
}

// run is one client. Its objects are for no cluster: what is measured is the API.
func (l *load) run(ctx context.Context, client int) {
	objects := l.f.client(l.f.Host().Config()).Resource(federatedConfigMaps).Namespace(namespace)
	for i := 0; ctx.Err() == nil; i++ {
		name := fmt.Sprintf("load-%d-%d-%d", l.number, client, i)
		object := federatedConfigMap(name, "1")
		unstructured.RemoveNestedField(object.Object, "spec", "placement")
		_, err := objects.Create(ctx, object, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			err = nil // client-go repeated it, and the answer to the first try was lost
		}
		l.fail(ctx, wrap("create", err))
		l.mu.Lock()
		l.created[name] = err == nil
		l.mu.Unlock()
		if err != nil {
			continue
		}
		_, err = objects.Patch(ctx, name, "application/merge-patch+json", []byte(`{"spec":{"template":{"data":{"key":"2"}}}}`), metav1.PatchOptions{})
		l.fail(ctx, wrap("patch", err))
		list, err := objects.List(ctx, metav1.ListOptions{})
		l.fail(ctx, wrap("list", err))
		if err == nil && !has(list, name) {
			l.fail(ctx, fmt.Errorf("the list lacks %s, which was created", name))
		}
		l.fail(ctx, wrap("delete", objects.Delete(context.WithoutCancel(ctx), name, metav1.DeleteOptions{})))
		l.requests.Add(4)
	}
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func has(list runtime.Object, name string) bool {
	for _, item := range list.(*unstructured.UnstructuredList).Items {
		if item.GetName() == name {
			return true
		}
	}
	return false
}

// more waits until the load has done so many requests more: that it goes on.
func (l *load) more(requests int64) {
	l.f.t.Helper()
	want := l.requests.Load() + requests
	l.f.eventually("the load to go on", func(context.Context) error {
		if got := l.requests.Load(); got < want {
			return fmt.Errorf("%d of %d requests", got, want)
		}
		return nil
	})
}

// end stops the clients, and checks that no request failed, and that the watch has
// missed nothing and seen nothing twice.
func (l *load) end() {
	l.f.t.Helper()
	l.more(40)
	l.f.eventually("the watch to catch up", func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		require.False(l.f.t, l.lost, "the watch cannot be resumed: %v", l.refused)
		for name, created := range l.created {
			if created && l.observed[name] == 0 {
				return fmt.Errorf("it has not seen %s, but %d of %d objects", name, len(l.observed), len(l.created))
			}
		}
		return nil
	})
	l.stop(0)
	for name, times := range l.observed {
		assert.Equal(l.f.t, 1, times, "ADDED of %s", name)
	}
	for name, times := range l.deleted {
		assert.Equal(l.f.t, 1, times, "DELETED of %s", name)
	}
}

// stop stops the clients, and checks that no request failed but for a number of
// writes that the host could not bring to a replica.
func (l *load) stop(undelivered int) {
	l.f.t.Helper()
	l.cancel()
	l.clients.Wait()
	assert.LessOrEqual(l.f.t, len(l.failed), undelivered, "of %d requests: %v", l.requests.Load(), l.failed)
	for _, err := range l.failed {
		assert.True(l.f.t, apierrors.IsServiceUnavailable(err) && !strings.Contains(err.Error(), "list: "), "%v", err)
	}
	l.f.t.Logf("%d requests", l.requests.Load())
}
