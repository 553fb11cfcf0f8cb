package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/test/hollow"
)

// sicknesses are what may ail a member.
var sicknesses = []struct {
	name  string
	fault hollow.Injector
}{
	{"hangs", func(*http.Request) *hollow.Fault { return &hollow.Fault{Hang: true} }},
	{"is slow", func(*http.Request) *hollow.Fault { return &hollow.Fault{Delay: time.Second} }},
	{"has too many requests", func(*http.Request) *hollow.Fault {
		return &hollow.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second}
	}},
	{"has too many requests and does not say for how long", answers(http.StatusTooManyRequests)},
	{"has an internal error", answers(http.StatusInternalServerError)},
	{"is unavailable", answers(http.StatusServiceUnavailable)},
	{"flaps", flapping()},
	{"says what is no JSON", says(`{"kind":[[[{{`)},
	{"says what is nothing", says(``)},
	{"has versions of the future", says(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"ward","uid":"x","resourceVersion":"18446744073709551615","labels":{"kubefed.io/managed":"true"}}}`)},
	{"sends events of no type", says(strings.Repeat(`{"type":"UPSET","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"ward","uid":"x","resourceVersion":"7"}}}`+"\n", 50))},
}

func answers(code int) hollow.Injector {
	return func(*http.Request) *hollow.Fault { return &hollow.Fault{Status: code} }
}

func says(text string) hollow.Injector {
	return func(*http.Request) *hollow.Fault { return &hollow.Fault{Body: []byte(text)} }
}

// flapping answers every other request, and cuts the others off.
func flapping() hollow.Injector {
	var requests atomic.Int64
	return func(*http.Request) *hollow.Fault {
		if requests.Add(1)%2 == 0 {
			return nil
		}
		return &hollow.Fault{Lose: true}
	}
}

// gauge counts requests for copies to the sick member.
type gauge struct {
	mu            sync.Mutex
	inFlight, max int
	tries         map[string]int
}

func (g *gauge) watch(fault hollow.Injector) hollow.Injector {
	return func(r *http.Request) *hollow.Fault {
		if r.Method == http.MethodPatch {
			g.mu.Lock()
			g.inFlight++
			g.max = max(g.max, g.inFlight)
			g.tries[r.URL.Path]++
			g.mu.Unlock()
			context.AfterFunc(r.Context(), func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.inFlight--
			})
		}
		return fault(r)
	}
}

// One of ten members is sick, and taken for well: objects come to the others as they
// do without it, their statuses say so, and it is not asked more than it bears.
func TestOneSickMemberSlowsNobody(t *testing.T) {
	const objects, mostRounds = 10, 16
	w := newWard(t, wardMembers, 30*time.Second)
	for i, sickness := range sicknesses {
		t.Run(sickness.name, func(t *testing.T) {
			w.t = t
			g := &gauge{tries: map[string]int{}}
			names := func(round int, kind string) (list []string) {
				for object := range objects {
					list = append(list, fmt.Sprintf("%s-%d-%d-%d", kind, i, round, object))
				}
				return list
			}
			var without, with []time.Duration
			for round := range mostRounds {
				well := names(round, "well")
				without = append(without, w.round(well)...)
				w.awaitEverywhere(well, "configmaps")

				began := time.Now()
				w.infect(sickMember, g.watch(sickness.fault))
				ill := names(round, "ill")
				with = append(with, w.round(ill)...)
				w.awaitReported(ill)
				w.heal()
				w.awaitEverywhere(ill, "configmaps")
				took := time.Since(began)

				g.mu.Lock()
				most, tries := g.max, 0
				for _, count := range g.tries {
					tries = max(tries, count)
				}
				g.mu.Unlock()
				require.LessOrEqual(t, most, 32, "requests in flight to the sick member")
				// Tries of one copy are 200 ms, 400 ms, 800 ms ... apart.
				allowed := 3
				for wait := 100 * time.Millisecond; wait < took; wait *= 2 {
					allowed++
				}
				require.LessOrEqual(t, tries, allowed, "tries of one copy in the sick member in %s", took)

				// On a machine that others use too, it takes some rounds until what is the same
				// looks the same.
				if mean(with) <= 2*mean(without) {
					t.Logf("with: %s, without: %s", mean(with), mean(without))
					return
				}
			}
			t.Fatalf("with a member that %s it takes %s until objects come to the others, and %s without", sickness.name, mean(with), mean(without))
		})
	}
}

// A member that does not answer holds up nothing that comes and goes: a request to
// it may take longer than this test.
func TestAHungMemberHoldsUpNoChanges(t *testing.T) {
	hang := func(*http.Request) *hollow.Fault { return &hollow.Fault{Hang: true} }
	soon := func(t *testing.T, what string, do func()) {
		t.Helper()
		done := make(chan struct{})
		go func() {
			defer close(done)
			do()
		}()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatalf("%s waits for a member that does not answer", what)
		}
	}
	w := newWard(t, 3, time.Hour)
	const hung = "m1"
	busy := func(name string) {
		t.Helper()
		w.infect(hung, hang)
		require.NoError(t, w.create("configmaps", name, map[string]any{}))
		require.Eventually(t, func() bool {
			_, missing := w.arrivedIn(hung, []string{name})
			return missing == 0
		}, patience, poll)
	}

	busy("first")
	soon(t, "the end of a kind", func() { w.controller.Stop("configmaps") })
	soon(t, "the start of a kind", func() {
		require.NoError(t, w.controller.Start(w.ctx, w.kinds["configmaps"], w.configs["configmaps"]))
	})
	w.heal()
	w.awaitEverywhere([]string{"first"}, "configmaps")

	busy("second")
	soon(t, "a change of another member", func() {
		changed := w.cluster(w.members["m0"])
		changed.Labels = map[string]string{"changed": "true"}
		require.NoError(t, w.set.Update(changed, &corev1.Secret{Data: map[string][]byte{members.TokenKey: []byte(w.members["m0"].Token())}}))
	})
	soon(t, "another member that joins", func() { w.join("m3") })
	soon(t, "the removal of the member itself", func() { w.set.Remove(hung) })
	delete(w.members, hung)
	require.NoError(t, w.create("configmaps", "third", map[string]any{}))
	w.awaitEverywhere([]string{"second", "third"}, "configmaps")

	w.join("m4")
	w.awaitEverywhere([]string{"third"}, "configmaps")
	w.infect("m4", hang)
	require.NoError(t, w.create("configmaps", "fourth", map[string]any{}))
	require.Eventually(t, func() bool {
		_, missing := w.arrivedIn("m4", []string{"fourth"})
		return missing == 0
	}, patience, poll)
	soon(t, "another leader", func() { require.NoError(t, w.end()) })
}
