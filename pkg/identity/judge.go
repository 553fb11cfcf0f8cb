package identity

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Evidence is all that is known of a hub when it begins to lead.
type Evidence struct {
	// Stored is what the store says, nil when it knows of no hub.
	Stored *Record
	// Position of the store now.
	Position Position
	// Restored says that the store was made from a backup, and nobody has confirmed it.
	Restored bool
	// Host is what the Lease in the host says, nil when there is none.
	Host *Mark
}

// Judge returns what the store is to say from now on: with a Recovery where
// something has been lost, or may have been, and with a higher sequence else.
// newID is for a hub that has none.
func Judge(e Evidence, newID string, now time.Time) Record {
	var next Record
	switch {
	case e.Stored != nil:
		next = *e.Stored
	case e.Host != nil:
		next = Record{HubID: e.Host.HubID, Sequence: e.Host.Sequence}
	default:
		next = Record{HubID: newID}
	}
	next.Position = e.Position
	if next.Recovery == nil {
		next.Recovery = e.recovery(now)
	}
	if next.Recovery == nil {
		next.Sequence++
	}
	return next
}

// recovery returns one if the evidence speaks for it.
func (e *Evidence) recovery(now time.Time) *Recovery {
	r := &Recovery{Since: metav1.NewTime(now).Rfc3339Copy()}
	if e.Stored != nil {
		r.Stored = e.Stored.Sequence
	}
	if e.Host != nil {
		r.Seen = e.Host.Sequence
	}
	switch {
	case e.Stored == nil && e.Host != nil:
		r.Reason = StoreEmpty
		r.Message = fmt.Sprintf("the store is empty, or of a time before the hub had an identity, and the host knows the hub %s at sequence %d", e.Host.HubID, e.Host.Sequence)
	case e.Stored != nil && e.Host != nil && e.Host.HubID != e.Stored.HubID:
		r.Reason = StoreOfAnotherHub
		r.Message = fmt.Sprintf("the store is that of the hub %s, and the host knows the hub %s", e.Stored.HubID, e.Host.HubID)
	case e.Stored != nil && e.Host != nil && e.Host.Sequence > e.Stored.Sequence:
		r.Reason = StoreOlder
		r.Message = fmt.Sprintf("the store is at sequence %d, and the host has seen %d", e.Stored.Sequence, e.Host.Sequence)
	case e.Restored:
		r.Reason, r.Message = StoreRestored, "the store was restored from a backup"
	case e.Stored != nil && e.Position.Before(e.Stored.Position):
		r.Reason = StoreRestored
		r.Message = fmt.Sprintf("the store was made anew: its log is at term %d, index %d, and was at term %d, index %d",
			e.Position.Term, e.Position.Index, e.Stored.Position.Term, e.Stored.Position.Index)
	default:
		return nil
	}
	return r
}

// confirmed returns the record after an operator has confirmed the recovery. The
// identity is that which the host knows, for it is the one that members know.
func (r *Record) confirmed(host *Mark, hash string, now time.Time) Record {
	next := *r
	next.Confirmed = &Confirmation{Reason: r.Recovery.Reason, At: metav1.NewTime(now).Rfc3339Copy(), Hash: hash}
	next.Sequence = max(r.Sequence, r.Recovery.Seen)
	if host != nil {
		next.HubID = host.HubID
		next.Sequence = max(next.Sequence, host.Sequence)
	}
	next.Sequence++
	next.Recovery = nil
	return next
}
