package soak

import (
	"slices"
	"time"
)

// timeline is what is known of one thing that clients change: the values that it has or may have had, and when. An edit
// whose answer was lost may have been made or not.
type timeline[V any] struct {
	spans []*span[V]
}

// span is one value: it may have been in force from when it was asked for until a later one was acknowledged.
type span[V any] struct {
	value V
	from  time.Time
	// until is zero while the value may be in force.
	until time.Time
	// settled says that it was in force, for certain, when the round began.
	settled bool
	// acknowledged says that the edit was answered.
	acknowledged bool
}

// attempt notes an edit that is about to be sent.
func (t *timeline[V]) attempt(v V, at time.Time) *span[V] {
	s := &span[V]{value: v, from: at}
	t.spans = append(t.spans, s)
	return s
}

// acknowledge ends what was in force before. An edit without an answer may still be under way: it stays possible.
func (t *timeline[V]) acknowledge(s *span[V], at time.Time) {
	for _, other := range t.spans {
		if other == s {
			break
		}
		if other.until.IsZero() && (other.acknowledged || other.settled) {
			other.until = at
		}
	}
	s.acknowledged = true
}

// refuse takes back an edit that was not made.
func (t *timeline[V]) refuse(s *span[V]) {
	t.spans = slices.DeleteFunc(t.spans, func(other *span[V]) bool { return other == s })
}

// settle forgets all but the value that is found in force between two rounds.
func (t *timeline[V]) settle(v V, at time.Time) {
	t.spans = []*span[V]{{value: v, from: at, settled: true}}
}

// open are the values that may be in force now.
func (t *timeline[V]) open() []*span[V] {
	return slices.DeleteFunc(slices.Clone(t.spans), func(s *span[V]) bool { return !s.until.IsZero() })
}

// during are the values that may have been in force in a period.
func (t *timeline[V]) during(from, to time.Time) []*span[V] {
	return slices.DeleteFunc(slices.Clone(t.spans), func(s *span[V]) bool {
		return s.from.After(to) || !s.until.IsZero() && s.until.Before(from)
	})
}

// edited says that somebody tried to change it since it was settled.
func (t *timeline[V]) edited() bool {
	return slices.ContainsFunc(t.spans, func(s *span[V]) bool { return !s.settled })
}
