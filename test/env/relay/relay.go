// Package relay forwards TCP connections on the loopback interface and can disturb them as a network does: slow, silent
// or refusing.
package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Mode is what happens to traffic.
type Mode string

const (
	// Forward passes everything on.
	Forward Mode = "Forward"
	// Drop passes nothing on and says nothing: connections stay open, new ones are accepted, as if packets were lost.
	// What was sent meanwhile arrives when the mode is Forward again.
	Drop Mode = "Drop"
	// Refuse resets every connection, open or new.
	Refuse Mode = "Refuse"
)

// Condition is the state of the simulated network.
type Condition struct {
	Mode Mode `json:"mode"`
	// Delay is added to everything that passes, in each direction.
	Delay time.Duration `json:"delay,omitempty"`
}

// Relay listens on loopback and forwards to a target.
type Relay struct {
	listener net.Listener
	target   func() (string, error)
	cancel   context.CancelFunc
	done     sync.WaitGroup

	mu        sync.Mutex
	condition Condition
	// changed is closed, and replaced, when the condition changes.
	changed chan struct{}
	open    map[*link]struct{}
}

// Listen starts a relay on the given address that forwards to target until Close.
func Listen(address, target string) (*Relay, error) {
	return Balance(address, func() (string, error) { return target, nil })
}

// Balance starts a relay on the given address that asks for the target of each new connection, as a Service chooses an
// endpoint. Without a target the connection is reset.
func Balance(address string, target func() (string, error)) (*Relay, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("relay at %s: %w", address, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Relay{
		listener:  listener,
		target:    target,
		cancel:    cancel,
		condition: Condition{Mode: Forward},
		changed:   make(chan struct{}),
		open:      map[*link]struct{}{},
	}
	r.done.Add(1)
	go r.accept(ctx)
	return r, nil
}

// Address is where the relay listens.
func (r *Relay) Address() string {
	return r.listener.Addr().String()
}

// Set changes the condition, for open connections and for new ones.
func (r *Relay) Set(condition Condition) error {
	switch condition.Mode {
	case Forward, Drop, Refuse:
	default:
		return fmt.Errorf("relay at %s: unknown mode %q", r.Address(), condition.Mode)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.condition = condition
	close(r.changed)
	r.changed = make(chan struct{})
	if condition.Mode == Refuse {
		for l := range r.open {
			l.reset()
		}
	}
	return nil
}

// Close ends the relay and every connection through it, and waits until all is gone.
func (r *Relay) Close() error {
	r.cancel()
	err := r.listener.Close()
	r.mu.Lock()
	for l := range r.open {
		l.reset()
	}
	r.mu.Unlock()
	r.done.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the relay at %s: %w", r.Address(), err)
	}
	return nil
}

func (r *Relay) current() (Condition, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.condition, r.changed
}

func (r *Relay) accept(ctx context.Context) {
	defer r.done.Done()
	for {
		client, err := r.listener.Accept()
		if err != nil {
			// Only Close makes a loopback listener fail.
			return
		}
		r.done.Add(1)
		go r.serve(ctx, client)
	}
}

func (r *Relay) serve(ctx context.Context, client net.Conn) {
	defer r.done.Done()
	l := &link{relay: r, client: client}
	if !r.add(ctx, l) {
		l.reset()
		return
	}
	defer r.remove(l)
	if err := l.dial(ctx); err != nil {
		l.reset()
		return
	}
	l.run(ctx)
}

// add registers a connection, unless it has to be refused.
func (r *Relay) add(ctx context.Context, l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil || r.condition.Mode == Refuse {
		return false
	}
	r.open[l] = struct{}{}
	return true
}

func (r *Relay) remove(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, l)
}

// pass blocks while the network is silent. It returns the delay in force.
func (r *Relay) pass(ctx context.Context) (time.Duration, error) {
	for {
		condition, changed := r.current()
		if condition.Mode == Forward {
			return condition.Delay, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
