package members

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// HoldReason says why members are not written to.
type HoldReason string

// Reasons of a hold.
const (
	// HoldUnchecked means that it is not known, or not any more, who owns the member.
	HoldUnchecked HoldReason = "Unchecked"
	// HoldNotOwner means that another hub writes to the member.
	HoldNotOwner HoldReason = "NotOwner"
	// HoldRecovery means that the hub waits for an operator.
	HoldRecovery HoldReason = "Recovery"
)

// HeldError means that a write was kept back, and why. Reads are sent. The end of a
// hold is reported by the Set as an event.
type HeldError struct {
	Member  string
	Reason  HoldReason
	Message string
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("nothing is written to member %s: %s", e.Member, e.Message)
}

// Ownership says whether a member may be written to, and until when that is known.
type Ownership struct {
	// Message says why it may not be written to; empty: it may.
	Message string
	// Until is when nothing is known any more.
	Until time.Time
}

// ownership is what is known of the owner of a member.
type ownership struct {
	known bool
	Ownership
}

// held returns why a member may not be written to, nil if it may. A machine that
// was suspended may have stopped the monotonic clock, and one that was set right
// the other.
func (o *ownership) held(member string, now time.Time) *HeldError {
	switch {
	case !o.known:
		return &HeldError{Member: member, Reason: HoldUnchecked, Message: "it is not known yet whether another hub writes there"}
	case o.Message != "":
		return &HeldError{Member: member, Reason: HoldNotOwner, Message: o.Message}
	case now.After(o.Until), now.Round(0).After(o.Until.Round(0)):
		return &HeldError{Member: member, Reason: HoldUnchecked, Message: "it is not known any more whether another hub writes there"}
	}
	return nil
}

// Held returns why nothing is written to the member, nil if it may be written to.
func (m *Member) Held() *HeldError {
	if m.options.Hold != nil {
		if held := m.options.Hold(); held != nil {
			held.Member = m.name
			return held
		}
	}
	if !m.options.Owned {
		return nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ownership.held(m.name, time.Now())
}

// SetOwnership says whether the member may be written to, where Options.Owned asks
// for that.
func (s *Set) SetOwnership(name string, o Ownership) {
	s.updating.Lock()
	defer s.updating.Unlock()
	m, ok := s.Get(name)
	if !ok {
		return
	}
	if held := m.Held(); held != nil {
		m.toldHold = *held // writes may have been refused since what was known ran out
	}
	m.mu.Lock()
	m.ownership = ownership{known: true, Ownership: o}
	m.mu.Unlock()
	s.tellHold(m)
}

// HoldChanged has all members looked at because what Options.Hold returns changed.
func (s *Set) HoldChanged() {
	s.updating.Lock()
	defer s.updating.Unlock()
	for _, m := range s.List() {
		s.tellHold(m)
	}
}

// tellHold tells the handlers if a member is held for another reason than they
// were told last.
func (s *Set) tellHold(m *Member) {
	var next HeldError
	if held := m.Held(); held != nil {
		next = *held
	}
	if m.toldHold != next {
		m.toldHold = next
		s.tell(Event{Type: Changed, Member: m})
	}
}

type ungatedKey struct{}

// ungated returns a context whose writes are sent though the member is held: those
// that keep the connection, or say who owns the member.
func ungated(ctx context.Context) context.Context {
	return context.WithValue(ctx, ungatedKey{}, true)
}

// fenced returns an error if a request is a write and must not be sent.
func (t *transport) fenced(request *http.Request) error {
	if !isWrite(request) {
		return nil
	}
	if t.fence != nil {
		if err := t.fence(); err != nil {
			return err
		}
	}
	if t.held != nil && request.Context().Value(ungatedKey{}) == nil {
		if held := t.held(); held != nil {
			return held
		}
	}
	return nil
}
