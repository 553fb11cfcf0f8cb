package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/wait"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/klog/v2"
)

// storeTimeout bounds what is done with the store and the host at a time: those who
// look at members wait for it.
const storeTimeout = 15 * time.Second

// Store is where the identity is kept beside the objects.
type Store interface {
	// Load returns what is stored, nil if there is nothing, and its revision.
	Load(ctx context.Context) (value []byte, revision int64, err error)
	// Save writes the value if its revision is still that, 0 for none.
	Save(ctx context.Context, value []byte, revision int64) (int64, error)
	// Written grows with whatever is written besides.
	Written(ctx context.Context) (int64, error)
	// Position of the store's log, zeros if it has none.
	Position(ctx context.Context) (term, index uint64, err error)
}

// Options are what a Keeper works with. All are required but the intervals.
type Options struct {
	Store Store
	// Host are the Leases of the system namespace of the host.
	Host coordinationclient.LeaseInterface
	// Restored says whether the store was made from a backup; ForgetRestored is called
	// when that has been noted in the store.
	Restored       func() (bool, error)
	ForgetRestored func() error
	// Report says what would be done to members if it were allowed.
	Report func(ctx context.Context) *Report
	// OnChange is called when a recovery begins or ends. It must not call the Keeper,
	// but for Recovery.
	OnChange func()
	// MarkInterval is the least time between two marks of what was written.
	// Default: 5s.
	MarkInterval time.Duration
	// RecoveryInterval is how often a confirmation is looked for. Default: 1s.
	RecoveryInterval time.Duration
}

// Keeper keeps the identity of the hub while this replica leads.
type Keeper struct {
	options Options
	// recovering has the message of the recovery, nil outside of one; begun says that
	// it is known whether there is one.
	recovering atomic.Pointer[Recovery]
	begun      atomic.Bool

	// mu is held while the store or the Lease of the host is written.
	mu       sync.Mutex
	record   Record
	revision int64
	written  int64
	// base is the sequence of the store when this replica began to lead.
	base int64
	// session tells what this replica has written from what others have.
	session string
	// waits by member is since when a former owner is waited for.
	waits map[string]time.Time
	// ended is closed when a recovery ends.
	ended chan struct{}
}

// New returns a Keeper that knows nothing until Begin.
func New(options Options) *Keeper {
	if options.MarkInterval == 0 {
		options.MarkInterval = 5 * time.Second
	}
	if options.RecoveryInterval == 0 {
		options.RecoveryInterval = time.Second
	}
	registerMetrics()
	return &Keeper{options: options, session: string(uuid.NewUUID()), waits: map[string]time.Time{}}
}

// ErrNotBegun means that it is not known yet whether the store can be trusted.
var ErrNotBegun = errors.New("it is not known yet whether the store is the one that the host knows")

// Recovery returns the recovery that the hub is in, nil if it is in none. An error
// means that it is not known yet. It is called before each write to a member.
func (k *Keeper) Recovery() (*Recovery, error) {
	if !k.begun.Load() {
		return nil, ErrNotBegun
	}
	return k.recovering.Load(), nil
}

// Begin finds out who the hub is and whether its store can be trusted, and tells
// the host. It tries until it has an answer or ctx ends.
func (k *Keeper) Begin(ctx context.Context) error {
	logger := klog.FromContext(ctx)
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		err := k.begin(ctx)
		if err != nil && ctx.Err() == nil {
			logger.Error(err, "Cannot tell whether the store is the right one; nothing is written to members until then")
		}
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	k.begun.Store(true)
	if r := k.recovering.Load(); r != nil {
		logger.Info("Read-only recovery: nothing is written to members until it is confirmed with kubectl fed recovery confirm", "reason", r.Reason, "message", r.Message)
	} else {
		logger.Info("The store is that of the hub", "hubID", k.record.HubID, "sequence", k.record.Sequence)
	}
	k.options.OnChange()
	return nil
}

func (k *Keeper) begin(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	evidence, revision, err := k.evidence(ctx)
	if err != nil {
		return err
	}
	next := Judge(*evidence, string(uuid.NewUUID()), time.Now())
	if err := k.save(ctx, next, revision); err != nil {
		return err
	}
	k.base = next.Sequence
	if evidence.Stored != nil {
		k.base = evidence.Stored.Sequence
	}
	k.setRecovering(next.Recovery)
	if next.Recovery != nil && evidence.Restored {
		if err := k.options.ForgetRestored(); err != nil {
			return err
		}
	}
	if k.written, err = k.options.Store.Written(ctx); err != nil {
		return err
	}
	return k.tellHost(ctx, nil)
}

// evidence reads what is known of the hub.
func (k *Keeper) evidence(ctx context.Context) (*Evidence, int64, error) {
	value, revision, err := k.options.Store.Load(ctx)
	if err != nil {
		return nil, 0, err
	}
	e := &Evidence{}
	if e.Stored, err = decode(value); err != nil {
		return nil, 0, err
	}
	if e.Position.Term, e.Position.Index, err = k.options.Store.Position(ctx); err != nil {
		return nil, 0, err
	}
	if e.Restored, err = k.options.Restored(); err != nil {
		return nil, 0, err
	}
	lease, err := k.hostLease(ctx)
	if err != nil {
		return nil, 0, err
	}
	e.Host = MarkOf(lease)
	return e, revision, nil
}

// save writes a record to the store. k.mu is held.
func (k *Keeper) save(ctx context.Context, next Record, revision int64) error {
	next.Session = k.session
	data, err := next.encode()
	if err != nil {
		return err
	}
	saved, err := k.options.Store.Save(ctx, data, revision)
	if err != nil {
		latest, ours := k.latest(ctx)
		if !ours || latest == revision {
			return err
		}
		if saved, err = k.options.Store.Save(ctx, data, latest); err != nil {
			return err
		}
	}
	k.record, k.revision = next, saved
	return nil
}

// latest returns the revision of the record in the store if this replica wrote it:
// the answer to that may have been lost, and who does not know it writes no more.
func (k *Keeper) latest(ctx context.Context) (revision int64, ours bool) {
	value, revision, err := k.options.Store.Load(ctx)
	if err != nil {
		return 0, false
	}
	stored, err := decode(value)
	return revision, err == nil && stored != nil && stored.Session == k.session
}

func (k *Keeper) setRecovering(r *Recovery) {
	before := k.recovering.Swap(r)
	switch {
	case r != nil && before == nil:
		k.ended = make(chan struct{})
		recoveryGauge.Set(1)
	case r == nil:
		recoveryGauge.Set(0)
		if before != nil {
			close(k.ended)
		}
	}
}

// Settled waits until there is no recovery.
func (k *Keeper) Settled(ctx context.Context) error {
	k.mu.Lock()
	ended, recovering := k.ended, k.recovering.Load() != nil
	k.mu.Unlock()
	if !recovering {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ended:
		return nil
	}
}

// Run keeps the record up to date while this replica leads, and looks for a
// confirmation while there is a recovery, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithName("identity"))
	defer recoveryGauge.Set(0)
	for {
		interval, work := k.options.MarkInterval, k.mark
		if k.recovering.Load() != nil {
			interval, work = k.options.RecoveryInterval, k.recover
		}
		began := time.Now()
		if err := work(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Cannot keep the identity of the hub; will try again")
		}
		// A report of very many objects is not made all the time.
		timer := time.NewTimer(max(interval, 10*time.Since(began)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// mark raises the sequence if something was written since it was raised last.
func (k *Keeper) mark(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.recovering.Load() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	written, err := k.options.Store.Written(ctx)
	if err != nil || written == k.written {
		return err
	}
	next := k.record
	next.Sequence++
	if next.Position.Term, next.Position.Index, err = k.options.Store.Position(ctx); err != nil {
		return err
	}
	if err := k.save(ctx, next, k.revision); err != nil {
		return err
	}
	k.written = written
	return k.tellHost(ctx, nil)
}

// Suspect begins a recovery, for what was seen somewhere.
func (k *Keeper) Suspect(ctx context.Context, reason Reason, message string, seen int64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.suspect(ctx, reason, message, seen)
}

func (k *Keeper) suspect(ctx context.Context, reason Reason, message string, seen int64) error {
	if k.recovering.Load() != nil {
		return nil
	}
	next := k.record
	next.Recovery = &Recovery{Reason: reason, Message: message, Stored: k.base, Seen: seen, Since: metav1.Now().Rfc3339Copy()}
	// It is in force before it is stored: what is written meanwhile cannot be undone.
	k.setRecovering(next.Recovery)
	klog.FromContext(ctx).Info("Read-only recovery: nothing is written to members until it is confirmed with kubectl fed recovery confirm", "reason", reason, "message", message)
	k.options.OnChange()
	if err := k.save(ctx, next, k.revision); err != nil {
		return fmt.Errorf("note the recovery: %w", err)
	}
	return k.tellHost(ctx, nil)
}
