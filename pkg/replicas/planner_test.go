package replicas_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/pkg/replicas"
)

type counts = map[string]int64

func most(n int64) *int64 { return &n }

// TestGolden has the table of KubeFed's own test of its planner, whose results
// users rely on: the order of the hash shows in most rows.
func TestGolden(t *testing.T) {
	even := map[string]replicas.Preference{replicas.Any: {Weight: 1}}
	rows := []struct {
		total    int64
		clusters string
		current  counts
		want     []int64
	}{
		{total: 50, clusters: "ABC", want: []int64{16, 17, 17}},
		{total: 50, clusters: "AB", want: []int64{25, 25}},
		{total: 1, clusters: "AB", want: []int64{0, 1}},
		{total: 1, clusters: "ABCD", want: []int64{0, 0, 0, 1}},
		{total: 1, clusters: "A", want: []int64{1}},
		{total: 1, clusters: "", want: nil},
		{total: 50, clusters: "ABC", current: counts{"C": 30}, want: []int64{10, 10, 30}},
		{total: 50, clusters: "AB", current: counts{"A": 30}, want: []int64{30, 20}},
		{total: 15, clusters: "AB", current: counts{"A": 0, "B": 8}, want: []int64{7, 8}},
		{total: 15, clusters: "AB", current: counts{"A": 1, "B": 8}, want: []int64{7, 8}},
		{total: 15, clusters: "AB", current: counts{"A": 4, "B": 8}, want: []int64{7, 8}},
		{total: 15, clusters: "AB", current: counts{"A": 5, "B": 8}, want: []int64{7, 8}},
		{total: 15, clusters: "AB", current: counts{"A": 6, "B": 8}, want: []int64{7, 8}},
		{total: 15, clusters: "AB", current: counts{"A": 7, "B": 8}, want: []int64{7, 8}},
		{total: 500000, clusters: "AB", current: counts{"A": 300000}, want: []int64{300000, 200000}},
		{total: 50, clusters: "AB", current: counts{"A": 10}, want: []int64{25, 25}},
		{total: 50, clusters: "AB", current: counts{"A": 10, "B": 70}, want: []int64{0, 50}},
		{total: 1, clusters: "AB", current: counts{"A": 30}, want: []int64{1, 0}},
		{total: 50, clusters: "AB", current: counts{"A": 10, "B": 20}, want: []int64{25, 25}},
	}
	for _, row := range rows {
		t.Run(fmt.Sprintf("%d over %s with %v", row.total, row.clusters, row.current), func(t *testing.T) {
			r := replicas.Request{Total: row.total, Preferences: even, Current: row.current}
			want := counts{}
			for i, c := range row.clusters {
				r.Clusters = append(r.Clusters, string(c))
				want[string(c)] = row.want[i]
			}
			got := replicas.Plan(r)
			require.Equal(t, want, got.Replicas)
			require.Empty(t, got.Overflow)
		})
	}
}

// TestPlan has what the table of KubeFed leaves out: minima, maxima, weights,
// capacities, and the examples of its user guide.
func TestPlan(t *testing.T) {
	rows := map[string]struct {
		request  replicas.Request
		want     counts
		overflow counts
		missing  int64
	}{
		"the user guide's example of three regions": {
			request: replicas.Request{
				Total: 15, Clusters: []string{"ap-northeast", "us-east", "us-west"}, Key: "test-ns/test-deployment",
				Preferences: map[string]replicas.Preference{
					replicas.Any:   {Weight: 2, Max: most(12)},
					"ap-northeast": {Min: 1, Max: most(3), Weight: 1},
				},
			},
			want: counts{"ap-northeast": 3, "us-east": 6, "us-west": 6},
		},
		"the user guide's example of minima and weights": {
			request: replicas.Request{
				Total: 9, Rebalance: true, Clusters: []string{"A", "B"}, Key: "test-ns/test-deployment",
				Preferences: map[string]replicas.Preference{"A": {Min: 4, Max: most(6), Weight: 1}, "B": {Min: 4, Max: most(8), Weight: 2}},
			},
			want: counts{"A": 4, "B": 5},
		},
		"weights count for what the minima leave": {
			request: replicas.Request{
				Total: 10, Clusters: []string{"A", "B"},
				Preferences: map[string]replicas.Preference{"A": {Min: 2, Max: most(6), Weight: 2}, "B": {Min: 4, Max: most(8), Weight: 3}},
			},
			want: counts{"A": 3, "B": 7},
		},
		"a cluster without a preference gets nothing": {
			request: replicas.Request{Total: 3, Clusters: []string{"A", "B"}, Preferences: map[string]replicas.Preference{"A": {Weight: 1}}},
			want:    counts{"A": 3, "B": 0},
		},
		"without weights only minima": {
			request: replicas.Request{Total: 10, Clusters: []string{"A", "B"}, Preferences: map[string]replicas.Preference{"A": {Min: 2}, "B": {Min: 3}}},
			want:    counts{"A": 2, "B": 3}, missing: 5,
		},
		"minima beyond the total: the heavier cluster first": {
			request: replicas.Request{Total: 5, Clusters: []string{"A", "B"},
				Preferences: map[string]replicas.Preference{"A": {Min: 4, Weight: 1}, "B": {Min: 4, Weight: 2}}},
			want: counts{"A": 1, "B": 4},
		},
		"no room in one cluster: the others take it": {
			request: replicas.Request{Total: 9, Rebalance: true, Clusters: []string{"A", "B"},
				Preferences: map[string]replicas.Preference{replicas.Any: {Weight: 1}}, Capacity: counts{"A": 3}},
			want: counts{"A": 3, "B": 6},
		},
		"no room anywhere: the total still holds": {
			request: replicas.Request{Total: 9, Rebalance: true, Clusters: []string{"A", "B"},
				Preferences: map[string]replicas.Preference{replicas.Any: {Weight: 1}}, Capacity: counts{"A": 3, "B": 4}},
			want: counts{"A": 3, "B": 4}, overflow: counts{"B": 1, "A": 1},
		},
		"no room for a minimum": {
			request: replicas.Request{Total: 4, Clusters: []string{"A"}, Preferences: map[string]replicas.Preference{"A": {Min: 4, Max: most(4), Weight: 1}},
				Capacity: counts{"A": 1}},
			want: counts{"A": 1}, overflow: counts{"A": 3},
		},
		"maxima below the total": {
			request: replicas.Request{Total: 9, Clusters: []string{"A", "B"}, Preferences: map[string]replicas.Preference{replicas.Any: {Weight: 1, Max: most(2)}}},
			want:    counts{"A": 2, "B": 2}, missing: 5,
		},
		"products beyond 64 bits": {
			request: replicas.Request{Total: math.MaxInt64, Clusters: []string{"A", "B"},
				Preferences: map[string]replicas.Preference{replicas.Any: {Weight: replicas.MaxWeight}}},
			want: counts{"A": math.MaxInt64 / 2, "B": math.MaxInt64/2 + 1},
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			got := replicas.Plan(row.request)
			require.Equal(t, row.want, got.Replicas)
			if row.overflow == nil {
				row.overflow = counts{}
			}
			require.Equal(t, row.overflow, got.Overflow)
			require.Equal(t, row.missing, got.Missing)
		})
	}
}
