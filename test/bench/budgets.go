package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// budget is a promise of the design, held against what was measured.
type budget struct {
	// What is measured, in Unit, and may be at most Limit, or at least.
	What    string  `json:"what"`
	Unit    string  `json:"unit"`
	Value   float64 `json:"value"`
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"atLeast,omitempty"`
	Met     bool    `json:"met"`
}

func atMost(what, unit string, value, limit float64) budget {
	return budget{What: what, Unit: unit, Value: value, Limit: limit, Met: value <= limit}
}

func atLeast(what, unit string, value, limit float64) budget {
	return budget{What: what, Unit: unit, Value: value, Limit: limit, AtLeast: true, Met: value >= limit}
}

func (b budget) bound() string {
	if b.AtLeast {
		return fmt.Sprintf("at least %g", b.Limit)
	}
	return fmt.Sprintf("at most %g", b.Limit)
}

func (b budget) String() string {
	return fmt.Sprintf("%s: %.2f %s (%s)", b.What, b.Value, b.Unit, b.bound())
}

// missed returns those that are not met.
func missed(budgets []budget) []budget {
	var missed []budget
	for _, b := range budgets {
		if !b.Met {
			missed = append(missed, b)
		}
	}
	return missed
}

func printBudgets(out io.Writer, budgets []budget) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, b := range budgets {
		verdict := "met"
		if !b.Met {
			verdict = "NOT MET"
		}
		fmt.Fprintf(table, "%s\t%.2f %s\t%s\t%s\n", b.What, b.Value, b.Unit, b.bound(), verdict)
	}
	// What is written to cannot be told of its own error.
	_ = table.Flush()
}

// Budgets of the burst and of one object at a time.
const (
	hubCPUBudget   = 8 // ms per object, with three members
	unloadedBudget = 1.5
	// storeBudget is how much the store may grow for an object of 1 KiB, in KiB.
	storeBudget = 6
	// ownStatuses allows for statuses that tell of what a member did meanwhile: they
	// come on top now and then.
	ownStatuses = 0.05
)

var revisionsBudgets = map[operation]float64{opCreate: 3, opUpdate: 2, opDelete: 2}

// budgets are those for bursts of ConfigMaps; there are none for other objects.
func (r *results) budgets() []budget {
	if r.options.kind != "configmaps" {
		return nil
	}
	ratio := 0.6
	if r.options.members >= 10 {
		ratio = 0.8
	}
	var budgets []budget
	for _, p := range r.phases() {
		about := string(p.Operation) + ": "
		budgets = append(budgets,
			atLeast(about+"copies per second", "of direct", p.Ratio, ratio),
			atMost(about+"hub revisions per object", "", p.RevisionsPerObject, revisionsBudgets[p.Operation]+ownStatuses),
		)
		if p.Operation == opCreate {
			budgets = append(budgets, atMost(about+"growth of the store per object", "KiB", p.StoreKiB, storeBudget))
		}
		if r.options.members <= 3 {
			budgets = append(budgets, atMost(about+"hub CPU per object", "ms", p.HubCPUMillis, hubCPUBudget))
		}
	}
	return append(budgets, atMost("unloaded: acknowledged to in all members, median", "direct writes", r.unloadedRatio(), unloadedBudget))
}
