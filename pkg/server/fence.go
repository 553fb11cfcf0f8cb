package server

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

var errFenced = errors.New("this replica may no longer be the one that leads")

// fence says how long this replica is known to lead. A process that was held up,
// by its machine or its host's, goes on where it stopped, and may write to a member
// before it notices that another has led since. Time goes on meanwhile, and so the
// fence is closed when it looks.
type fence struct {
	// until is in nanoseconds since start, on the monotonic clock; 0 is never.
	until atomic.Int64
	start time.Time
	// required is set when there can be another replica.
	required atomic.Bool
}

func newFence() *fence {
	// Nothing has been renewed at the start.
	return &fence{start: time.Now()}
}

// check returns an error unless this replica leads for certain.
func (f *fence) check() error {
	if !f.required.Load() || int64(time.Since(f.start)) < f.until.Load() {
		return nil
	}
	return errFenced
}

// lock returns a lock that opens the fence for the time given whenever it has been
// taken or renewed. The time counts from before the request.
func (f *fence) lock(inner resourcelock.Interface, open time.Duration) resourcelock.Interface {
	f.required.Store(true)
	return &fencedLock{Interface: inner, fence: f, open: open}
}

type fencedLock struct {
	resourcelock.Interface
	fence *fence
	open  time.Duration
}

func (l *fencedLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	began := time.Now()
	return l.renewed(began, record, l.Interface.Create(ctx, record))
}

func (l *fencedLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	began := time.Now()
	return l.renewed(began, record, l.Interface.Update(ctx, record))
}

func (l *fencedLock) renewed(began time.Time, record resourcelock.LeaderElectionRecord, err error) error {
	if err != nil {
		return err
	}
	until := int64(0) // it was given up
	if record.HolderIdentity == l.Identity() {
		until = int64(began.Sub(l.fence.start) + l.open)
	}
	l.fence.until.Store(until)
	return nil
}
