package propagation

import (
	"sync"
	"time"
)

// Limits of the repair of drift. Somebody in a member who changes a copy back
// each time would otherwise keep both busy without end.
const (
	// freeRepairs are done at once.
	freeRepairs = 10
	// firstRepairDelay is doubled for every further one, up to lastRepairDelay.
	firstRepairDelay = time.Second
	lastRepairDelay  = time.Minute
	// repairMemory is how long a repair counts.
	repairMemory = 3 * time.Minute
)

// repairs counts how often copies drifted.
type repairs[T comparable] struct {
	mu     sync.Mutex
	copies map[T]repair
}

type repair struct {
	count int
	last  time.Time
}

func newRepairs[T comparable]() *repairs[T] {
	return &repairs[T]{copies: map[T]repair{}}
}

// delay returns how long a copy that has drifted is to be left alone, 0 if it is
// to be repaired now; that then counts as a repair.
func (r *repairs[T]) delay(copy T, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.copies[copy]
	if now.Sub(seen.last) > repairMemory {
		seen = repair{}
	}
	if seen.count >= freeRepairs {
		delay := lastRepairDelay
		if doublings := seen.count - freeRepairs; doublings < 6 {
			delay = min(lastRepairDelay, firstRepairDelay<<doublings)
		}
		if rest := seen.last.Add(delay).Sub(now); rest > 0 {
			return rest
		}
	}
	r.forgetOld(now)
	r.copies[copy] = repair{count: seen.count + 1, last: now}
	return 0
}

// forgetOld bounds the memory: what drifted long ago does not count any more.
func (r *repairs[T]) forgetOld(now time.Time) {
	if len(r.copies)%1024 != 1023 {
		return
	}
	for copy, seen := range r.copies {
		if now.Sub(seen.last) > repairMemory {
			delete(r.copies, copy)
		}
	}
}
