package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// arrivals are the times at which members showed a state of objects.
type arrivals struct {
	expected int
	// revisionOf reads the revision of an object.
	revisionOf func(*unstructured.Unstructured) string

	mu   sync.Mutex
	seen map[string]time.Time
	all  chan struct{}
	// watching ends all watches, and has ended them when wait returns.
	stop    context.CancelFunc
	watches sync.WaitGroup
	err     error
}

// watchArrivals watches a namespace in all members for a revision of objects, or
// for their end.
func (b *bench) watchArrivals(ctx context.Context, namespace string, op operation, revision string, expected int) (*arrivals, error) {
	ctx, stop := context.WithCancel(ctx)
	a := &arrivals{expected: expected, revisionOf: b.workload.revisionOf, seen: make(map[string]time.Time, expected), all: make(chan struct{}), stop: stop}
	for member, client := range b.members {
		if err := a.watch(ctx, client.Resource(b.workload.target).Namespace(namespace), member, op, revision); err != nil {
			a.close()
			return nil, fmt.Errorf("watch %s: %w", member, err)
		}
	}
	return a, nil
}

func (a *arrivals) watch(ctx context.Context, client dynamic.ResourceInterface, member string, op operation, revision string) error {
	list, err := client.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	watcher, err := client.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		return err
	}
	a.watches.Go(func() {
		for event := range watcher.ResultChan() {
			o, ok := event.Object.(*unstructured.Unstructured)
			if !ok {
				a.fail(fmt.Errorf("watch %s: %v", member, event.Object))
				return
			}
			if op == opDelete && event.Type == watch.Deleted || op != opDelete && a.revisionOf(o) == revision {
				a.add(member+"/"+o.GetName(), time.Now())
			}
		}
		if ctx.Err() == nil {
			a.fail(fmt.Errorf("the watch of %s ended", member))
		}
	})
	return nil
}

func (a *arrivals) add(key string, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.seen[key]; known {
		return
	}
	a.seen[key] = at
	if len(a.seen) == a.expected {
		close(a.all)
	}
}

func (a *arrivals) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
	a.stop()
}

// wait waits until all have arrived, and returns when the last did.
func (a *arrivals) wait(ctx context.Context) (time.Time, error) {
	defer a.close()
	select {
	case <-a.all:
	case <-ctx.Done():
		a.mu.Lock()
		defer a.mu.Unlock()
		return time.Time{}, fmt.Errorf("%d of %d arrived: %w", len(a.seen), a.expected, context.Cause(ctx))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return time.Time{}, a.err
	}
	last := time.Time{}
	for _, at := range a.seen {
		if at.After(last) {
			last = at
		}
	}
	return last, nil
}

// since returns how long after being acknowledged objects arrived in each member,
// in order.
func (a *arrivals) since(members []string, acknowledged []time.Time) []time.Duration {
	var latencies []time.Duration
	for i, at := range acknowledged {
		for _, member := range members {
			latencies = append(latencies, max(0, a.seen[member+"/"+name(i)].Sub(at)))
		}
	}
	slices.Sort(latencies)
	return latencies
}

func (a *arrivals) close() {
	a.stop()
	a.watches.Wait()
}
