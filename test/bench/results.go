package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
)

// results are the samples of all rounds.
type results struct {
	options                           options
	direct, federated                 map[operation][]*sample
	unloadedDirect, unloadedFederated []time.Duration
	// memory of the server while all objects are there.
	memory memory
}

func newResults(o options) *results {
	return &results{options: o, direct: map[operation][]*sample{}, federated: map[operation][]*sample{}}
}

func (r *results) add(op operation, direct, federated *sample) {
	r.direct[op] = append(r.direct[op], direct)
	r.federated[op] = append(r.federated[op], federated)
}

// phase is the summary of one phase: medians over the rounds.
type phase struct {
	Operation           operation `json:"operation"`
	DirectCopiesPerSec  float64   `json:"directCopiesPerSecond"`
	CopiesPerSec        float64   `json:"copiesPerSecond"`
	Ratio               float64   `json:"ratio"`
	P50Millis           float64   `json:"p50Millis"`
	P99Millis           float64   `json:"p99Millis"`
	HubCPUMillis        float64   `json:"hubCPUMillisPerObject"`
	ServerCPUMillis     float64   `json:"serverCPUMillisPerObject"`
	RevisionsPerObject  float64   `json:"revisionsPerObject"`
	RatioBudget         float64   `json:"ratioBudget"`
	RevisionsBudget     float64   `json:"revisionsBudget"`
	HubCPUMillisBudgets float64   `json:"hubCPUMillisBudget"`
	// CPUMillis per object by process, Requests to members per copy by verb.
	CPUMillis map[string]float64 `json:"cpuMillisPerObject"`
	Requests  map[string]float64 `json:"requestsPerCopy"`
	// StoreKiB by which the hub's store grows per object.
	StoreKiB float64 `json:"storeKiBPerObject"`
}

func (r *results) phases() []phase {
	revisions := map[operation]float64{opCreate: 3, opUpdate: 2, opDelete: 2}
	ratio := 0.6
	if r.options.members >= 10 {
		ratio = 0.8
	}
	var phases []phase
	for _, op := range operations {
		p := phase{
			Operation:           op,
			DirectCopiesPerSec:  median(r.direct[op], func(s *sample) float64 { return s.copiesPerSecond }),
			CopiesPerSec:        median(r.federated[op], func(s *sample) float64 { return s.copiesPerSecond }),
			P50Millis:           median(r.federated[op], func(s *sample) float64 { return millis(percentile(s.latencies, 50)) }),
			P99Millis:           median(r.federated[op], func(s *sample) float64 { return millis(percentile(s.latencies, 99)) }),
			HubCPUMillis:        median(r.federated[op], func(s *sample) float64 { return millis(s.hubCPU()) }),
			ServerCPUMillis:     median(r.federated[op], func(s *sample) float64 { return millis(s.cpu[processServer]) }),
			RevisionsPerObject:  median(r.federated[op], func(s *sample) float64 { return s.revisions }),
			RatioBudget:         ratio,
			RevisionsBudget:     revisions[op],
			HubCPUMillisBudgets: 8,
			CPUMillis:           map[string]float64{},
			Requests:            map[string]float64{},
			StoreKiB:            median(r.federated[op], func(s *sample) float64 { return s.storeBytes / 1024 }),
		}
		for _, process := range []string{processServer, processHost, processHostKV, processMembers} {
			p.CPUMillis[process] = median(r.federated[op], func(s *sample) float64 { return millis(s.cpu[process]) })
		}
		for verb := range r.verbs(op) {
			p.Requests[verb] = median(r.federated[op], func(s *sample) float64 { return s.requests[verb] })
		}
		p.Ratio = p.CopiesPerSec / p.DirectCopiesPerSec
		phases = append(phases, p)
	}
	return phases
}

// verbs of the requests to members in a phase.
func (r *results) verbs(op operation) sets.Set[string] {
	verbs := sets.New[string]()
	for _, s := range r.federated[op] {
		for verb, number := range s.requests {
			if number > 0 {
				verbs.Insert(verb)
			}
		}
	}
	return verbs
}

// unloadedRatio is the median of a federated write's way to all members, in
// direct writes.
func (r *results) unloadedRatio() float64 {
	return millis(percentile(r.unloadedFederated, 50)) / millis(percentile(r.unloadedDirect, 50))
}

const (
	unloadedBudget = 1.5
	// storeBudget is how much the store may grow for an object of 1 KiB, in KiB.
	storeBudget = 6
)

// requests lists the requests per copy, by verb.
func (p *phase) requests() string {
	var listed []string
	for _, verb := range slices.Sorted(maps.Keys(p.Requests)) {
		listed = append(listed, fmt.Sprintf("%s %.2f", verb, p.Requests[verb]))
	}
	return strings.Join(listed, ", ")
}

// missed names the budgets that are not met.
func (r *results) missed() []string {
	var missed []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			missed = append(missed, fmt.Sprintf(format, args...))
		}
	}
	for _, p := range r.phases() {
		check(p.Ratio >= p.RatioBudget, "%s: %.2f of direct (budget %.2f)", p.Operation, p.Ratio, p.RatioBudget)
		// Statuses that tell of what a member did meanwhile come on top now and then.
		check(p.RevisionsPerObject <= p.RevisionsBudget+0.05, "%s: %.2f revisions per object (budget %.0f)", p.Operation, p.RevisionsPerObject, p.RevisionsBudget)
		check(p.StoreKiB <= storeBudget, "%s: the store grows by %.1f KiB per object (budget %d)", p.Operation, p.StoreKiB, storeBudget)
		check(p.HubCPUMillis <= p.HubCPUMillisBudgets, "%s: %.1f ms of CPU per object (budget %.0f)", p.Operation, p.HubCPUMillis, p.HubCPUMillisBudgets)
	}
	check(r.unloadedRatio() <= unloadedBudget, "unloaded: %.2f direct writes (budget %.1f)", r.unloadedRatio(), unloadedBudget)
	return missed
}

func (r *results) print(out io.Writer) {
	fmt.Fprintf(out, "%d ConfigMaps of 1 KiB to %d members, %d requests at a time, medians of %d rounds\n\n",
		r.options.objects, r.options.members, r.options.inFlight, r.options.rounds)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "phase\tdirect/s\tcopies/s\tratio\tp50 ms\tp99 ms\thub CPU ms\tserver CPU ms\trevisions\tstore KiB\trequests per copy\t")
	for _, p := range r.phases() {
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.1f\t%.1f\t%.2f\t%.1f\t%s\t\n", p.Operation, p.DirectCopiesPerSec, p.CopiesPerSec,
			p.Ratio, p.P50Millis, p.P99Millis, p.HubCPUMillis, p.ServerCPUMillis, p.RevisionsPerObject, p.StoreKiB, p.requests())
	}
	if err := table.Flush(); err != nil {
		return
	}
	fmt.Fprintf(out, "\nthe server's memory with %d objects: %d MiB at most, %d MiB of live heap\n", r.options.objects, r.memory.Peak>>20, r.memory.Live>>20)
	fmt.Fprintf(out, "one object at a time: a direct write takes %.1f ms, from acknowledgement to all members %.1f ms (ratio %.2f)\n",
		millis(percentile(r.unloadedDirect, 50)), millis(percentile(r.unloadedFederated, 50)), r.unloadedRatio())
	missed := r.missed()
	if len(missed) == 0 {
		fmt.Fprintln(out, "all budgets met")
	}
	for _, budget := range missed {
		fmt.Fprintf(out, "not met: %s\n", budget)
	}
}

// write stores the summary as JSON.
func (r *results) write(folder string) error {
	summary := struct {
		Members           int      `json:"members"`
		Objects           int      `json:"objects"`
		Rounds            int      `json:"rounds"`
		Phases            []phase  `json:"phases"`
		Memory            memory   `json:"serverMemory"`
		UnloadedDirect    float64  `json:"unloadedDirectMillis"`
		UnloadedFederated float64  `json:"unloadedFederatedMillis"`
		Missed            []string `json:"missed"`
	}{
		r.options.members, r.options.objects, r.options.rounds, r.phases(), r.memory,
		millis(percentile(r.unloadedDirect, 50)), millis(percentile(r.unloadedFederated, 50)), r.missed(),
	}
	data, err := json.MarshalIndent(summary, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "results.json"), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

func median(samples []*sample, value func(*sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = value(s)
	}
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	if half := len(values) / 2; len(values)%2 == 0 {
		return (values[half-1] + values[half]) / 2
	}
	return values[len(values)/2]
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
