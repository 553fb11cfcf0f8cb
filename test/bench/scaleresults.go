package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// scaleResults are the cells of all sizes.
type scaleResults struct {
	options options
	Fleets  []fleetResult
	Cells   []cell
}

// fleetResult is what members take that have no objects.
type fleetResult struct {
	Members   int   `json:"members"`
	HeapBytes int64 `json:"heapBytes"`
	// IdleCPU is the part of a processor that the server takes.
	IdleCPU float64 `json:"idleCPU"`
}

// fitted is how a cost of an operation grows, and what part of it objects and
// copies have.
type fitted struct {
	Operation operation `json:"operation"`
	Cost      string    `json:"cost"`
	// ByObjects and ByMembers are exponents: 1 is linear.
	ByObjects float64 `json:"exponentByObjects"`
	ByMembers float64 `json:"exponentByMembers"`
	// PerObject and PerCopy are in Unit.
	PerObject float64 `json:"perObject"`
	PerCopy   float64 `json:"perCopy"`
	Unit      string  `json:"unit"`
}

const (
	costTime = "time"
	costCPU  = "server CPU"
	costHeap = "live heap"
)

// of returns the cells of an operation.
func (r *scaleResults) of(op operation) []cell {
	var cells []cell
	for _, c := range r.Cells {
		if c.Operation == op {
			cells = append(cells, c)
		}
	}
	return cells
}

func (r *scaleResults) fits() []fitted {
	var fits []fitted
	for _, op := range operations {
		for _, cost := range []struct {
			name, unit string
			of         func(*cell) float64
		}{
			{costTime, "ms", func(c *cell) float64 { return c.Seconds * 1000 }},
			{costCPU, "ms", func(c *cell) float64 { return c.ServerCPU * 1000 }},
			{costHeap, "KiB", func(c *cell) float64 { return float64(c.HeapBytes) / 1024 }},
		} {
			cells := r.of(op)
			n, m, ok := exponents(cells, cost.of)
			if !ok {
				continue
			}
			fit := fitted{Operation: op, Cost: cost.name, ByObjects: n, ByMembers: m, Unit: cost.unit}
			if fit.PerObject, fit.PerCopy, ok = shares(cells, cost.of); ok {
				fits = append(fits, fit)
			}
		}
	}
	return fits
}

// Budgets of growth.
const (
	linear = 1.1
	// heapPerObject and heapPerCopy are in KiB.
	heapPerObject = 11
	heapPerCopy   = 1
)

func (r *scaleResults) budgets() []budget {
	var budgets []budget
	for _, fit := range r.fits() {
		about := fmt.Sprintf("%s: %s", fit.Operation, fit.Cost)
		budgets = append(budgets,
			atMost(about+" as objects grow", "(exponent)", fit.ByObjects, linear),
			atMost(about+" as members grow", "(exponent)", fit.ByMembers, linear),
		)
		if fit.Cost == costHeap {
			budgets = append(budgets,
				atMost(about+" per object", "KiB", fit.PerObject, heapPerObject),
				atMost(about+" per copy", "KiB", fit.PerCopy, heapPerCopy),
			)
		}
	}
	for _, op := range operations {
		most := 0.0
		for _, c := range r.of(op) {
			most = max(most, c.RevisionsPerObject)
		}
		budgets = append(budgets, atMost(string(op)+": hub revisions per object, at any size", "", most, revisionsBudgets[op]+ownStatuses))
	}
	return budgets
}

func (r *scaleResults) print(out io.Writer) {
	fmt.Fprintf(out, "%s to hollow members (in memory, in the process of the bench), %d requests at a time\n\n", workloads[r.options.kind].title, r.options.inFlight)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "phase\tmembers\tobjects\tseconds\tcopies/s\tCPU ms/object\tCPU ms/copy\trevisions\tstore KiB\theap KiB/object\tpeak MiB\trequests per copy\t")
	for _, c := range r.Cells {
		fmt.Fprintf(table, "%s\t%d\t%d\t%.1f\t%.0f\t%.2f\t%.3f\t%.2f\t%.1f\t%.1f\t%d\t%s\t\n", c.Operation, c.Members, c.Objects, c.Seconds, c.CopiesPerSec,
			c.CPUMillisPerObject, c.CPUMillisPerCopy, c.RevisionsPerObject, c.StoreKiB, float64(c.HeapBytes)/1024/float64(c.Objects), c.PeakBytes>>20, listed(c.Requests, "%.2f"))
	}
	// What is written to cannot be told of its own error.
	_ = table.Flush()
	fmt.Fprintln(out)
	for _, f := range r.Fleets {
		fmt.Fprintf(out, "%d hollow members without objects: %d MiB of live heap, %.2f of a processor\n", f.Members, f.HeapBytes>>20, f.IdleCPU)
	}
	for _, f := range r.fits() {
		fmt.Fprintf(out, "%s, %s: grows with objects^%.2f, members^%.2f; %.3f %s per object and %.3f %s per copy\n",
			f.Operation, f.Cost, f.ByObjects, f.ByMembers, f.PerObject, f.Unit, f.PerCopy, f.Unit)
	}
	fmt.Fprintln(out)
	printBudgets(out, r.budgets())
}

func (r *scaleResults) write() error {
	summary := struct {
		Kind    string        `json:"kind"`
		Title   string        `json:"title"`
		Hollow  bool          `json:"hollow"`
		Full    bool          `json:"full"`
		Fleets  []fleetResult `json:"fleets"`
		Cells   []cell        `json:"cells"`
		Fits    []fitted      `json:"fits"`
		Budgets []budget      `json:"budgets"`
	}{r.options.kind, workloads[r.options.kind].title, true, r.options.full, r.Fleets, r.Cells, r.fits(), r.budgets()}
	rows := [][]string{{
		"operation", "hollowMembers", "objects", "seconds", "copiesPerSecond", "serverCPUSeconds", "serverCPUMillisPerObject", "serverCPUMillisPerCopy",
		"revisionsPerObject", "storeKiBPerObject", "heapBytes", "peakBytes",
	}}
	for _, c := range r.Cells {
		rows = append(rows, append([]string{string(c.Operation), strconv.Itoa(c.Members), strconv.Itoa(c.Objects)},
			numbers(c.Seconds, c.CopiesPerSec, c.ServerCPU, c.CPUMillisPerObject, c.CPUMillisPerCopy, c.RevisionsPerObject, c.StoreKiB, float64(c.HeapBytes), float64(c.PeakBytes))...))
	}
	return writeFiles(r.options.output, "scale-"+r.options.kind, summary, rows)
}
