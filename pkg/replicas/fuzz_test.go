package replicas_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kubefederation/federation-apiserver/pkg/replicas"
)

// FuzzProperties draws requests as the properties do, led by coverage.
func FuzzProperties(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		limitsAndTotalHold(t)
		allIsPlacedWhenThereIsRoom(t)
		orderDoesNotMatter(t)
		nothingMovesThatMayStay(t)
		planIsStable(t)
	}))
}

// FuzzPlan plans any numbers that validation lets through.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{
		`{"Total":9,"Clusters":["a","b"],"Preferences":{"*":{"Weight":1}}}`,
		`{"Total":50,"Clusters":["a","b","a"],"Preferences":{"a":{"Min":4,"Max":6,"Weight":2147483647},"*":{"Min":2147483647}},"Current":{"a":70},"Capacity":{"b":0}}`,
		`{"Total":2147483647,"Rebalance":true,"Clusters":["a","b","c"],"Preferences":{"*":{"Weight":2147483647}},"Capacity":{"a":1,"b":2,"c":3}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r replicas.Request
		if json.Unmarshal([]byte(text), &r) != nil || !allowed(r) {
			return
		}
		got := replicas.Plan(r)
		require.Equal(t, got, replicas.Plan(r), "the same request has the same plan")
		require.Equal(t, r.Total, sum(got.Replicas)+sum(got.Overflow)+got.Missing)
		for name, n := range got.Replicas {
			require.GreaterOrEqual(t, n, int64(0), name)
			require.GreaterOrEqual(t, got.Overflow[name], int64(0), name)
			preference, ok := preferenceOf(r, name)
			if !ok {
				require.Zero(t, n+got.Overflow[name], name)
			}
			if preference.Max != nil {
				require.LessOrEqual(t, n+got.Overflow[name], *preference.Max, name)
			}
		}
	})
}

// allowed reports whether a request has only numbers that Plan is for.
func allowed(r replicas.Request) bool {
	within := func(n int64) bool { return n >= 0 && n <= math.MaxInt32 }
	if !within(r.Total) || len(r.Clusters) > 100 {
		return false
	}
	for _, p := range r.Preferences {
		if !within(p.Min) || !within(p.Weight) || p.Max != nil && (!within(*p.Max) || *p.Max < p.Min) {
			return false
		}
	}
	for _, numbers := range []counts{r.Current, r.Capacity} {
		for _, n := range numbers {
			if !within(n) {
				return false
			}
		}
	}
	return true
}

// TestAllowed keeps the fuzzer from looking at nothing.
func TestAllowed(t *testing.T) {
	t.Parallel()
	for total, want := range map[int64]bool{0: true, math.MaxInt32: true, -1: false, math.MaxInt32 + 1: false} {
		require.Equal(t, want, allowed(replicas.Request{Total: total}), fmt.Sprint(total))
	}
}
