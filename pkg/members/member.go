package members

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kubefederation/federation-apiserver/pkg/credentials"
)

// Member is one member cluster. It stays the same while its connection is
// rebuilt, and so do its Types.
type Member struct {
	name    string
	options Options
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	flow    *Flow

	mu        sync.RWMutex
	labels    map[string]string
	ready     bool
	notReady  error
	seen      time.Time
	settings  settings
	malformed error
	conn      *connection
	types     map[schema.GroupVersionResource]*Type
	ownership ownership
	clusterID string
	// toldHold is what the handlers of the Set know; Set.updating is held.
	toldHold HeldError
	// changed is closed, and made anew, when a request may fare better than before.
	changed chan struct{}
}

var errRemoved = errors.New("the cluster has left the federation")

func newMember(ctx context.Context, name string, options Options, ready bool) *Member {
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, klog.FromContext(ctx).WithValues("cluster", name)))
	return &Member{
		name: name, options: options, ctx: ctx, cancel: cancel,
		ready: ready, notReady: errNotProbed,
		types: map[schema.GroupVersionResource]*Type{}, changed: make(chan struct{}),
		flow: NewFlow(options.MaxInFlight, clock.RealClock{}),
	}
}

// Name returns the name of the KubeFedCluster.
func (m *Member) Name() string { return m.name }

// Labels returns the labels of the KubeFedCluster, which placement selectors
// match. They are shared: do not change them.
func (m *Member) Labels() map[string]string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.labels
}

// Flow bounds the requests for copies to the member. It learns from all writes.
func (m *Member) Flow() *Flow { return m.flow }

// Ready says whether the member has a usable configuration and its health check
// says that it can be worked with.
func (m *Member) Ready() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ready && m.conn != nil
}

// LastSeen is when the member was last found ready, as far as it is known; of one
// that never was, when its KubeFedCluster was made. It stays the same while the
// member is not ready.
func (m *Member) LastSeen() time.Time {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.seen
}

// ClusterID is the UID of the Lease by which the member was last found to be owned:
// members of the same one are the same cluster, joined under several names. It is
// empty before that.
func (m *Member) ClusterID() string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.clusterID
}

// identify notes the ClusterID that was read through a connection.
func (m *Member) identify(conn *connection, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil && m.conn.address == conn.address && id != "" {
		m.clusterID = id
	}
}

func (m *Member) setSeen(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = at
}

// Err returns nil when a request to the member would be sent, and else the
// NotReadyError that it would get.
func (m *Member) Err() error {
	_, err := m.connection()
	return err
}

// Type returns the observation of a resource in the member, and starts it if it
// is not under way: of metadata only, unless Observe says otherwise.
func (m *Member) Type(resource schema.GroupVersionResource, namespaced bool) *Type {
	t, _ := m.typeOf(resource, namespaced, Metadata)
	return t
}

// Observe is Type, with as much of the objects as detail says from now on.
func (m *Member) Observe(resource schema.GroupVersionResource, namespaced bool, detail Detail) *Type {
	t, started := m.typeOf(resource, namespaced, detail)
	if !started {
		t.setDetail(detail)
	}
	return t
}

func (m *Member) typeOf(resource schema.GroupVersionResource, namespaced bool, detail Detail) (_ *Type, started bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.types[resource]; ok {
		return t, false
	}
	t := newType(m, resource, namespaced, detail)
	m.types[resource] = t
	if m.ctx.Err() == nil {
		m.running.Go(t.run)
	}
	return t, true
}

// StopType ends the observation of a resource and drops what was observed. The
// Type that was in use stays as it is; requests through it still work.
func (m *Member) StopType(resource schema.GroupVersionResource) {
	m.mu.Lock()
	t, ok := m.types[resource]
	delete(m.types, resource)
	m.mu.Unlock()
	if ok {
		t.cancel()
	}
}

// connection returns the connection for a request, or a NotReadyError.
func (m *Member) connection() (*connection, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch {
	case m.ctx.Err() != nil:
		return nil, &NotReadyError{Member: m.name, Err: errRemoved}
	case m.malformed != nil:
		return nil, &NotReadyError{Member: m.name, Err: m.malformed}
	case !m.ready:
		return nil, &NotReadyError{Member: m.name, Err: m.notReady}
	}
	if wait, err := m.conn.breaker.open(); err != nil {
		return nil, &NotReadyError{Member: m.name, RetryAfter: wait, Err: err}
	}
	return m.conn, nil
}

// await waits for a connection that requests can be sent through.
func (m *Member) await(ctx context.Context) (*connection, error) {
	for {
		changed := m.changes()
		conn, err := m.connection()
		if err == nil {
			return conn, nil
		}
		var notReady *NotReadyError
		retry := time.Duration(0)
		if errors.As(err, &notReady) {
			retry = notReady.RetryAfter
		}
		if err := pause(ctx, changed, retry); err != nil {
			return nil, err
		}
	}
}

// pause waits until something changed or, if after is not 0, for that time.
func pause(ctx context.Context, changed <-chan struct{}, after time.Duration) error {
	var over <-chan time.Time
	if after > 0 {
		timer := time.NewTimer(after)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-over:
	}
	return nil
}

func (m *Member) changes() <-chan struct{} {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.changed
}

// wake lets those who wait for a connection look again. m.mu is held.
func (m *Member) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *Member) setLabels(labels map[string]string) (changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if maps.Equal(m.labels, labels) {
		return false
	}
	m.labels = maps.Clone(labels)
	return true
}

func (m *Member) setReady(ready bool, reason error) {
	m.mu.Lock()
	changed := m.ready != ready
	m.ready, m.notReady = ready, reason
	if changed {
		m.wake()
	}
	m.mu.Unlock()
	if changed {
		m.tellState()
	}
}

// configure builds the connection anew when the settings changed; another token of
// the same account goes into the connection that there is, whose watches stay.
// malformed says that there are no usable settings.
func (m *Member) configure(next settings, malformed error) error {
	m.mu.Lock()
	if malformed == nil && m.conn != nil && next.equal(m.settings) && isRenewal(m.settings.token, next.token) {
		if next.token != m.settings.token {
			m.settings = next
			m.conn.sender.token.Store(&next.token)
			m.wake() // what was refused may be allowed now
		}
		m.mu.Unlock()
		return nil
	}
	previous := m.conn
	m.conn = nil
	m.flow.reset()
	m.settings = next
	if malformed == nil {
		m.conn, malformed = newConnection(m.ctx, m.name, next, m.options, m.flow, m.reachabilityChanged, m.Held)
	}
	m.malformed = malformed
	if previous == nil || m.conn == nil || previous.address != m.conn.address {
		m.ownership, m.clusterID = ownership{}, "" // it may be another cluster
	}
	m.wake()
	m.mu.Unlock()

	if previous != nil {
		previous.close()
	}
	m.tellState()
	return malformed
}

// isRenewal says whether a token may do in the place of another what was begun with
// that: it is the same, or of the same account.
func isRenewal(before, after string) bool {
	if before == after {
		return true
	}
	was, is := credentials.Read(before), credentials.Read(after)
	return is.ServiceAccount != "" && is.ServiceAccount == was.ServiceAccount && is.Namespace == was.Namespace
}

// reachabilityChanged is called when the breaker of the connection opens or closes.
func (m *Member) reachabilityChanged() {
	m.mu.Lock()
	m.wake()
	m.mu.Unlock()
	m.tellState()
}

// tellState tells the handlers of all Types that their state may have changed.
func (m *Member) tellState() {
	m.mu.RLock()
	list := make([]*Type, 0, len(m.types))
	for _, t := range m.types {
		list = append(list, t)
	}
	m.mu.RUnlock()
	for _, t := range list {
		t.tellState()
	}
}

// close ends all that the member does and waits for it.
func (m *Member) close() {
	m.mu.Lock()
	m.cancel() // under the lock: Type starts nothing from now on
	conn := m.conn
	m.mu.Unlock()
	m.running.Wait()
	if conn != nil {
		conn.close()
	}
}
