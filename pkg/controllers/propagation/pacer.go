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
	// waiting has each key in queue, and why it is there.
	waiting map[objectKey]turn
	queue   []objectKey
	granted map[objectKey]struct{}
	woken   chan struct{}
}

// turn says why a key waits.
type turn struct {
	// certain says that there is something to be written, granted that take is waited
	// for.
	certain, granted bool
	// added is how often it was.
	added int
}

// newPacer makes one that lets perSecond through, and a tenth of that at once after
// a while without any: more would hold up what somebody waits for.
func newPacer(perSecond int) *pacer {
	return &pacer{
		limiter: flowcontrol.NewTokenBucketRateLimiter(float32(perSecond), max(1, perSecond/10)),
		waiting: map[objectKey]turn{}, granted: map[objectKey]struct{}{}, woken: make(chan struct{}, 1),
	}
}

// add has a key let through when it is its turn.
func (p *pacer) add(key objectKey) { p.enqueue(key, turn{certain: true}) }

// addIfStale is add for a key that may need nothing any more when it is its turn;
// then it takes none.
func (p *pacer) addIfStale(key objectKey) { p.enqueue(key, turn{}) }

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
	p.enqueue(key, turn{certain: true, granted: true})
	return false
}

// forget is for a key that will not take its turn.
func (p *pacer) forget(key objectKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.granted, key)
}

func (p *pacer) enqueue(key objectKey, t turn) {
	p.mu.Lock()
	before, waits := p.waiting[key]
	p.waiting[key] = turn{certain: before.certain || t.certain, granted: before.granted || t.granted, added: before.added + 1}
	if !waits {
		p.queue = append(p.queue, key)
	}
	p.mu.Unlock()
	select {
	case p.woken <- struct{}{}:
	default: // it is awake already
	}
}

// run calls let with one key after the other, until ctx ends. isStale says of those
// that may need nothing whether they do.
func (p *pacer) run(ctx context.Context, isStale func(objectKey) bool, let func(objectKey)) {
	for {
		if p.len() == 0 {
			select {
			case <-ctx.Done():
				return
			case <-p.woken:
			}
			continue
		}
		key, seen := p.first()
		if !seen.certain && !isStale(key) {
			p.dropUnchanged(seen)
			continue
		}
		if err := p.limiter.Wait(ctx); err != nil {
			return // ctx ended
		}
		p.drop()
		let(key)
	}
}

func (p *pacer) first() (objectKey, turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue[0], p.waiting[p.queue[0]]
}

// drop takes the first key out of the queue.
func (p *pacer) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropLocked()
}

// dropUnchanged drops the first key unless it was added again since it was seen.
func (p *pacer) dropUnchanged(seen turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting[p.queue[0]] == seen {
		p.dropLocked()
	}
}

// dropLocked is drop; p.mu is held.
func (p *pacer) dropLocked() {
	key := p.queue[0]
	p.queue = p.queue[1:]
	if p.waiting[key].granted {
		p.granted[key] = struct{}{}
	}
	delete(p.waiting, key)
}

func (p *pacer) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}
