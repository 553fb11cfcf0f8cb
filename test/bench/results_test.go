package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
	r := newResults(options{members: 3})
	for _, op := range operations {
		r.add(op, &sample{copiesPerSecond: 100}, &sample{copiesPerSecond: 61, revisions: 2, cpu: map[string]time.Duration{processServer: 3 * time.Millisecond}})
	}
	r.unloadedDirect, r.unloadedFederated = []time.Duration{10}, []time.Duration{14}
	require.Empty(t, r.missed())

	r.federated[opUpdate][0].copiesPerSecond = 50
	r.federated[opDelete][0].revisions = 3
	r.federated[opCreate][0].cpu[processHost] = 6 * time.Millisecond
	r.unloadedFederated[0] = 16
	require.Equal(t, []string{
		"create: 9.0 ms of CPU per object (budget 8)",
		"update: 0.50 of direct (budget 0.60)",
		"delete: 3.00 revisions per object (budget 2)",
		"unloaded: 1.60 direct writes (budget 1.5)",
	}, r.missed())
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
