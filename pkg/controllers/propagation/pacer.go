package propagation

import (
	"context"
	"sync"

	"k8s.io/client-go/util/flowcontrol"
)

// pacer lets through at a bounded rate what nobody waits for, one key at a time and
// each once however often it is added.
type pacer struct {
	limiter flowcontrol.RateLimiter

	mu sync.Mutex
	// waiting says of each key in queue whether it is to be granted a turn.
	waiting map[objectKey]bool
	queue   []objectKey
	granted map[objectKey]struct{}
	woken   chan struct{}
}

// newPacer makes one that lets perSecond through, and as many at once after a
// second without any.
func newPacer(perSecond int) *pacer {
	return &pacer{
		limiter: flowcontrol.NewTokenBucketRateLimiter(float32(perSecond), perSecond),
		waiting: map[objectKey]bool{}, granted: map[objectKey]struct{}{}, woken: make(chan struct{}, 1),
	}
}

// add has a key let through when it is its turn.
func (p *pacer) add(key objectKey) { p.enqueue(key, false) }

// take says whether it is the turn of a key. If not, it is let through when it is,
// and take then says so.
func (p *pacer) take(key objectKey) bool {
	p.mu.Lock()
	_, granted := p.granted[key]
	delete(p.granted, key)
	p.mu.Unlock()
	if granted || p.limiter.TryAccept() {
		return true
	}
	p.enqueue(key, true)
	return false
}

// forget is for a key that will not take its turn.
func (p *pacer) forget(key objectKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.granted, key)
}

func (p *pacer) enqueue(key objectKey, grant bool) {
	p.mu.Lock()
	before, waits := p.waiting[key]
	p.waiting[key] = before || grant
	if !waits {
		p.queue = append(p.queue, key)
	}
	p.mu.Unlock()
	select {
	case p.woken <- struct{}{}:
	default: // it is awake already
	}
}

// run calls let with one key after the other, until ctx ends.
func (p *pacer) run(ctx context.Context, let func(objectKey)) {
	for {
		if p.len() == 0 {
			select {
			case <-ctx.Done():
				return
			case <-p.woken:
			}
			continue
		}
		if err := p.limiter.Wait(ctx); err != nil {
			return // ctx ended
		}
		let(p.pop())
	}
}

func (p *pacer) pop() objectKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := p.queue[0]
	p.queue = p.queue[1:]
	if p.waiting[key] {
		p.granted[key] = struct{}{}
	}
	delete(p.waiting, key)
	return key
}

func (p *pacer) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}
