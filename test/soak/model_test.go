package soak

import (
	"slices"
	"sync"
	"time"
)

// slack is how long after its evidence a write may reach a member: the longest time for which a fault holds a request or
// a process up, and some more.
const slack = 20 * time.Second

// model is all that clients have asked for.
type model struct {
	mu       sync.Mutex
	objects  map[key]*timeline[value]
	clusters map[string]*timeline[membership]
	// actual are the clusters as they were found when nobody changed them.
	actual map[string]*membership
	// stopped are the types whose propagation was disabled in this round.
	stopped map[string]bool
	// tampered are the copies with which somebody tampered in this round. A copy that lost its label is not known as a
	// copy for a moment.
	tampered map[target]bool
	// keptLate are the objects whose copies somebody wanted kept when they were being deleted already, removedLate those of
	// which somebody took that wish back then.
	keptLate, removedLate map[key]bool
	// restored says that the store was taken back in this round: copies may be of edits that it does not know.
	restored bool
	// cautious says that the removal of a namespace waits for an approval in this round.
	cautious bool
	// approved are the objects of which removals were approved in this round.
	approved map[key]bool
	// inherited are data of copies that were let go and taken over again: what an edit had put there is the member's.
	inherited map[target]map[string]string
}

func newModel(members []string) *model {
	m := &model{objects: map[key]*timeline[value]{}, clusters: map[string]*timeline[membership]{}, actual: map[string]*membership{}, inherited: map[target]map[string]string{}}
	for _, name := range members {
		m.clusters[name] = &timeline[membership]{}
	}
	m.begin()
	return m
}

// begin forgets what was true of the last round only.
func (m *model) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.restored, m.cautious = false, false
	m.keptLate, m.removedLate = map[key]bool{}, map[key]bool{}
	m.stopped, m.tampered, m.approved = map[string]bool{}, map[target]bool{}, map[key]bool{}
}

// object returns what is known of an object, which nobody made if nothing is. m.mu is held.
func (m *model) object(k key) *timeline[value] {
	t := m.objects[k]
	if t == nil {
		t = &timeline[value]{}
		t.settle(value{Absent: true}, time.Time{})
		m.objects[k] = t
	}
	return t
}

// attempt notes an edit of an object before it is sent.
func (m *model) attempt(k key, v value) *span[value] {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.object(k)
	if v.Absent {
		for _, s := range t.open() {
			v.Orphan = v.Orphan || s.value.Orphan
			v.Removes = v.Removes || s.value.Removes || !s.value.Absent && !s.value.Orphan
		}
	}
	return t.attempt(v, time.Now())
}

// namespaceOf returns the key of the FederatedNamespace of an object, which has none if it is one itself.
func namespaceOf(k key) (key, bool) {
	return key{Resource: namespaces, Namespace: k.Namespace, Name: k.Namespace}, k.Resource != namespaces
}

// now returns the value of an object when nothing is in doubt. m.mu is held.
func (m *model) now(k key) *value {
	return &m.object(k).open()[0].value
}

// intent returns the data of the copy that a member shall have, nil for none, when nothing is in doubt. m.mu is held.
func (m *model) intent(member string, k key) map[string]string {
	v, cluster := m.now(k), m.actual[member]
	var namespace *value
	if name, ok := namespaceOf(k); ok {
		namespace = m.now(name)
	}
	if !wanted(v, namespace, member, cluster) {
		return nil
	}
	return v.rendered(member, cluster)
}

// situation is one that may have been: an object, its namespace (nil for a namespace) and a cluster.
type situation struct {
	object, namespace *span[value]
	cluster           *span[membership]
}

func (s situation) wanted(member string) bool {
	var namespace *value
	if s.namespace != nil {
		namespace = &s.namespace.value
	}
	return wanted(&s.object.value, namespace, member, &s.cluster.value)
}

// situations returns those that may have been in a period. m.mu is held.
func (m *model) situations(member string, k key, from, to time.Time) []situation {
	spaces := []*span[value]{nil}
	if name, ok := namespaceOf(k); ok {
		spaces = m.object(name).during(from, to)
	}
	var all []situation
	for _, object := range m.object(k).during(from, to) {
		for _, namespace := range spaces {
			for _, cluster := range m.clusters[member].during(from, to) {
				all = append(all, situation{object, namespace, cluster})
			}
		}
	}
	return all
}

// mayWrite says whether a copy may have had to be written at a time: it may have been wanted, and something happened to
// it in this round. m.mu is held.
func (m *model) mayWrite(member string, k key, at time.Time) bool {
	return m.stirred(member, k) && slices.ContainsFunc(m.situations(member, k, at.Add(-slack), at), func(s situation) bool {
		// To a store that was taken back the removal of a namespace is new, and waits for
		// an approval; until then what is in it there is kept as asked for.
		return s.wanted(member) || wanted(&s.object.value, nil, member, &s.cluster.value) && (m.restored || m.namespaceStays(member, k, s, at))
	})
}

// namespaceStays says whether the namespace of an object may still have been in a member at a time, though its placement
// excluded the member in the end: the namespace counts there until its removal begins, which may wait for an approval. m.mu is held.
func (m *model) namespaceStays(member string, k key, now situation, at time.Time) bool {
	if now.namespace == nil || now.namespace.value.Absent {
		return false
	}
	since := at.Add(-slack)
	if m.cautious {
		since = time.Time{}
	}
	name, _ := namespaceOf(k)
	return slices.ContainsFunc(m.situations(member, name, since, at), func(before situation) bool { return before.wanted(member) })
}

// mayRemove says whether a copy may have had to be deleted at a time: there may have been evidence that nobody wants
// it. That there is no such object, and was none when the round began, is none. m.mu is held.
func (m *model) mayRemove(member string, k key, at time.Time) bool {
	return slices.ContainsFunc(m.situations(member, k, at.Add(-slack), at), func(s situation) bool {
		switch v := s.object.value; {
		case !s.cluster.value.Joined, s.wanted(member):
			return false
		case v.Absent:
			return (v.Removes || m.removedLate[k]) && !s.object.settled
		default:
			return !v.Orphan && m.stirred(member, k)
		}
	})
}

// mayRelease says whether a copy may have had to be let go in this round: it may have to stay without the federation.
// m.mu is held.
func (m *model) mayRelease(member string, k key) bool {
	left := func(s *span[membership]) bool { return !s.value.Joined }
	kept := func(s *span[value]) bool { return s.value.Orphan }
	return m.restored || m.stopped[k.Resource] || m.tampered[target{member, k}] || m.keptLate[k] ||
		slices.ContainsFunc(m.clusters[member].spans, left) || slices.ContainsFunc(m.object(k).spans, kept)
}

// stirred says that something happened in this round of which a copy may have to change. m.mu is held.
func (m *model) stirred(member string, k key) bool {
	if m.restored || m.object(k).edited() || m.clusters[member].edited() || m.stopped[k.Resource] || m.tampered[target{member, k}] {
		return true
	}
	name, ok := namespaceOf(k)
	return ok && (m.object(name).edited() || m.tampered[target{member, name}])
}
