package identity

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

const patience = 30 * time.Second

// memory is a Store.
type memory struct {
	mu                sync.Mutex
	value             []byte
	revision, written int64
	restored          bool
}

func (m *memory) Load(context.Context) ([]byte, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.value, m.revision, nil
}

func (m *memory) Save(_ context.Context, value []byte, revision int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if revision != m.revision {
		return 0, errors.New("another has written")
	}
	m.value = value
	m.revision++
	return m.revision, nil
}

func (m *memory) Written(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.written, nil
}

func (m *memory) Position(context.Context) (term, index uint64, err error) { return 0, 0, nil }

func (m *memory) write() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.written++
}

// member has one Lease.
type member struct {
	lease  *coordinationv1.Lease
	writes int
	err    error
}

func (m *member) OwnerLease(context.Context) (*coordinationv1.Lease, error) {
	return m.lease.DeepCopy(), m.err
}

func (m *member) WriteOwnerLease(_ context.Context, lease *coordinationv1.Lease) error {
	m.lease, m.writes = lease.DeepCopy(), m.writes+1
	return m.err
}

// hub is a Keeper with what it works with.
type hub struct {
	*Keeper
	t       *testing.T
	store   *memory
	host    *fake.Clientset
	changes int
	report  *Report
}

func newHub(t *testing.T, store *memory, host *fake.Clientset) *hub {
	h := &hub{t: t, store: store, host: host, report: (&Collector{}).Report(1)}
	h.Keeper = New(Options{
		Store: store, Host: host.CoordinationV1().Leases("system"),
		Restored:       func() (bool, error) { return store.restored, nil },
		ForgetRestored: func() error { store.restored = false; return nil },
		Report: func(context.Context) *Report {
			report := *h.report
			return &report
		},
		OnChange: func() { h.changes++ },
	})
	_, err := h.Recovery()
	require.ErrorIs(t, err, ErrNotBegun, "nothing may be written before it is known who this is")
	require.NoError(t, h.Begin(t.Context()))
	return h
}

func (h *hub) reason() Reason {
	h.t.Helper()
	r, err := h.Recovery()
	require.NoError(h.t, err)
	if r == nil {
		return ""
	}
	return r.Reason
}

func (h *hub) lease() *coordinationv1.Lease {
	h.t.Helper()
	lease, err := h.host.CoordinationV1().Leases("system").Get(h.t.Context(), HostLease, metav1.GetOptions{})
	require.NoError(h.t, err)
	return lease
}

func (h *hub) annotate(name, value string) {
	h.t.Helper()
	lease := h.lease()
	lease.Annotations[name] = value
	_, err := h.host.CoordinationV1().Leases("system").Update(h.t.Context(), lease, metav1.UpdateOptions{})
	require.NoError(h.t, err)
}

func (h *hub) check(m *member, promise time.Duration) Finding {
	h.t.Helper()
	finding, message, err := h.Check(h.t.Context(), "one", m, promise)
	require.NoError(h.t, err)
	require.Equal(h.t, finding != Owned, message != "")
	return finding
}
