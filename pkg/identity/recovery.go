package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/klog/v2"
)

func (k *Keeper) hostLease(ctx context.Context) (*coordinationv1.Lease, error) {
	lease, err := k.options.Host.Get(ctx, HostLease, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the Lease %s of the host: %w", HostLease, err)
	}
	return lease, nil
}

var errOtherHub = errors.New("the host knows another hub, or a later sequence")

// tellHost writes the record into the Lease of the host, and the status of a
// recovery. Outside of a recovery a Lease that knows something else begins one.
// k.mu is held.
func (k *Keeper) tellHost(ctx context.Context, status *Status) error {
	recovery := k.record.Recovery
	if recovery != nil && status == nil {
		status = &Status{Recovery: *recovery}
	}
	var seen *Mark
	err := retry.OnError(retry.DefaultRetry, func(err error) bool {
		return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
	}, func() error {
		lease, err := k.hostLease(ctx)
		if err != nil {
			return err
		}
		missing := lease == nil
		if missing {
			lease = &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: HostLease}}
		}
		seen = MarkOf(lease)
		changed, err := tell(lease, status)
		if err != nil {
			return err
		}
		if status != nil && status.refused != "" && lease.Annotations[ConfirmAnnotation] == status.refused {
			delete(lease.Annotations, ConfirmAnnotation)
			changed = true
		}
		switch {
		case recovery == nil && seen != nil && (seen.HubID != k.record.HubID || seen.Sequence > k.record.Sequence):
			return errOtherHub
		case recovery == nil, seen == nil:
			put(lease, k.record.HubID, k.record.Sequence, k.session, time.Now())
			if recovery == nil {
				delete(lease.Annotations, ConfirmAnnotation)
			}
		case !changed:
			return nil
		}
		if missing {
			_, err = k.options.Host.Create(ctx, lease, metav1.CreateOptions{})
		} else {
			_, err = k.options.Host.Update(ctx, lease, metav1.UpdateOptions{})
		}
		return err
	})
	if errors.Is(err, errOtherHub) {
		reason, message := StoreOlder, fmt.Sprintf("the store is at sequence %d, and the host has seen %d", k.record.Sequence, seen.Sequence)
		if seen.HubID != k.record.HubID {
			reason, message = StoreOfAnotherHub, fmt.Sprintf("the store is that of the hub %s, and the host knows the hub %s", k.record.HubID, seen.HubID)
		}
		return k.suspect(ctx, reason, message, seen.Sequence)
	}
	if err != nil {
		return fmt.Errorf("write the Lease %s of the host: %w", HostLease, err)
	}
	return nil
}

// recover reports what a confirmation would do, and takes one.
func (k *Keeper) recover(ctx context.Context) error {
	report := k.options.Report(ctx)
	k.mu.Lock()
	ended, err := k.takeConfirmation(ctx, report)
	k.mu.Unlock()
	if ended {
		k.options.OnChange()
	}
	return err
}

func (k *Keeper) takeConfirmation(ctx context.Context, report *Report) (ended bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if k.record.Recovery == nil && k.recovering.Load() != nil {
		// It began, and could not be stored.
		next := k.record
		next.Recovery = k.recovering.Load()
		if err := k.save(ctx, next, k.revision); err != nil {
			return false, err
		}
	}
	lease, err := k.hostLease(ctx)
	if err != nil {
		return false, err
	}
	if lease == nil {
		lease = &coordinationv1.Lease{}
	}
	status := &Status{Recovery: *k.record.Recovery, Report: report}
	report.At = metav1.Now().Rfc3339Copy()
	if before, err := StatusOf(lease); err == nil && before != nil {
		status.Refused = before.Refused
		if before.Report != nil && before.Report.Hash == report.Hash {
			report.At = before.Report.At
		}
	}
	switch hash := lease.Annotations[ConfirmAnnotation]; {
	case hash == "":
	case hash != report.Hash:
		// It is taken away: should the report come to be this one again, nobody has
		// looked at that.
		status.refused = hash
		status.Refused = fmt.Sprintf("%s was confirmed, and what would be done is %s by now", hash, report.Hash)
	default:
		next := k.record.confirmed(MarkOf(lease), hash, time.Now())
		if next.Position.Term, next.Position.Index, err = k.options.Store.Position(ctx); err != nil {
			return false, err
		}
		return k.confirm(ctx, next)
	}
	return false, k.tellHost(ctx, status)
}

// confirm ends the recovery. The Lease of the host follows with the next mark if it
// cannot be written now.
func (k *Keeper) confirm(ctx context.Context, next Record) (ended bool, err error) {
	if err := k.save(ctx, next, k.revision); err != nil {
		return false, err
	}
	// What members have seen until now is what was confirmed.
	k.base = next.Sequence
	k.setRecovering(nil)
	klog.FromContext(ctx).Info("The recovery was confirmed: members are written to again", "hubID", next.HubID, "sequence", next.Sequence, "report", next.Confirmed.Hash)
	k.written = 0
	return true, k.tellHost(ctx, nil)
}
