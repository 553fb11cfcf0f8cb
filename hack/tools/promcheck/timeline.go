package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// timeline is a storage of readings at made-up times: every target is read at every interval, and shows what its last
// reading so far did. It implements storage.Queryable.
type timeline struct {
	series []storedSeries
}

type storedSeries struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// point is a sample of a float.
type point struct {
	time  int64 // in milliseconds
	value float64
}

func (p point) T() int64                      { return p.time }
func (p point) ST() int64                     { return 0 }
func (p point) F() float64                    { return p.value }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }

// newTimeline plays readings up to a time, with changes. Only series of the metrics that only has are kept, all if it is nil.
func newTimeline(readings []reading, until float64, only map[string]bool, changes []selectedChange) (*timeline, error) {
	t, index := &timeline{}, map[uint64]int{}
	add := func(of labels.Labels, at, value float64) {
		hash := of.Hash()
		i, ok := index[hash]
		if !ok {
			i = len(t.series)
			index[hash] = i
			t.series = append(t.series, storedSeries{labels: of})
		}
		t.series[i].samples = append(t.series[i].samples, point{int64(at * 1000), value})
	}
	found := make([]bool, len(changes))
	for at := 0.0; at <= until; at += interval {
		for _, s := range current(readings, at) {
			if only != nil && !only[s.labels.Get(labels.MetricName)] {
				continue
			}
			value := s.value
			for i, c := range changes {
				if !matches(c.matchers, s.labels) {
					continue
				}
				found[i] = true
				switch {
				case len(c.As) > 0:
					builder := labels.NewBuilder(s.labels)
					for name, value := range c.As {
						builder.Set(name, value)
					}
					add(builder.Labels(), at, c.apply(0, at))
				case at >= c.From:
					value = c.apply(value, at)
				}
			}
			add(s.labels, at, value)
		}
	}
	for i, c := range changes {
		if !found[i] {
			return nil, fmt.Errorf("no series matches %s", c.Select)
		}
	}
	slices.SortFunc(t.series, func(a, b storedSeries) int { return labels.Compare(a.labels, b.labels) })
	return t, nil
}

// current is what the last reading of each target shows.
func current(readings []reading, at float64) []sample {
	last := map[uint64]*reading{}
	for i := range readings {
		if r := &readings[i]; r.at <= at {
			last[r.target.Hash()] = r
		}
	}
	var samples []sample
	for _, r := range last {
		samples = append(samples, r.series...)
	}
	return samples
}

func (c *selectedChange) apply(value, at float64) float64 {
	if c.To != nil {
		value = *c.To
	}
	return value + c.Rate*max(at-c.From, 0)
}

func matches(matchers []*labels.Matcher, of labels.Labels) bool {
	for _, m := range matchers {
		if !m.Matches(of.Get(m.Name)) {
			return false
		}
	}
	return true
}

// Querier implements storage.Queryable.
func (t *timeline) Querier(from, to int64) (storage.Querier, error) {
	return &querier{timeline: t, from: from, to: to}, nil
}

type querier struct {
	timeline *timeline
	from, to int64
}

// Select implements storage.Querier.
func (q *querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := &seriesSet{at: -1}
	for _, s := range q.timeline.series {
		if !matches(matchers, s.labels) {
			continue
		}
		var within []chunks.Sample
		for _, p := range s.samples {
			if p.T() >= q.from && p.T() <= q.to {
				within = append(within, p)
			}
		}
		if len(within) > 0 {
			set.series = append(set.series, storage.NewListSeries(s.labels, within))
		}
	}
	return set
}

// LabelValues implements storage.Querier; no query asks for them.
func (q *querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements storage.Querier; no query asks for them.
func (q *querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close implements storage.Querier.
func (q *querier) Close() error { return nil }

type seriesSet struct {
	series []storage.Series
	at     int
}

func (s *seriesSet) Next() bool {
	s.at++
	return s.at < len(s.series)
}
func (s *seriesSet) At() storage.Series                { return s.series[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
