package replicas_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kubefederation/federation-apiserver/pkg/replicas"
)

func genRequest(t *rapid.T) replicas.Request {
	number := func(most int64) *rapid.Generator[int64] {
		return rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, most))
	}
	r := replicas.Request{
		Total:       number(1<<40).Draw(t, "total"),
		Rebalance:   rapid.Bool().Draw(t, "rebalance"),
		Preferences: map[string]replicas.Preference{},
		Current:     counts{},
		Capacity:    counts{},
		Key:         rapid.SampledFrom([]string{"", "ns/name", "other/name"}).Draw(t, "key"),
	}
	preference := rapid.Custom(func(t *rapid.T) replicas.Preference {
		p := replicas.Preference{Min: number(1<<40).Draw(t, "min"), Weight: number(replicas.MaxWeight).Draw(t, "weight")}
		if rapid.Bool().Draw(t, "bounded") {
			p.Max = most(p.Min + number(1<<40).Draw(t, "max"))
		}
		return p
	})
	if rapid.Bool().Draw(t, "has *") {
		r.Preferences[replicas.Any] = preference.Draw(t, "*")
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "clusters") {
		name := fmt.Sprint("c", i)
		r.Clusters = append(r.Clusters, name)
		for what, into := range map[string]counts{"current": r.Current, "capacity": r.Capacity} {
			if rapid.Bool().Draw(t, name+" has "+what) {
				into[name] = number(1<<40).Draw(t, name+" "+what)
			}
		}
		if rapid.Bool().Draw(t, name+" is named") {
			r.Preferences[name] = preference.Draw(t, name)
		}
	}
	return r
}

func preferenceOf(r replicas.Request, cluster string) (replicas.Preference, bool) {
	p, ok := r.Preferences[cluster]
	if !ok {
		p, ok = r.Preferences[replicas.Any]
	}
	return p, ok
}

func sum(numbers counts) (total int64) {
	for _, n := range numbers {
		total += n
	}
	return total
}

func TestLimitsAndTotalHold(t *testing.T) { rapid.Check(t, limitsAndTotalHold) }

func limitsAndTotalHold(t *rapid.T) {
	r := genRequest(t)
	got := replicas.Plan(r)
	require.Len(t, got.Replicas, len(r.Clusters))
	planned := sum(got.Replicas)
	require.Equal(t, r.Total, planned+sum(got.Overflow)+got.Missing)
	require.GreaterOrEqual(t, got.Missing, int64(0))
	for _, cluster := range r.Clusters {
		n := got.Replicas[cluster]
		require.GreaterOrEqual(t, n, int64(0))
		p, ok := preferenceOf(r, cluster)
		if !ok {
			require.Zero(t, n)
			require.Zero(t, got.Overflow[cluster])
		}
		if p.Max != nil {
			require.LessOrEqual(t, n+got.Overflow[cluster], *p.Max)
		}
		capacity, bounded := r.Capacity[cluster]
		if bounded {
			require.LessOrEqual(t, n, capacity)
		}
		// Nobody misses its minimum while another has more than its own.
		if n < p.Min && (!bounded || n < capacity) {
			for _, other := range r.Clusters {
				q, _ := preferenceOf(r, other)
				require.LessOrEqual(t, got.Replicas[other], q.Min, "%s lacks its minimum, %s does not", cluster, other)
			}
		}
	}
}

// All of the total is placed when weighted clusters have room for it.
func TestAllIsPlacedWhenThereIsRoom(t *testing.T) { rapid.Check(t, allIsPlacedWhenThereIsRoom) }

func allIsPlacedWhenThereIsRoom(t *rapid.T) {
	r := genRequest(t)
	var room int64
	for _, cluster := range r.Clusters {
		p, _ := preferenceOf(r, cluster)
		limit := p.Min
		if p.Weight > 0 {
			limit = r.Total
		}
		if p.Max != nil {
			limit = min(limit, *p.Max)
		}
		if capacity, ok := r.Capacity[cluster]; ok {
			limit = min(limit, capacity)
		}
		room += limit
	}
	got := replicas.Plan(r)
	if room >= r.Total {
		require.Equal(t, r.Total, sum(got.Replicas))
	}
	require.GreaterOrEqual(t, sum(got.Replicas), min(room, r.Total))
}

func TestOrderDoesNotMatter(t *testing.T) { rapid.Check(t, orderDoesNotMatter) }

func orderDoesNotMatter(t *rapid.T) {
	r := genRequest(t)
	first := replicas.Plan(r)
	r.Clusters = rapid.Permutation(r.Clusters).Draw(t, "order")
	require.Equal(t, first, replicas.Plan(r))
	if len(r.Clusters) > 0 {
		r.Clusters = append(slices.Clone(r.Clusters), r.Clusters[0])
		require.Equal(t, first, replicas.Plan(r), "a cluster that is named twice counts once")
	}
}

// Without rebalance, a cluster keeps what runs there, up to its limits, whenever
// the total suffices for that and for the minima of all.
func TestNothingMovesThatMayStay(t *testing.T) { rapid.Check(t, nothingMovesThatMayStay) }

func nothingMovesThatMayStay(t *rapid.T) {
	r := genRequest(t)
	r.Rebalance = false
	keep, needed := counts{}, int64(0)
	for _, cluster := range r.Clusters {
		p, ok := preferenceOf(r, cluster)
		if !ok {
			continue
		}
		limit := func(n int64) int64 {
			if p.Max != nil {
				n = min(n, *p.Max)
			}
			if capacity, ok := r.Capacity[cluster]; ok {
				n = min(n, capacity)
			}
			return n
		}
		keep[cluster] = limit(r.Current[cluster])
		needed += max(keep[cluster], limit(p.Min))
	}
	r.Total = max(r.Total, needed)
	got := replicas.Plan(r)
	for cluster, n := range keep {
		require.GreaterOrEqual(t, got.Replicas[cluster], n, cluster)
	}
}

// A plan that has been carried out is the plan: nothing goes back and forth.
func TestPlanIsStable(t *testing.T) { rapid.Check(t, planIsStable) }

func planIsStable(t *rapid.T) {
	r := genRequest(t)
	first := replicas.Plan(r)
	r.Current = first.Replicas
	require.Equal(t, first.Replicas, replicas.Plan(r).Replicas)
}
