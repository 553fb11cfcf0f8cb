package propagation

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// snapshot is what a report of an object is made from, to be handed back when it
// is written.
type snapshot struct {
	numbers map[string]int
	since   time.Time
	due     bool
}

// snapshot returns the state of the record of an object.
func (l *ledger) snapshot(key objectKey, uid types.UID, now time.Time) snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := snapshot{numbers: map[string]int{}, since: now}
	r := l.records[key]
	if r == nil || r.uid != uid {
		return s
	}
	for cluster, c := range r.copies {
		s.numbers[cluster] = c.number
	}
	if !r.since.IsZero() {
		s.since = r.since
	}
	s.due = !r.due.IsZero() && !now.Before(r.due)
	return s
}

// reported forgets the copies that are settled and have not changed since the
// snapshot: the status has what there is to say.
func (l *ledger) reported(key objectKey, uid types.UID, s snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[key]
	if r == nil || r.uid != uid {
		return
	}
	r.due = time.Time{}
	for cluster, c := range r.copies {
		if c.settled && !c.outstanding && c.busy == 0 && s.numbers[cluster] == c.number {
			delete(r.copies, cluster)
		}
	}
	if len(r.copies) == 0 {
		r.since, r.rendering = time.Time{}, nil
	}
	l.tidy(key)
}

// arm makes a report due after interval, unless it is due sooner. It returns in
// how long it is due, and whether that is new.
func (l *ledger) arm(key objectKey, uid types.UID, now time.Time, interval time.Duration) (rest time.Duration, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(key, uid)
	if r.since.IsZero() {
		r.since = now
	}
	if !r.due.IsZero() && now.Before(r.due) {
		return r.due.Sub(now), false
	}
	r.due = now.Add(interval)
	return interval, true
}

// began notes that work on an object began.
func (l *ledger) began(key objectKey, uid types.UID, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.of(key, uid); r.since.IsZero() {
		r.since = now
	}
}
