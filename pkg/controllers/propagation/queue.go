package propagation

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
)

// backgroundShare is how many urgent items are served for one of the background
// while both wait, so that neither starves.
const backgroundShare = 8

// lane is a work queue in which what a user waits for goes before resyncs.
type lane[T comparable] struct {
	workqueue.TypedRateLimitingInterface[T]
	order *order[T]
}

// newLane makes a lane whose rate-limited additions wait from base, doubling, up
// to most. Its metrics carry name.
func newLane[T comparable](name string, base, most time.Duration) *lane[T] {
	order := &order[T]{background: map[T]struct{}{}, place: map[T]place{}}
	queue := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[T]{Name: name, Queue: order})
	return &lane[T]{
		TypedRateLimitingInterface: workqueue.NewTypedRateLimitingQueueWithConfig(
			workqueue.NewTypedItemExponentialFailureRateLimiter[T](base, most),
			workqueue.TypedRateLimitingQueueConfig[T]{
				DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[T]{
					Name: name, Queue: queue,
				}),
			}),
		order: order,
	}
}

// Add queues an item before those of the background.
func (l *lane[T]) Add(item T) {
	l.order.mark(item, false)
	l.TypedRateLimitingInterface.Add(item)
}

// AddBackground queues an item behind what was added with Add. If it waits
// already, it keeps its place.
func (l *lane[T]) AddBackground(item T) {
	l.order.mark(item, true)
	l.TypedRateLimitingInterface.Add(item)
}

type place int8

const (
	urgent place = iota + 1
	later
)

// order implements workqueue.Queue with two lists.
type order[T comparable] struct {
	mu sync.Mutex
	// background has the items whose next addition is not urgent.
	background map[T]struct{}
	// place of every item that waits. An item that became urgent stays behind in
	// the list of later ones, where it is passed over.
	place         map[T]place
	urgent, later []T
	served        int
}

var _ workqueue.Queue[int] = &order[int]{}

func (o *order[T]) mark(item T, background bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if background {
		o.background[item] = struct{}{}
	} else {
		delete(o.background, item)
	}
}

func (o *order[T]) takeMark(item T) bool {
	_, marked := o.background[item]
	delete(o.background, item)
	return marked
}

// Touch implements workqueue.Queue.
func (o *order[T]) Touch(item T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.takeMark(item) && o.place[item] == later {
		o.place[item] = urgent
		o.urgent = append(o.urgent, item)
	}
}

// Push implements workqueue.Queue.
func (o *order[T]) Push(item T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.takeMark(item) {
		o.place[item] = later
		o.later = append(o.later, item)
		return
	}
	o.place[item] = urgent
	o.urgent = append(o.urgent, item)
}

// Len implements workqueue.Queue.
func (o *order[T]) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.place)
}

// Pop implements workqueue.Queue.
func (o *order[T]) Pop() T {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.served++
	if o.served%(backgroundShare+1) == 0 {
		if item, ok := o.take(&o.later, later); ok {
			return item
		}
	}
	item, ok := o.take(&o.urgent, urgent)
	if !ok {
		item, _ = o.take(&o.later, later)
	}
	return item
}

// take returns the first item of a list that has its place there.
func (o *order[T]) take(list *[]T, want place) (item T, ok bool) {
	for len(*list) > 0 {
		item = (*list)[0]
		(*list)[0] = *new(T)
		*list = (*list)[1:]
		if o.place[item] == want {
			delete(o.place, item)
			return item, true
		}
	}
	return *new(T), false
}
