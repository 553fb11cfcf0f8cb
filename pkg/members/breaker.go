package members

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// failuresToOpen is the number of consecutive requests without any answer after
// which a member counts as unreachable.
const failuresToOpen = 3

// breaker keeps requests away from a member that does not answer. After some
// consecutive failures it refuses requests for a time, then lets one through: when
// that is answered all may pass, else the time doubles. It doubles too when the
// member stops to answer again soon after: whenever it comes back, all its copies
// are looked at. Any answer counts, an error status too.
type breaker struct {
	clock    clock.PassiveClock
	min, max time.Duration
	// changed is called, without the lock, when the breaker opens or closes.
	changed func()

	mu       sync.Mutex
	failures int
	window   time.Duration
	until    time.Time
	// closed is when the member last answered again.
	closed time.Time
	trial  bool
	last   error
}

// open returns why and for how long requests are refused now. It returns no
// error when a request may be tried.
func (b *breaker) open() (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refusal()
}

func (b *breaker) refusal() (time.Duration, error) {
	if b.failures < failuresToOpen {
		return 0, nil
	}
	left := b.until.Sub(b.clock.Now())
	if left <= 0 {
		if !b.trial {
			return 0, nil
		}
		left = b.min // until the one that is on its way is answered
	}
	return left, fmt.Errorf("it did not answer %d times, at last: %w", b.failures, b.last)
}

// enter asks to send a request; each success must be followed by one of answered,
// failed and abandoned.
func (b *breaker) enter() (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left, err := b.refusal(); err != nil {
		return left, err
	}
	b.trial = b.failures >= failuresToOpen
	return 0, nil
}

func (b *breaker) answered() {
	b.mu.Lock()
	opened := b.failures >= failuresToOpen
	b.failures, b.trial, b.last = 0, false, nil
	if opened {
		b.closed = b.clock.Now()
	}
	b.mu.Unlock()
	if opened {
		b.changed()
	}
}

// abandoned says that the caller gave up, which says nothing about the member.
func (b *breaker) abandoned() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trial = false
}

func (b *breaker) failed(err error) {
	b.mu.Lock()
	b.trial = false
	b.failures++
	b.last = err
	now := b.clock.Now()
	opens := b.failures == failuresToOpen
	if opens && now.Sub(b.closed) > b.max {
		b.window = 0
	}
	// Requests that were on their way when it opened do not lengthen the time.
	if b.failures >= failuresToOpen && !now.Before(b.until) {
		b.window = min(max(2*b.window, b.min), b.max)
		b.until = now.Add(b.window)
	}
	b.mu.Unlock()
	if opens {
		b.changed()
	}
}
