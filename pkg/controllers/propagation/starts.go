package propagation

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// starts bounds how many requests to all members together have just begun. Each
// member bears some requests at a time; those of a thousand members would keep the
// processors from everything else, and the store and the API of this process, which
// are among that, would not answer in time. A request that takes long waits for its
// member and no processor, and does not count any more: what hangs holds up nobody.
type starts struct {
	slots chan struct{}
	young time.Duration
}

const (
	// startsPerProcessor is so much that ten members are never held up.
	startsPerProcessor = 256
	youngRequest       = time.Second
)

func newStarts() *starts {
	return &starts{slots: make(chan struct{}, startsPerProcessor*runtime.GOMAXPROCS(0)), young: youngRequest}
}

// begin waits until another request may begin; those who wait come in turn. end,
// which is nil if ctx ended before, is to be called when the request has ended.
func (s *starts) begin(ctx context.Context) (end func()) {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	var once sync.Once
	free := func() { once.Do(func() { <-s.slots }) }
	aged := time.AfterFunc(s.young, free)
	return func() {
		aged.Stop()
		free()
	}
}
