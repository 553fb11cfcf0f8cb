package identity

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
)

const (
	// tellAfter is the least time between two writes of the sequence to a member.
	tellAfter = time.Minute
	// renewAfter is after what time the Lease of a member is written anyway.
	renewAfter = 5 * time.Minute
)

// Leases reaches the Lease MemberLease of one member.
type Leases interface {
	// OwnerLease returns the Lease, nil if there is none.
	OwnerLease(ctx context.Context) (*coordinationv1.Lease, error)
	// WriteOwnerLease creates the Lease, or updates it if it has a resourceVersion.
	WriteOwnerLease(ctx context.Context, lease *coordinationv1.Lease) error
}

// Finding says whether this hub may write to a member.
type Finding string

// Findings.
const (
	// Owned means that it may.
	Owned Finding = ""
	// NotOwner means that another hub writes there.
	NotOwner Finding = "NotOwner"
	// TakenOver means that it may as soon as the former hub certainly does not any more.
	TakenOver Finding = "TakenOver"
	// OwnershipUnknown means that the member does not let the federation look; it may.
	OwnershipUnknown Finding = "OwnershipUnknown"
)

// MayWrite says whether the federation may write to the member.
func (f Finding) MayWrite() bool { return f == Owned || f == OwnershipUnknown }

// Check looks whether this hub owns a member, and takes one that nobody owns. The
// answer holds for the time of promise; this hub writes there no longer without
// another look, and the Lease says so to whoever takes over. In a recovery nothing
// is written to the member. An error is no answer.
func (k *Keeper) Check(ctx context.Context, member string, leases Leases, promise time.Duration) (Finding, string, error) {
	if !k.begun.Load() {
		return "", "", ErrNotBegun
	}
	for try := 0; ; try++ {
		finding, message, err := k.check(ctx, member, leases, promise)
		if try < 3 && (apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)) {
			continue
		}
		if withoutLease(err) {
			return OwnershipUnknown, "the federation cannot note in the cluster that it writes there, and would not notice another one that does: " + err.Error(), nil
		}
		return finding, message, err
	}
}

// withoutLease says that a member lets the federation have no Lease, and always will.
func withoutLease(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err)
}

func (k *Keeper) check(ctx context.Context, member string, leases Leases, promise time.Duration) (Finding, string, error) {
	lease, err := leases.OwnerLease(ctx)
	if err != nil {
		return "", "", err
	}
	now, mark := time.Now(), MarkOf(lease)
	k.mu.Lock()
	record, base := k.record, k.base
	k.mu.Unlock()
	if mark != nil && mark.HubID != record.HubID {
		return NotOwner, fmt.Sprintf("the hub %s writes to this cluster, and last said so at %s; if that hub is gone, or shall not any more: kubectl fed join %s --take-over",
			mark.HubID, mark.Renewed.UTC().Format(time.RFC3339), member), nil
	}
	// One cluster may be a member under several names, and leave and come back: what is
	// of this session is no news.
	ours := mark != nil && mark.Session == k.session
	if mark != nil && !ours && mark.Sequence > base && k.recovering.Load() == nil {
		message := fmt.Sprintf("the store was at sequence %d when it was taken up, and cluster %s has seen %d", base, member, mark.Sequence)
		if err := k.Suspect(ctx, StoreOlder, message, mark.Sequence); err != nil {
			return "", "", err
		}
	}
	if k.recovering.Load() != nil {
		k.see(mark)
	}
	// In a recovery too: the answer holds for longer than that may last.
	if until, waiting := k.waitFor(member, lease, now); waiting {
		return TakenOver, fmt.Sprintf("the cluster was taken over from another hub, which may write until %s", until.UTC().Format(time.RFC3339)), nil
	}
	if k.recovering.Load() != nil {
		return Owned, "", nil
	}
	overdue := mark == nil || now.Sub(mark.Renewed) >= renewAfter || now.Before(mark.Renewed)
	if !overdue && (mark.Sequence == record.Sequence || now.Sub(mark.Renewed) < tellAfter && ours) &&
		lease.Annotations[TakenOverAnnotation] == "" && ptr.Deref(lease.Spec.LeaseDurationSeconds, 0) == seconds(promise) {
		return Owned, "", nil
	}
	if lease == nil {
		lease = &coordinationv1.Lease{}
	}
	put(lease, record.HubID, record.Sequence, k.session, now)
	delete(lease.Annotations, TakenOverAnnotation)
	lease.Spec.LeaseDurationSeconds = ptr.To(seconds(promise))
	if err := leases.WriteOwnerLease(ctx, lease); err != nil {
		return "", "", err
	}
	k.mu.Lock()
	delete(k.waits, member)
	k.mu.Unlock()
	return Owned, "", nil
}

// see notes in a recovery that a member has seen more than is known.
func (k *Keeper) see(mark *Mark) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if mark != nil && k.record.Recovery != nil && mark.Sequence > k.record.Recovery.Seen {
		recovery := *k.record.Recovery
		recovery.Seen = mark.Sequence
		k.record.Recovery = &recovery
		k.recovering.Store(&recovery)
	}
}

// waitFor says until when the former owner of a member may still write. The time
// counts from when this replica has first seen that it was taken over: whose clock
// the Lease has is not known.
func (k *Keeper) waitFor(member string, lease *coordinationv1.Lease, now time.Time) (time.Time, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if lease == nil || lease.Annotations[TakenOverAnnotation] == "" {
		delete(k.waits, member)
		return time.Time{}, false
	}
	since, ok := k.waits[member]
	if !ok {
		since = now
		k.waits[member] = now
	}
	until := since.Add(time.Duration(ptr.Deref(lease.Spec.LeaseDurationSeconds, 0)) * time.Second)
	return until, now.Before(until)
}

// Forget drops what is known of a member that has left.
func (k *Keeper) Forget(member string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.waits, member)
}

func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }
