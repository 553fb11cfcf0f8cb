package identity

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"
)

func TestTheSequenceGrowsWithWhatIsWritten(t *testing.T) {
	h := newHub(t, &memory{}, fake.NewClientset())
	require.Empty(t, h.reason())
	first := MarkOf(h.lease())
	require.NotEmpty(t, first.HubID)
	require.EqualValues(t, 1, first.Sequence)
	require.NoError(t, h.mark(t.Context()))
	require.EqualValues(t, 1, MarkOf(h.lease()).Sequence, "nothing was written")
	h.store.write()
	require.NoError(t, h.mark(t.Context()))
	require.EqualValues(t, 2, MarkOf(h.lease()).Sequence)

	m := &member{}
	require.Equal(t, Owned, h.check(m, time.Minute))
	require.Equal(t, Owned, h.check(m, time.Minute))
	require.Equal(t, 1, m.writes, "nothing new is to be told")
	require.Equal(t, first.HubID, MarkOf(m.lease).HubID)
	require.EqualValues(t, 60, *m.lease.Spec.LeaseDurationSeconds)
	h.store.write()
	require.NoError(t, h.mark(t.Context()))
	require.Equal(t, Owned, h.check(m, time.Minute))
	require.Equal(t, 1, m.writes, "it was told a moment ago")
	m.lease.Spec.RenewTime = ptr.To(metav1.NewMicroTime(time.Now().Add(-2 * tellAfter)))
	require.Equal(t, Owned, h.check(m, time.Minute))
	require.EqualValues(t, 3, MarkOf(m.lease).Sequence)

	// The same cluster joins under another name, or anew.
	finding, _, err := h.Check(t.Context(), "two", m, time.Minute)
	require.NoError(t, err)
	require.Equal(t, Owned, finding)
	h.Forget("one")
	require.Equal(t, Owned, h.check(m, time.Minute))
	require.Empty(t, h.reason())

	again := newHub(t, h.store, h.host)
	require.Empty(t, again.reason())
	require.Equal(t, first.HubID, MarkOf(again.lease()).HubID)
	require.EqualValues(t, 4, MarkOf(again.lease()).Sequence)
	h.store.write()
	require.Error(t, h.mark(t.Context()), "the one that led before must not go on")
	require.Empty(t, again.reason())
}

// The host is lost with the store: the member still knows what it has seen, and is
// not written to.
func TestAMemberTellsThatTheStoreIsOld(t *testing.T) {
	h := newHub(t, &memory{}, fake.NewClientset())
	old := &memory{value: h.store.value, revision: h.store.revision}
	h.store.write()
	require.NoError(t, h.mark(t.Context()))
	m := &member{}
	require.Equal(t, Owned, h.check(m, time.Minute))

	restored := newHub(t, old, fake.NewClientset())
	require.Empty(t, restored.reason(), "nobody knows of anything else yet")
	require.Equal(t, Owned, restored.check(m, time.Minute))
	require.Equal(t, StoreOlder, restored.reason())
	require.Equal(t, 2, restored.changes, "members have to be held")
	require.Equal(t, Owned, restored.check(m, time.Minute))
	require.Equal(t, 1, m.writes, "nothing is written to a member")

	// Over a restart too.
	restored = newHub(t, old, restored.host)
	require.Equal(t, StoreOlder, restored.reason())
	require.Equal(t, Owned, restored.check(m, time.Minute))
	settled := make(chan error, 1)
	go func() { settled <- restored.Settled(t.Context()) }()

	require.NoError(t, restored.recover(t.Context()))
	status, err := StatusOf(restored.lease())
	require.NoError(t, err)
	require.Equal(t, StoreOlder, status.Reason)
	shown := status.Report.Hash
	var other Collector
	other.Add(Removed, "one", "configmaps", "a/b")
	restored.report = other.Report(1)
	restored.annotate(ConfirmAnnotation, shown)
	require.NoError(t, restored.recover(t.Context()))
	require.Equal(t, StoreOlder, restored.reason(), "what was shown is not what would be done")
	status, err = StatusOf(restored.lease())
	require.NoError(t, err)
	require.Contains(t, status.Refused, shown)
	require.NotContains(t, restored.lease().Annotations, ConfirmAnnotation)

	restored.annotate(ConfirmAnnotation, status.Report.Hash)
	require.NoError(t, restored.recover(t.Context()))
	require.Empty(t, restored.reason())
	select {
	case err := <-settled:
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("whoever waits for the end of the recovery waits in vain")
	}
	lease := restored.lease()
	require.NotContains(t, lease.Annotations, RecoveryAnnotation)
	require.NotContains(t, lease.Annotations, ConfirmAnnotation)
	require.Greater(t, MarkOf(lease).Sequence, MarkOf(m.lease).Sequence)
	require.Equal(t, Owned, restored.check(m, time.Minute))
	require.Empty(t, restored.reason())
	require.Empty(t, newHub(t, old, restored.host).reason())
}

// unanswering takes writes and does not say so.
type unanswering struct{ *member }

func (m unanswering) WriteOwnerLease(ctx context.Context, lease *coordinationv1.Lease) error {
	if err := m.member.WriteOwnerLease(ctx, lease); err != nil {
		return err
	}
	return context.DeadlineExceeded
}

// A member that has what this hub wrote itself, though the answer got lost, is no
// sign of an older store: that would hold all members.
func TestALostAnswerIsNotALostStore(t *testing.T) {
	h := newHub(t, &memory{}, fake.NewClientset())
	h.store.write()
	require.NoError(t, h.mark(t.Context()))
	m := &member{}
	_, _, err := h.Check(t.Context(), "one", unanswering{m}, time.Minute)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.EqualValues(t, 2, MarkOf(m.lease).Sequence)
	finding, _, err := h.Check(t.Context(), "one", m, time.Minute)
	require.NoError(t, err)
	require.Equal(t, Owned, finding)
	require.Empty(t, h.reason())
}

func TestAnotherHubIsWaitedFor(t *testing.T) {
	h := newHub(t, &memory{}, fake.NewClientset())
	other := newHub(t, &memory{}, fake.NewClientset())
	m := &member{}
	require.Equal(t, Owned, other.check(m, 1500*time.Millisecond))
	m.lease.Spec.RenewTime = ptr.To(metav1.NewMicroTime(time.Unix(0, 0)))
	require.Equal(t, NotOwner, h.check(m, time.Minute), "however long ago it was")
	require.Equal(t, 1, m.writes)

	TakeOver(m.lease, MarkOf(h.lease()).HubID, time.Now())
	require.Equal(t, NotOwner, other.check(m, time.Minute))
	began := time.Now()
	require.Equal(t, TakenOver, h.check(m, time.Minute))
	require.False(t, TakenOver.MayWrite())
	require.Equal(t, 1, m.writes)
	require.Eventually(t, func() bool { return h.check(m, time.Minute) == Owned }, patience, 10*time.Millisecond)
	require.GreaterOrEqual(t, time.Since(began), 1500*time.Millisecond, "the other one may have written until then")
	require.NotContains(t, m.lease.Annotations, TakenOverAnnotation)
	require.Equal(t, NotOwner, other.check(m, time.Minute))
}

// A recovery may be confirmed right after a look, whose answer holds for a while.
func TestAnotherHubIsWaitedForInARecoveryToo(t *testing.T) {
	other := newHub(t, &memory{}, fake.NewClientset())
	m := &member{}
	require.Equal(t, Owned, other.check(m, time.Hour))
	h := newHub(t, &memory{restored: true}, fake.NewClientset())
	require.Equal(t, StoreRestored, h.reason())
	TakeOver(m.lease, MarkOf(h.lease()).HubID, time.Now())
	require.Equal(t, TakenOver, h.check(m, time.Minute))
	require.Equal(t, 1, m.writes)
}

func TestAMemberThatKeepsItsLeasesToItself(t *testing.T) {
	h := newHub(t, &memory{}, fake.NewClientset())
	leases := schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	require.Equal(t, OwnershipUnknown, h.check(&member{err: apierrors.NewForbidden(leases, MemberLease, errors.New("no"))}, time.Minute))
	require.Equal(t, OwnershipUnknown, h.check(&member{err: apierrors.NewNotFound(leases, "")}, time.Minute))
	require.True(t, OwnershipUnknown.MayWrite())
	_, _, err := h.Check(t.Context(), "one", &member{err: errors.New("timeout")}, time.Minute)
	require.Error(t, err, "no answer is none")
}

func TestAnEmptyStoreTakesOverTheIdentityOfTheHost(t *testing.T) {
	h := newHub(t, &memory{}, fake.NewClientset())
	hubID := MarkOf(h.lease()).HubID
	empty := newHub(t, &memory{}, h.host)
	require.Equal(t, StoreEmpty, empty.reason())
	require.NoError(t, empty.recover(t.Context()))
	status, err := StatusOf(empty.lease())
	require.NoError(t, err)
	empty.annotate(ConfirmAnnotation, status.Report.Hash)
	require.NoError(t, empty.recover(t.Context()))
	require.Equal(t, hubID, MarkOf(empty.lease()).HubID)
	require.EqualValues(t, 2, MarkOf(empty.lease()).Sequence)

	marked := newHub(t, &memory{restored: true}, fake.NewClientset())
	require.Equal(t, StoreRestored, marked.reason())
	require.False(t, marked.store.restored, "the store has it")
	require.Equal(t, StoreRestored, newHub(t, marked.store, marked.host).reason())
}
