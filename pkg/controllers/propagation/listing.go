package propagation

import (
	"sync"
	"time"
)

// listings knows for how long a member, while it is ready, has been listing the
// copies of kinds.
type listings struct {
	mu sync.Mutex
	of map[*kind]*listing
}

type listing struct {
	since time.Time
	alarm *time.Timer
}

// watchListing follows the state of the copies of a kind. Objects are looked at
// again when listing them takes too long.
func (w *memberWorker) watchListing(k *kind, state CopiesState) {
	w.listings.mu.Lock()
	defer w.listings.mu.Unlock()
	current := w.listings.of[k]
	switch {
	case state != CopiesSyncing && current != nil:
		current.alarm.Stop()
		delete(w.listings.of, k)
	case state == CopiesSyncing && current == nil:
		w.beginListing(k)
	}
}

// restartListings is for a member that has just become ready: what it did not
// answer before does not count.
func (w *memberWorker) restartListings() {
	w.listings.mu.Lock()
	defer w.listings.mu.Unlock()
	for k, current := range w.listings.of {
		current.alarm.Stop()
		w.beginListing(k)
	}
}

// beginListing begins to count. w.listings.mu is held.
func (w *memberWorker) beginListing(k *kind) {
	timeout := w.c.config.Settings().CacheSyncTimeout
	if timeout <= 0 || w.ctx.Err() != nil {
		return
	}
	w.listings.of[k] = &listing{since: w.c.now(), alarm: time.AfterFunc(timeout, func() {
		if w.ctx.Err() == nil && k.ctx.Err() == nil {
			w.resyncRecorded(k)
		}
	})}
}

// overdue says that the copies of a kind are being listed for longer than it may
// take, and how long that is.
func (w *memberWorker) overdue(k *kind) (limit time.Duration, overdue bool) {
	w.listings.mu.Lock()
	defer w.listings.mu.Unlock()
	current, limit := w.listings.of[k], w.c.config.Settings().CacheSyncTimeout
	if current == nil || limit <= 0 {
		return 0, false
	}
	return limit, w.c.now().Sub(current.since) >= limit
}

// endListing forgets about a kind, or about all if k is nil.
func (w *memberWorker) endListing(k *kind) {
	w.listings.mu.Lock()
	defer w.listings.mu.Unlock()
	for listed, current := range w.listings.of {
		if k == nil || listed == k {
			current.alarm.Stop()
			delete(w.listings.of, listed)
		}
	}
}
