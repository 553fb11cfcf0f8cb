package members

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Options bound what a member is asked. The zero value of a field means its default.
type Options struct {
	// QPS and Burst bound the requests to one member, as a net under a mistake
	// rather than as a brake: the member's own priority and fairness knows better
	// what it can bear. Defaults: 1000 and 2000.
	QPS   float32
	Burst int
	// MaxInFlight bounds the requests for copies that are in flight to one member;
	// how many are is found out: see Flow. Default: 32.
	MaxInFlight int
	// RequestTimeout bounds every request but watches. Default: 30s, which is also
	// the most that a member may give its admission webhooks.
	RequestTimeout time.Duration
	// MinBackoff and MaxBackoff bound the growing time between two tries to
	// observe a type, or to reach a member that does not answer. Defaults: 1s, 30s.
	MinBackoff, MaxBackoff time.Duration
	// Confined returns the one namespace in which objects of namespaced types are
	// observed, so that no rights beyond it are needed; empty means all namespaces.
	// It is asked when a type begins to be observed. Default: all.
	Confined func() string
	// MaxObjects bounds the objects of a type that are observed in a member.
	// Default: 500000.
	MaxObjects int
	// MaxStatusBytes bounds the statuses of all objects of a type in a member, where
	// they are collected. Default: 256 MiB.
	MaxStatusBytes int
	// Forbidden are addresses to which no connection is made, whatever a
	// KubeFedCluster or a name server says. Default: none.
	Forbidden Addresses
	// Fence says whether members may still be written to: its error keeps a write
	// back. Whoever may have been replaced by another, and does not know it yet,
	// must not write what the other has changed since. Default: they may.
	Fence func() error
	// Hold says why no member is written to: all writes but those of Lease and
	// RequestToken are kept back. Whoever changes what it returns calls HoldChanged.
	// Default: they are.
	Hold func() *HeldError
	// Owned says that a member is written to only while SetOwnership says so.
	Owned bool
}

func (o Options) withDefaults() Options {
	return Options{
		QPS:            cmp.Or(o.QPS, 1000),
		Burst:          cmp.Or(o.Burst, 2000),
		MaxInFlight:    cmp.Or(o.MaxInFlight, 32),
		RequestTimeout: cmp.Or(o.RequestTimeout, 30*time.Second),
		MinBackoff:     cmp.Or(o.MinBackoff, time.Second),
		MaxBackoff:     cmp.Or(o.MaxBackoff, 30*time.Second),
		Confined:       o.Confined,
		MaxObjects:     cmp.Or(o.MaxObjects, 500_000),
		MaxStatusBytes: cmp.Or(o.MaxStatusBytes, 256<<20),
		Forbidden:      o.Forbidden,
		Fence:          o.Fence,
		Hold:           o.Hold,
		Owned:          o.Owned,
	}
}

// EventType says what happened to a member.
type EventType string

const (
	// Added means that the member is new in the Set.
	Added EventType = "Added"
	// Changed means that the member's readiness or its labels changed.
	Changed EventType = "Changed"
	// Removed means that the member left the Set; its connections are closed.
	Removed EventType = "Removed"
)

// Event tells of a change of the Set.
type Event struct {
	Type   EventType
	Member *Member
}

// Set holds the members of the federation. All methods may be called at once.
type Set struct {
	options Options
	ctx     context.Context
	cancel  context.CancelFunc

	// updating makes Update, Remove and SetReady follow one another, handlers included.
	updating sync.Mutex

	complete     chan struct{}
	completeOnce sync.Once

	mu      sync.RWMutex
	members map[string]*Member
	// sorted has the members by name; it is replaced as a whole.
	sorted   []*Member
	handlers []func(Event)
}

// NewSet returns an empty Set. Everything that it starts ends with ctx, or with
// Close, which also waits. Logs go to the logger of ctx.
func NewSet(ctx context.Context, options Options) *Set {
	ctx, cancel := context.WithCancel(ctx)
	return &Set{
		options: options.withDefaults(), ctx: ctx, cancel: cancel,
		complete: make(chan struct{}), members: map[string]*Member{},
	}
}

// Complete is closed when the Set holds every cluster that there was at the
// start. Before, that a member is not in the Set means nothing.
func (s *Set) Complete() <-chan struct{} { return s.complete }

// MarkComplete says that the Set holds every cluster that there is.
func (s *Set) MarkComplete() {
	s.completeOnce.Do(func() { close(s.complete) })
}

// Get returns the member of that name.
func (s *Set) Get(name string) (*Member, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	m, ok := s.members[name]
	return m, ok
}

// List returns the members, sorted by name. The slice is shared: it must not be
// changed.
func (s *Set) List() []*Member {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sorted
}

// sort sorts the members, when one came or went: every look at an object lists them
// all. s.mu is held.
func (s *Set) sort() {
	s.sorted = slices.SortedFunc(maps.Values(s.members), func(a, b *Member) int { return cmp.Compare(a.name, b.name) })
}

// AddEventHandler calls handler for every member that is there, as Added, and
// from then on for every change, in order. The handler must return soon and must
// not change the Set.
func (s *Set) AddEventHandler(handler func(Event)) {
	s.updating.Lock()
	defer s.updating.Unlock()
	for _, m := range s.List() {
		handler(Event{Type: Added, Member: m})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers = append(s.handlers, handler)
}

// Update brings the member of that cluster in step with it: it is added when it
// is new, its labels are taken over, and its connection is built anew when what
// it is built from changed. secret is the one that the cluster names, nil when
// there is none. A new member is ready when the cluster's status says so.
//
// The error says what is wrong with the configuration, in words for the
// cluster's status; the member is then in the Set without a connection.
func (s *Set) Update(cluster *corev1beta1.KubeFedCluster, secret *corev1.Secret) error {
	s.updating.Lock()
	defer s.updating.Unlock()

	settings, err := settingsOf(cluster, secret)
	m, found := s.Get(cluster.Name)
	if !found {
		if s.ctx.Err() != nil {
			return fmt.Errorf("the set of members is closed: %w", s.ctx.Err())
		}
		m = newMember(s.ctx, cluster.Name, s.options, isReady(cluster))
		m.setLabels(cluster.Labels)
		m.setSeen(seenOr(&cluster.Status, cluster.CreationTimestamp).Time)
		err = m.configure(settings, err)
		s.mu.Lock()
		s.members[cluster.Name] = m
		s.sort()
		s.mu.Unlock()
		if held := m.Held(); held != nil {
			m.toldHold = *held
		}
		s.tell(Event{Type: Added, Member: m})
		return err
	}

	relabelled := m.setLabels(cluster.Labels)
	before := m.Ready()
	err = m.configure(settings, err)
	s.tellHold(m)
	if relabelled || m.Ready() != before {
		s.tell(Event{Type: Changed, Member: m})
	}
	return err
}

// SetReady says whether the member can be worked with. While it is not, requests
// to it fail at once; reason (not nil when ready is false) is what they say.
func (s *Set) SetReady(name string, ready bool, reason error) {
	s.updating.Lock()
	defer s.updating.Unlock()
	m, ok := s.Get(name)
	if !ok {
		return
	}
	before := m.Ready()
	m.setReady(ready, reason)
	if m.Ready() != before {
		s.tell(Event{Type: Changed, Member: m})
	}
}

// SetSeen says when the member was last found ready, instead of what Update took
// from the cluster's status.
func (s *Set) SetSeen(name string, at time.Time) {
	if m, ok := s.Get(name); ok {
		m.setSeen(at)
	}
}

// Remove closes the connections of the member and forgets it.
func (s *Set) Remove(name string) {
	s.updating.Lock()
	defer s.updating.Unlock()
	m, ok := s.Get(name)
	if !ok {
		return
	}
	s.mu.Lock()
	delete(s.members, name)
	s.sort()
	s.mu.Unlock()
	m.close()
	s.tell(Event{Type: Removed, Member: m})
}

// Close ends all connections and observations and waits for them. Handlers are
// not called: the members did not go, this process does.
func (s *Set) Close() {
	s.cancel()
	for _, m := range s.List() {
		m.close()
	}
}

func (s *Set) tell(event Event) {
	s.mu.RLock()
	handlers := slices.Clone(s.handlers)
	s.mu.RUnlock()
	for _, handler := range handlers {
		handler(event)
	}
}

func isReady(cluster *corev1beta1.KubeFedCluster) bool {
	return slices.ContainsFunc(cluster.Status.Conditions, func(c corev1beta1.ClusterCondition) bool {
		return c.Type == corev1beta1.ClusterReady && c.Status == corev1.ConditionTrue
	})
}

// SeenIn returns when a member was last found ready by its status, zero if never.
func SeenIn(status *corev1beta1.KubeFedClusterStatus) metav1.Time {
	if status.LastSeenTime != nil {
		return *status.LastSeenTime
	}
	for _, c := range status.Conditions {
		if c.Type == corev1beta1.ClusterReady && c.Status == corev1.ConditionTrue {
			return c.LastProbeTime
		}
	}
	return metav1.Time{}
}

func seenOr(status *corev1beta1.KubeFedClusterStatus, otherwise metav1.Time) metav1.Time {
	if seen := SeenIn(status); !seen.IsZero() {
		return seen
	}
	return otherwise
}

var errNotProbed = errors.New("the cluster has not been found ready yet")
