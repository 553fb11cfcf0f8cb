package main

import (
	"fmt"
	"io"
	"maps"
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
	// memory of the processes while all objects are there.
	memory map[string]memory
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
	Operation          operation `json:"operation"`
	DirectCopiesPerSec float64   `json:"directCopiesPerSecond"`
	CopiesPerSec       float64   `json:"copiesPerSecond"`
	Ratio              float64   `json:"ratio"`
	P50Millis          float64   `json:"p50Millis"`
	P90Millis          float64   `json:"p90Millis"`
	P99Millis          float64   `json:"p99Millis"`
	HubCPUMillis       float64   `json:"hubCPUMillisPerObject"`
	ServerCPUMillis    float64   `json:"serverCPUMillisPerObject"`
	RevisionsPerObject float64   `json:"revisionsPerObject"`
	// CPUMillis per object by process, and the same of direct writes; Requests to
	// members per copy by verb.
	CPUMillis       map[string]float64 `json:"cpuMillisPerObject"`
	DirectCPUMillis map[string]float64 `json:"directCPUMillisPerObject"`
	Requests        map[string]float64 `json:"requestsPerCopy"`
	// StoreKiB by which the hub's store grows per object.
	StoreKiB float64 `json:"storeKiBPerObject"`
}

func (r *results) phases() []phase {
	var phases []phase
	for _, op := range operations {
		latency := func(percent int) float64 {
			return median(r.federated[op], func(s *sample) float64 { return millis(percentile(s.latencies, percent)) })
		}
		p := phase{
			Operation:          op,
			DirectCopiesPerSec: median(r.direct[op], func(s *sample) float64 { return s.copiesPerSecond }),
			CopiesPerSec:       median(r.federated[op], func(s *sample) float64 { return s.copiesPerSecond }),
			P50Millis:          latency(50),
			P90Millis:          latency(90),
			P99Millis:          latency(99),
			HubCPUMillis:       median(r.federated[op], func(s *sample) float64 { return millis(s.hubCPU()) }),
			ServerCPUMillis:    median(r.federated[op], func(s *sample) float64 { return millis(s.cpu[processServer]) }),
			RevisionsPerObject: median(r.federated[op], func(s *sample) float64 { return s.revisions }),
			CPUMillis:          map[string]float64{},
			DirectCPUMillis:    map[string]float64{},
			Requests:           map[string]float64{},
			StoreKiB:           median(r.federated[op], func(s *sample) float64 { return s.storeBytes / 1024 }),
		}
		for _, process := range processNames {
			used := func(s *sample) float64 { return millis(s.cpu[process]) }
			p.CPUMillis[process], p.DirectCPUMillis[process] = median(r.federated[op], used), median(r.direct[op], used)
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

// listed lists numbers by name.
func listed(numbers map[string]float64, format string) string {
	var listed []string
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		listed = append(listed, fmt.Sprintf("%s "+format, name, numbers[name]))
	}
	return strings.Join(listed, ", ")
}

func (r *results) print(out io.Writer) {
	fmt.Fprintf(out, "%d %s to %d members, %d requests at a time, medians of %d rounds\n\n",
		r.options.objects, workloads[r.options.kind].title, r.options.members, r.options.inFlight, r.options.rounds)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "phase\tdirect/s\tcopies/s\tratio\tp50 ms\tp90 ms\tp99 ms\thub CPU ms\tserver CPU ms\trevisions\tstore KiB\trequests per copy\t")
	for _, p := range r.phases() {
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.2f\t%.1f\t%s\t\n", p.Operation, p.DirectCopiesPerSec, p.CopiesPerSec,
			p.Ratio, p.P50Millis, p.P90Millis, p.P99Millis, p.HubCPUMillis, p.ServerCPUMillis, p.RevisionsPerObject, p.StoreKiB, listed(p.Requests, "%.2f"))
	}
	// What is written to cannot be told of its own error.
	_ = table.Flush()
	fmt.Fprintln(out)
	for _, p := range r.phases() {
		fmt.Fprintf(out, "CPU in ms per object, %s: %s\n", p.Operation, listed(p.CPUMillis, "%.1f"))
		fmt.Fprintf(out, "CPU in ms per object, direct %s: %s\n", p.Operation, listed(p.DirectCPUMillis, "%.1f"))
	}
	for _, name := range slices.Sorted(maps.Keys(r.memory)) {
		fmt.Fprintf(out, "memory with %d objects, %s: %d MiB at most", r.options.objects, name, r.memory[name].Peak>>20)
		if live := r.memory[name].Live; live > 0 {
			fmt.Fprintf(out, ", %d MiB of live heap", live>>20)
		}
		fmt.Fprintln(out)
	}
	u := r.unloaded()
	fmt.Fprintf(out, "one object at a time: a direct write takes %.1f ms; from acknowledgement to all members p50 %.1f, p90 %.1f, p99 %.1f ms (ratio %.2f)\n\n",
		u.DirectP50Millis, u.P50Millis, u.P90Millis, u.P99Millis, u.Ratio)
	printBudgets(out, r.budgets())
}

// unloaded is the summary of writing one object after another.
type unloaded struct {
	DirectP50Millis float64 `json:"directP50Millis"`
	P50Millis       float64 `json:"p50Millis"`
	P90Millis       float64 `json:"p90Millis"`
	P99Millis       float64 `json:"p99Millis"`
	Ratio           float64 `json:"ratio"`
}

func (r *results) unloaded() unloaded {
	return unloaded{
		DirectP50Millis: millis(percentile(r.unloadedDirect, 50)),
		P50Millis:       millis(percentile(r.unloadedFederated, 50)),
		P90Millis:       millis(percentile(r.unloadedFederated, 90)),
		P99Millis:       millis(percentile(r.unloadedFederated, 99)),
		Ratio:           r.unloadedRatio(),
	}
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
