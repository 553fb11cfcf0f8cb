package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// interval is how often targets are read and rules evaluated, in seconds.
const interval = 30

// reading is a scrape that was parsed. Series have the labels of their target.
type reading struct {
	at     float64
	target labels.Labels
	series []sample
}

type sample struct {
	labels labels.Labels
	value  float64
}

func readAll(scrapes []scrape) ([]reading, error) {
	var readings []reading
	for _, s := range scrapes {
		r, err := read(s)
		if err != nil {
			return nil, fmt.Errorf("scrape of %v: %w", s.Labels, err)
		}
		readings = append(readings, r)
	}
	slices.SortStableFunc(readings, func(a, b reading) int { return cmp.Compare(a.at, b.at) })
	return readings, nil
}

// read parses a scrape as Prometheus does, and adds the series up, as it does.
func read(s scrape) (reading, error) {
	r := reading{at: s.At, target: labels.FromMap(s.Labels)}
	up := labels.NewBuilder(r.target).Set(labels.MetricName, "up").Labels()
	if s.Down {
		r.series = []sample{{up, 0}}
		return r, nil
	}
	r.series = []sample{{up, 1}}
	data, err := os.ReadFile(s.File)
	if err != nil {
		return reading{}, err
	}
	parser, err := textparse.New(data, "text/plain; version=0.0.4", labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return reading{}, err
	}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return reading{}, err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var own labels.Labels
		_, _, value := parser.Series()
		parser.Labels(&own)
		builder := labels.NewBuilder(own)
		r.target.Range(func(l labels.Label) {
			if taken := own.Get(l.Name); taken != "" {
				builder.Set("exported_"+l.Name, taken)
			}
			builder.Set(l.Name, l.Value)
		})
		r.series = append(r.series, sample{builder.Labels(), value})
	}
}

// names of all metrics in the readings.
func names(readings []reading) map[string]bool {
	found := map[string]bool{}
	for _, r := range readings {
		for _, s := range r.series {
			found[s.labels.Get(labels.MetricName)] = true
		}
	}
	return found
}
