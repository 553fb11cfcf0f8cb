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
// how long it is due.
func (l *ledger) arm(key objectKey, uid types.UID, now time.Time, interval time.Duration) time.Duration {
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
		return r.due.Sub(now)
	}
	r.due = now.Add(interval)
	return interval
}

// began notes that work on an object began.
func (l *ledger) began(key objectKey, uid types.UID, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.of(key, uid); r.since.IsZero() {
		r.since = now
	}
}

// Of how many copies it takes to have a report wait twice as long as that of few, for
// those of other members and for those of members that are at work, and how many times
// as long it waits at most.
const (
	crowd, crowdAtWork = 100, 20
	mostStretched      = 6
)

// stretched is how long a report of an object waits that has so many copies, where
// that of one with few waits for interval: its status is one value, and writing it
// takes the longer the more members are in it, while answers of more of them are to
// be expected.
func stretched(interval time.Duration, copies, crowd int) time.Duration {
	return min(mostStretched*interval, interval+interval*time.Duration(copies)/time.Duration(crowd))
}

// reportInterval is how long the results of an object wait for those of other
// members.
func (c *Controller) reportInterval(obj *typesv1beta1.FederatedObject) time.Duration {
	return stretched(c.config.ReportInterval, len(obj.Status.Clusters), crowd)
}

// longestReportInterval is how long they wait for those of members that are at work.
func (c *Controller) longestReportInterval(obj *typesv1beta1.FederatedObject) time.Duration {
	return stretched(c.config.LongestReportInterval, len(obj.Status.Clusters), crowdAtWork)
}
