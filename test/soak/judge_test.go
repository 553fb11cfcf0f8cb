package soak

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var (
	thing   = key{configMaps, home, "thing"}
	anyone  = map[string]string{}
	tierA   = map[string]string{"tier": "a"}
	morning = time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
)

// newDay is a model in which everything was settled in the morning: thing is in every cluster.
func newDay() *model {
	m := newModel([]string{"c1", "c2"})
	for _, t := range m.clusters {
		t.settle(membership{Joined: true, Labels: tierA}, morning)
	}
	for _, k := range []key{{namespaces, home, home}, thing} {
		m.object(k).settle(value{Edit: "0", Selector: anyone}, morning)
	}
	return m
}

// edit notes an edit of thing after some minutes, acknowledged a second later.
func (m *model) edit(minutes int, v value) {
	at := morning.Add(time.Duration(minutes) * time.Minute)
	m.object(thing).acknowledge(m.object(thing).attempt(v, at), at.Add(time.Second))
}

func TestWanted(t *testing.T) {
	all, none := value{Selector: anyone}, value{}
	for name, test := range map[string]struct {
		object, namespace value
		labels            map[string]string
		want              bool
	}{
		"selector":                     {all, all, nil, true},
		"neither field":                {none, all, nil, false},
		"not in the namespace":         {all, none, nil, false},
		"namespace is not federated":   {all, value{Absent: true, Selector: anyone}, nil, false},
		"no such object":               {value{Absent: true, Selector: anyone}, all, nil, false},
		"named":                        {value{Clusters: []string{"c1"}}, all, nil, true},
		"names go before the selector": {value{Clusters: []string{}, Selector: anyone}, all, nil, false},
		"labels":                       {value{Selector: tierA}, all, tierA, true},
		"other labels":                 {value{Selector: tierA}, all, map[string]string{"tier": "b"}, false},
	} {
		assert.Equal(t, test.want, wanted(&test.object, &test.namespace, "c1", &membership{Joined: true, Labels: test.labels}), name)
		assert.False(t, wanted(&test.object, &test.namespace, "c1", &membership{Labels: test.labels}), "no member: %s", name)
	}
}

// A deletion has a cause only while somebody may have asked for it.
func TestRemovalsNeedACause(t *testing.T) {
	noon := morning.Add(4 * time.Hour)
	m := newDay()
	assert.False(t, m.mayRemove("c1", thing, noon), "nobody asked")
	m.tampered[target{"c1", thing}] = true
	assert.False(t, m.mayRemove("c1", thing, noon), "drift is no reason")

	m = newDay()
	m.edit(60, value{Edit: "1", Clusters: []string{"c2"}})
	assert.False(t, m.mayRemove("c1", thing, morning.Add(59*time.Minute)), "before it was asked for")
	assert.True(t, m.mayRemove("c1", thing, morning.Add(time.Hour)))
	assert.False(t, m.mayRemove("c2", thing, noon))
	m.edit(120, value{Edit: "2", Selector: anyone})
	assert.False(t, m.mayRemove("c1", thing, noon), "long after it was taken back")

	m = newDay()
	m.object(thing).attempt(value{Edit: "1", Clusters: []string{}}, morning.Add(time.Hour))
	assert.True(t, m.mayRemove("c1", thing, noon), "the answer was lost")
	assert.True(t, m.mayWrite("c1", thing, noon), "or it was never stored")

	m = newDay()
	m.edit(60, value{Edit: "1", Orphan: true, Clusters: []string{}})
	assert.False(t, m.mayRemove("c1", thing, noon), "copies shall stay")
	assert.True(t, m.mayRelease("c1", thing))

	m = newDay()
	m.object(thing).settle(value{Absent: true, Removes: true}, morning)
	assert.False(t, m.mayRemove("c1", thing, noon), "that there is no object says nothing")
	m.edit(60, value{Edit: "1", Absent: true, Removes: true})
	assert.True(t, m.mayRemove("c1", thing, noon))

	m = newDay()
	gone := m.clusters["c1"].attempt(membership{}, morning.Add(time.Hour))
	m.clusters["c1"].acknowledge(gone, morning.Add(time.Hour))
	assert.False(t, m.mayRemove("c1", thing, noon), "a cluster that left keeps its copies")
	assert.True(t, m.mayRelease("c1", thing))
}

// A copy about which nothing happened is not written.
func TestWritesNeedACause(t *testing.T) {
	noon := morning.Add(4 * time.Hour)
	m := newDay()
	assert.False(t, m.mayWrite("c1", thing, noon))
	assert.False(t, m.mayRelease("c1", thing))
	m.tampered[target{"c1", thing}] = true
	assert.True(t, m.mayWrite("c1", thing, noon))
	assert.False(t, m.mayWrite("c2", thing, noon))
	m.edit(60, value{Edit: "1", Clusters: []string{"c2"}})
	assert.False(t, m.mayWrite("c1", thing, noon), "it is not wanted there")
	assert.True(t, m.mayWrite("c2", thing, noon))
}

// What was acknowledged is stored, and what is in doubt is one or the other.
func TestStoredIsWhatWasAsked(t *testing.T) {
	stored := func(v value) error {
		m := newDay()
		m.edit(60, value{Edit: "1", Selector: anyone})
		m.object(thing).attempt(value{Edit: "2", Selector: tierA}, morning.Add(2*time.Hour))
		if v.Absent {
			return matchesStored(thing, m.object(thing), nil)
		}
		return matchesStored(thing, m.object(thing), v.object(thing))
	}
	assert.NoError(t, stored(value{Edit: "1", Selector: anyone}))
	assert.NoError(t, stored(value{Edit: "2", Selector: tierA}))
	assert.ErrorContains(t, stored(value{Edit: "0", Selector: anyone}), "lost", "the acknowledged edit is gone")
	assert.ErrorContains(t, stored(value{Edit: "3", Selector: anyone}), "nobody made")
	assert.ErrorContains(t, stored(value{Edit: "1", Selector: tierA}), "stored otherwise")
	assert.ErrorContains(t, stored(value{Absent: true}), "lost")
}

func TestSameData(t *testing.T) {
	want := map[string]string{"k1": "a"}
	assert.NoError(t, sameData(want, map[string]string{"k1": "a", "k2": tampering + "1", "other": "x"}, nil), "what others added is theirs")
	assert.Error(t, sameData(want, map[string]string{}, nil))
	assert.Error(t, sameData(want, map[string]string{"k1": tampering + "1"}, nil))
	assert.Error(t, sameData(want, map[string]string{"k1": "a", "k2": "b"}, nil))
	assert.NoError(t, sameData(want, map[string]string{"k1": "a", "k2": "b"}, map[string]string{"k2": "b"}), "it was there when the copy was taken over")
}

// What an edit writes to an object that is being deleted counts for its deletion, though the edit as such is too late.
func TestADeletionHeedsWhatIsWrittenDuringIt(t *testing.T) {
	m := newDay()
	m.edit(60, value{Edit: "1", Selector: anyone, Orphan: true})
	m.edit(120, value{Absent: true})
	at := morning.Add(3 * time.Hour)
	assert.False(t, m.mayRemove("c1", thing, at), "its copies were to be kept")
	m.removedLate[thing] = true
	assert.True(t, m.mayRemove("c1", thing, at))
	fresh := newDay()
	fresh.keptLate[thing] = true
	assert.True(t, fresh.mayRelease("c1", thing))
}

// A namespace counts in a member until its removal begins, and that may wait for an approval.
func TestANamespaceCountsUntilItsRemovalBegins(t *testing.T) {
	space := key{namespaces, home, home}
	label := func(m *model, minutes int, labels map[string]string) {
		at := morning.Add(time.Duration(minutes) * time.Minute)
		m.clusters["c1"].acknowledge(m.clusters["c1"].attempt(membership{Joined: true, Labels: labels}, at), at)
	}
	prepare := func() *model {
		m := newDay()
		m.object(thing).settle(value{Edit: "0", Selector: map[string]string{"ring": "0"}}, morning)
		m.object(space).settle(value{Edit: "0", Selector: tierA}, morning)
		label(m, 60, map[string]string{"tier": "b", "ring": "0"})
		return m
	}
	soon, late := morning.Add(time.Hour+time.Second), morning.Add(2*time.Hour)
	m := prepare()
	assert.True(t, m.mayWrite("c1", thing, soon))
	assert.False(t, m.mayWrite("c1", thing, late), "nothing keeps it")
	m.cautious = true
	assert.True(t, m.mayWrite("c1", thing, late), "it waits for an approval")
	assert.False(t, m.mayWrite("c2", thing, late), "not wanted by the object itself")

	m = prepare()
	m.cautious = true
	m.object(space).settle(value{Edit: "0", Selector: map[string]string{"tier": "c"}}, morning)
	assert.False(t, m.mayWrite("c1", thing, late), "it never was there")

	m = prepare()
	m.cautious = true
	m.object(space).acknowledge(m.object(space).attempt(value{Absent: true}, soon), soon)
	assert.False(t, m.mayWrite("c1", thing, late), "to delete the FederatedNamespace is to confirm it")
}
