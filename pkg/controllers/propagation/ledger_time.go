package propagation

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// snapshot is what a report of an object is made from, to be handed back when it
// is written.
type snapshot struct {
	numbers map[string]int
	since   time.Time
	// unreported is when the first result came that is not written.
	unreported time.Time
	due        bool
}

// snapshot returns the state of the record of an object.
func (l *ledger) snapshot(key objectKey, uid types.UID, now time.Time) snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := snapshot{numbers: map[string]int{}, since: now, unreported: now}
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
	if !r.unreported.IsZero() {
		s.unreported = r.unreported
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
	r.due, r.unreported = time.Time{}, time.Time{}
	for cluster, c := range r.copies {
		if c.settled && !c.outstanding && c.busy == 0 && s.numbers[cluster] == c.number {
			r.remove(cluster)
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
	if r.unreported.IsZero() {
		r.unreported = now
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

// mostCrowded is the number of copies from which on a report waits no longer.
const mostCrowded = 500

// stretched is how long a report waits of an object that is in many members, where
// that of one that is in few waits for interval: the status is one value, and writing
// it takes the longer the more members are in it, while answers of more of them are
// to be expected. It is twice as long for a hundred, and at most six times.
func stretched(interval time.Duration, copies int) time.Duration {
	return interval + interval*time.Duration(min(copies, mostCrowded))/100
}

// reportInterval is how long the results of an object wait for those of other
// members.
func (c *Controller) reportInterval(obj *typesv1beta1.FederatedObject) time.Duration {
	return stretched(c.config.ReportInterval, len(obj.Status.Clusters))
}
