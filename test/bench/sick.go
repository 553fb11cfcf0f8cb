package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// delayed is by how much a slow member's network delays what it carries, in each
// direction.
const delayed = 500 * time.Millisecond

// sicknesses are what ails one of the members.
var sicknesses = []struct {
	name          string
	infect, treat func(*env.Cluster, context.Context) error
}{
	{"hangs", (*env.Cluster).Freeze, (*env.Cluster).Thaw},
	{"is silent", (*env.Cluster).CutNetwork, (*env.Cluster).RestoreNetwork},
	{"refuses connections", (*env.Cluster).RefuseNetwork, (*env.Cluster).RestoreNetwork},
	{"is slow", func(c *env.Cluster, ctx context.Context) error { return c.DelayNetwork(ctx, delayed) }, (*env.Cluster).RestoreNetwork},
}

// sickResults are the latencies in the other members, for each sickness without and
// with it, in order.
type sickResults struct {
	options
	cases []sickCase
}

type sickCase struct {
	name          string
	without, with []time.Duration
}

// sickRow is what a sickness does to the others.
type sickRow struct {
	Sickness         string  `json:"sickness"`
	WithoutP50Millis float64 `json:"withoutP50Millis"`
	WithP50Millis    float64 `json:"withP50Millis"`
	WithoutP99Millis float64 `json:"withoutP99Millis"`
	WithP99Millis    float64 `json:"withP99Millis"`
	RatioP50         float64 `json:"ratioP50"`
	RatioP99         float64 `json:"ratioP99"`
}

// measureSick updates objects in all members while the last one is well and while it
// is sick, in turns, and measures how long that takes in the others. Nobody has
// noticed yet: a round takes less than the health checks do.
func (b *bench) measureSick(ctx context.Context) (_ *sickResults, err error) {
	if err := b.federateNamespace(ctx); err != nil {
		return nil, err
	}
	sick := b.env.Members()[len(b.env.Members())-1]
	if len(b.members) < 2 {
		return nil, errors.New("-members must be at least 2: one is sick, and the others are measured")
	}
	others := *b
	others.members = maps.Clone(b.members)
	delete(others.members, sick.Name())
	if _, err := others.sickRound(ctx, opCreate, "created"); err != nil {
		return nil, err
	}
	r := &sickResults{options: b.options}
	for _, sickness := range sicknesses {
		c := sickCase{name: sickness.name}
		for round := range b.rounds + 1 {
			b.reporter.Status("one of %d members %s: round %d of %d", len(b.members), sickness.name, round, b.rounds)
			without, err := others.sickRound(ctx, opUpdate, fmt.Sprintf("well-%s-%d", sickness.name, round))
			if err != nil {
				return nil, err
			}
			if err := sickness.infect(sick, ctx); err != nil {
				return nil, fmt.Errorf("make %s sick: %w", sick.Name(), err)
			}
			with, err := others.sickUpdates(ctx, opUpdate, fmt.Sprintf("sick-%s-%d", sickness.name, round))
			if err := errors.Join(err, sickness.treat(sick, context.WithoutCancel(ctx))); err != nil {
				return nil, fmt.Errorf("while one member %s: %w", sickness.name, err)
			}
			if err := b.awaitRecovered(ctx); err != nil {
				return nil, err
			}
			if round > 0 { // the first warms up
				c.without, c.with = append(c.without, without...), append(c.with, with...)
			}
		}
		slices.Sort(c.without)
		slices.Sort(c.with)
		r.cases = append(r.cases, c)
	}
	b.reporter.Step("measured %d sicknesses", len(sicknesses))
	return r, nil
}

// sickRound is sickUpdates, and ends when the statuses say that all is done.
func (b *bench) sickRound(ctx context.Context, op operation, revision string) ([]time.Duration, error) {
	latencies, err := b.sickUpdates(ctx, op, revision)
	if err != nil {
		return nil, err
	}
	return latencies, b.awaitRecovered(ctx)
}

// sickUpdates writes all objects and returns how long they took from being
// acknowledged to each of the members that are measured.
func (b *bench) sickUpdates(ctx context.Context, op operation, revision string) ([]time.Duration, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	arrived, err := b.watchArrivals(ctx, federatedNamespace, op, revision, b.objects*len(b.members))
	if err != nil {
		return nil, err
	}
	defer arrived.close()
	acknowledged := make([]time.Time, b.objects)
	if err := b.each(ctx, b.objects, b.inFlight, func(ctx context.Context, i int) error {
		err := b.federate(ctx, op, i, revision)
		acknowledged[i] = time.Now()
		return err
	}); err != nil {
		return nil, err
	}
	if _, err := arrived.wait(ctx); err != nil {
		return nil, err
	}
	return arrived.since(b.memberNames(), acknowledged), nil
}

// awaitRecovered waits until every member is ready and all objects are where they
// shall be.
func (b *bench) awaitRecovered(ctx context.Context) error {
	ctx, cancel := within(ctx)
	defer cancel()
	for {
		clusters, err := b.host.Resource(env.KubeFedClusters).Namespace(env.SystemNamespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("wait for the members: %w", err)
		}
		if !slices.ContainsFunc(clusters.Items, isNotReady) {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the members: %w", context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
	return b.awaitReported(ctx, opUpdate)
}

func (r *sickResults) rows() []sickRow {
	rows := make([]sickRow, 0, len(r.cases))
	for _, c := range r.cases {
		row := sickRow{
			Sickness:         c.name,
			WithoutP50Millis: millis(percentile(c.without, 50)), WithP50Millis: millis(percentile(c.with, 50)),
			WithoutP99Millis: millis(percentile(c.without, 99)), WithP99Millis: millis(percentile(c.with, 99)),
		}
		row.RatioP50, row.RatioP99 = row.WithP50Millis/row.WithoutP50Millis, row.WithP99Millis/row.WithoutP99Millis
		rows = append(rows, row)
	}
	return rows
}

func (r *sickResults) print(out io.Writer) {
	fmt.Fprintf(out, "%d updates, %d at a time, of %s, in %d members that are well, while one more is and is not: from acknowledgement to their watch events\n\n",
		r.objects*r.rounds, r.inFlight, workloads[r.kind].title, r.members-1)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "it\tp50 ms without\twith\tratio\tp99 ms without\twith\tratio\t")
	for _, row := range r.rows() {
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.2f\t\n", row.Sickness,
			row.WithoutP50Millis, row.WithP50Millis, row.RatioP50, row.WithoutP99Millis, row.WithP99Millis, row.RatioP99)
	}
	// What is written to cannot be told of its own error.
	_ = table.Flush()
	fmt.Fprintln(out)
	printBudgets(out, r.budgets())
}

func (r *sickResults) write() error {
	rows := [][]string{{"sickness", "withoutP50Millis", "withP50Millis", "withoutP99Millis", "withP99Millis", "ratioP50", "ratioP99"}}
	for _, row := range r.rows() {
		rows = append(rows, append([]string{row.Sickness},
			numbers(row.WithoutP50Millis, row.WithP50Millis, row.WithoutP99Millis, row.WithP99Millis, row.RatioP50, row.RatioP99)...))
	}
	summary := struct {
		Members int       `json:"members"`
		Objects int       `json:"objects"`
		Rounds  int       `json:"rounds"`
		Rows    []sickRow `json:"rows"`
		Budgets []budget  `json:"budgets"`
	}{r.members, r.objects, r.rounds, r.rows(), r.budgets()}
	return writeFiles(r.output, fmt.Sprintf("sick-%s-%d", r.kind, r.members), summary, rows)
}

func (r *sickResults) budgets() []budget {
	budgets := make([]budget, 0, len(r.cases))
	for _, row := range r.rows() {
		budgets = append(budgets, atMost("one member "+row.Sickness+": p99 of the others", "x without", row.RatioP99, 1.2))
	}
	return budgets
}
