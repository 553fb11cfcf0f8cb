package removals

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Window counts the objects that lost copies within an interval that ends now. It
// may be used by several goroutines. The zero value is empty.
type Window struct {
	mu sync.Mutex
	at map[types.UID]time.Time
	// order has what was noted, by time. An object that was noted again is there
	// twice.
	order []noted
}

type noted struct {
	uid types.UID
	at  time.Time
}

// Admit counts an object, unless it is one more than limit. One that is counted
// already may go on.
func (w *Window) Admit(uid types.UID, now time.Time, interval time.Duration, limit int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prune(now.Add(-interval))
	if _, known := w.at[uid]; !known && len(w.at) >= limit {
		return false
	}
	w.note(uid, now)
	return true
}

// Note counts an object that lost a copy at a time, whatever the limit is.
func (w *Window) Note(uid types.UID, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(uid, at)
}

// Forget drops an object that does not exist any more.
func (w *Window) Forget(uid types.UID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.at, uid)
}

// Count returns how many objects lost copies.
func (w *Window) Count(now time.Time, interval time.Duration) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prune(now.Add(-interval))
	return len(w.at)
}

func (w *Window) note(uid types.UID, at time.Time) {
	if before, known := w.at[uid]; known && at.Sub(before) < time.Second {
		return
	}
	if w.at == nil {
		w.at = map[types.UID]time.Time{}
	}
	w.at[uid] = at
	place, _ := slices.BinarySearchFunc(w.order, at, func(n noted, at time.Time) int { return n.at.Compare(at) })
	w.order = slices.Insert(w.order, place, noted{uid, at})
}

// prune forgets what was before a time. w.mu is held.
func (w *Window) prune(before time.Time) {
	n := 0
	for n < len(w.order) && !w.order[n].at.After(before) {
		first := w.order[n]
		if at, known := w.at[first.uid]; known && at.Equal(first.at) {
			delete(w.at, first.uid)
		}
		n++
	}
	w.order = w.order[n:]
}
