package main

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		rates []float64
		want  float64
	}{
		{nil, 0},
		{[]float64{7}, 7},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 9}, 3},
	} {
		var samples []*sample
		for _, rate := range test.rates {
			samples = append(samples, &sample{copiesPerSecond: rate})
		}
		require.InDelta(t, test.want, median(samples, func(s *sample) float64 { return s.copiesPerSecond }), 1e-9, "%v", test.rates)
	}
}

func TestPercentile(t *testing.T) {
	require.Zero(t, percentile(nil, 50))
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i)
	}
	require.EqualValues(t, 0, percentile(hundred, 0))
	require.EqualValues(t, 50, percentile(hundred, 50))
	require.EqualValues(t, 99, percentile(hundred, 99))
	require.EqualValues(t, 99, percentile(hundred, 100))
}

func TestBudgetsThatAreNotMetAreNamed(t *testing.T) {
	r := newResults(options{members: 3, kind: "configmaps"})
	for _, op := range operations {
		r.add(op, &sample{copiesPerSecond: 100}, &sample{copiesPerSecond: 61, revisions: 2, cpu: map[string]time.Duration{processServer: 3 * time.Millisecond}})
	}
	r.unloadedDirect, r.unloadedFederated = []time.Duration{10}, []time.Duration{14}
	require.Empty(t, missed(r.budgets()))

	r.federated[opUpdate][0].copiesPerSecond = 50
	r.federated[opDelete][0].revisions = 3
	r.federated[opCreate][0].cpu[processHost] = 6 * time.Millisecond
	r.federated[opCreate][0].storeBytes = 7 << 10
	r.unloadedFederated[0] = 16
	var named []string
	for _, b := range missed(r.budgets()) {
		named = append(named, b.String())
	}
	require.Equal(t, []string{
		"create: growth of the store per object: 7.00 KiB (at most 6)",
		"create: hub CPU per object: 9.00 ms (at most 8)",
		"update: copies per second: 0.50 of direct (at least 0.6)",
		"delete: hub revisions per object: 3.00  (at most 2.05)",
		"unloaded: acknowledged to in all members, median: 1.60 direct writes (at most 1.5)",
	}, named)
}

func TestHowCostGrowsIsFound(t *testing.T) {
	r := &scaleResults{options: options{kind: "deployments"}}
	for _, s := range []size{{10, 1000}, {10, 5000}, {100, 1000}, {1000, 100}} {
		c := cell{Operation: opCreate, Members: s.members, Objects: s.objects, RevisionsPerObject: 2}
		c.Seconds = 0.002 * c.copies()
		c.ServerCPU = 1e-5 * float64(s.objects) * float64(s.members*s.members)
		c.HeapBytes = int64(s.objects)*8<<10 + int64(c.copies())*2<<10
		r.Cells = append(r.Cells, c)
	}
	fits := map[string]fitted{}
	for _, fit := range r.fits() {
		fits[fit.Cost] = fit
	}
	require.Len(t, fits, 3)
	require.InDelta(t, 1, fits[costTime].ByObjects, 1e-6)
	require.InDelta(t, 1, fits[costTime].ByMembers, 1e-6)
	require.InDelta(t, 2, fits[costTime].PerCopy, 1e-6)
	require.InDelta(t, 2, fits[costCPU].ByMembers, 1e-6)
	require.InDelta(t, 8, fits[costHeap].PerObject, 1e-6)
	require.InDelta(t, 2, fits[costHeap].PerCopy, 1e-6)
	var named []string
	for _, b := range missed(r.budgets()) {
		named = append(named, b.What)
	}
	require.Equal(t, []string{"create: server CPU as members grow", "create: live heap per copy"}, named)

	r.Cells = r.Cells[:2]
	require.Empty(t, r.fits(), "one number of members does not tell of others")
}

func TestSizes(t *testing.T) {
	sizes, err := parseSizes("10x1000,100x5")
	require.NoError(t, err)
	require.Equal(t, []size{{10, 1000}, {100, 5}}, sizes)
	for _, wrong := range []string{"", "10", "10x", "x5", "0x1", "1x-1", "100x1,10x1", "a,b"} {
		_, err := parseSizes(wrong)
		require.Error(t, err, wrong)
	}
}

func TestWorkloads(t *testing.T) {
	for name, limits := range map[string][2]int{"configmaps": {1000, 1200}, "deployments": {2900, 3500}} {
		w, err := workloadOf(name)
		require.NoError(t, err)
		content, err := json.Marshal(w.content("r1"))
		require.NoError(t, err)
		require.Greater(t, len(content), limits[0], name)
		require.Less(t, len(content), limits[1], name)
		require.Equal(t, "r1", w.revisionOf(w.copyOf("a", "r1")), name)
		change, err := json.Marshal(w.change("r2"))
		require.NoError(t, err)
		merged, err := jsonpatch.MergePatch(content, change)
		require.NoError(t, err)
		changed := w.copyOf("a", "r1")
		require.NoError(t, json.Unmarshal(merged, &changed.Object))
		require.Equal(t, "r2", w.revisionOf(changed), name)
	}
	_, err := workloadOf("pods")
	require.EqualError(t, err, "-kind must be one of configmaps, deployments")
}

func TestCPUTime(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	require.NoError(t, err)
	// Looking is work too: it ends when the first tick has been counted.
	for after := before; after == before; {
		after, err = cpuTime(os.Getpid())
		require.NoError(t, err)
		require.GreaterOrEqual(t, after, before)
	}
	_, err = cpuTime(0)
	require.Error(t, err)
}
