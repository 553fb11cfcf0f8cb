package members

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// longestPause is the longest that a member is left alone on its own word: one that
// names a day gets less, and is asked again.
const longestPause = time.Minute

// Flow bounds the requests for copies that are in flight to one member, by what
// the member bears: see pace. All methods may be called at once.
type Flow struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	pace     pace
	inFlight int
	// until is when requests may be sent again, after the member asked for a pause.
	until time.Time
	// room is closed, and made anew, when somebody waits and there may be room.
	room    chan struct{}
	waiting bool
}

// NewFlow returns a Flow of at most that many requests at a time.
func NewFlow(most int, clock clock.PassiveClock) *Flow {
	f := &Flow{clock: clock, room: make(chan struct{})}
	f.pace = newPace(most)
	return f
}

// Await waits until one more request may be sent; Begin counts it. The error is
// that of ctx.
func (f *Flow) Await(ctx context.Context) error {
	for {
		f.mu.Lock()
		left := f.until.Sub(f.clock.Now())
		if left <= 0 && f.inFlight < f.pace.atATime() {
			f.mu.Unlock()
			return ctx.Err()
		}
		f.waiting = true
		room := f.room
		f.mu.Unlock()
		if err := pause(ctx, room, max(left, 0)); err != nil {
			return err
		}
	}
}

// Begin counts a request until end is called. It does not wait.
func (f *Flow) Begin() (end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inFlight--
		f.wake()
	}
}

// Limit returns how many requests may be in flight now, and how many are.
func (f *Flow) Limit() (limit, inFlight int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pace.atATime(), f.inFlight
}

// reset forgets what was learned: the member may be another one.
func (f *Flow) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pace, f.until = newPace(int(f.pace.most)), time.Time{}
	f.wake()
}

// done takes over how a request ended that was sent at began. after is the pause
// that the member asked for, 0 if it did not.
func (f *Flow) done(began time.Time, e ending, after time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	f.pace.done(began, now, f.inFlight, e)
	if until := now.Add(min(after, longestPause)); after > 0 && until.After(f.until) {
		f.until = until
	}
	f.wake()
}

// wake lets those who wait look again. f.mu is held.
func (f *Flow) wake() {
	if f.waiting {
		f.waiting = false
		close(f.room)
		f.room = make(chan struct{})
	}
}
