// Command bench measures how fast objects come from the host into the members,
// as a ratio to writing the same objects straight into the members in the same
// run. An absolute time on a shared machine says little.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"k8s.io/klog/v2"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// options are the size of the work.
type options struct {
	scenario, kind                               string
	members, objects, rounds, inFlight, unloaded int
	output                                       string
	// sizes of scale.
	sizes                   []size
	budgets, profiles, full bool
}

const (
	scenarioBurst = "burst"
	scenarioScale = "scale"
	// With real members, of which one is sick; and with a server that is killed.
	scenarioSick    = "sick"
	scenarioRestart = "restart"
)

// kindOf is what a scenario propagates unless told otherwise.
var kindOf = map[string]string{
	scenarioBurst: "configmaps", scenarioScale: "deployments", scenarioSick: "configmaps", scenarioRestart: "configmaps",
}

func main() {
	o := options{}
	flag.StringVar(&o.scenario, "scenario", scenarioBurst, "burst: real members, against direct writes; scale: hollow members, how cost grows with them and with objects; sick: what a sick member does to the others; restart: what a server does that was killed")
	flag.StringVar(&o.kind, "kind", "", "what is propagated: configmaps (of 1 KiB), deployments (of 3 KiB); by default those, and these in scale")
	flag.IntVar(&o.members, "members", 3, "real member clusters, but for scale")
	flag.IntVar(&o.objects, "objects", 1000, "objects, but for scale")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of a burst, of which medians are taken, and of each sickness; one more warms up")
	flag.IntVar(&o.inFlight, "in-flight", 16, "requests at a time")
	flag.IntVar(&o.unloaded, "unloaded", 50, "objects that are written one after another")
	flag.StringVar(&o.output, "output", ".bench", "folder for the results")
	flag.BoolVar(&o.budgets, "budgets", false, "fail if a budget is not met")
	flag.BoolVar(&o.profiles, "profiles", false, "profile the server: a burst's last round, or the creates of each size")
	flag.BoolVar(&o.full, "full", false, "larger sizes of scale, up to 50,000 objects, 1,000 members and 150,000 copies")
	sizes := flag.String("sizes", "", "sizes of scale instead of the usual ones, members and objects: 10x1000,100x100")
	flag.Parse()
	switch {
	case *sizes != "":
		var err error
		if o.sizes, err = parseSizes(*sizes); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %v\n", err)
			os.Exit(2)
		}
	case o.full:
		o.sizes = allSizes
	default:
		o.sizes = someSizes
	}
	klog.SetOutput(os.Stderr)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// measured is the outcome of a scenario.
type measured interface {
	print(io.Writer)
	write() error
	budgets() []budget
}

func run(ctx context.Context, o options) (err error) {
	if kindOf[o.scenario] == "" {
		return fmt.Errorf("-scenario must be one of %s", strings.Join(slices.Sorted(maps.Keys(kindOf)), ", "))
	}
	real := o.members
	if o.scenario == scenarioScale {
		real = 0
	}
	if o.kind == "" {
		o.kind = kindOf[o.scenario]
	}
	work, err := workloadOf(o.kind)
	if err != nil {
		return err
	}
	reporter := progress.NewWriter(os.Stderr)
	names := make([]string, real)
	for i := range names {
		names[i] = "cluster" + strconv.Itoa(i+1)
	}
	environment, err := env.Start(ctx, env.Options{Members: names, Progress: reporter})
	if err != nil {
		return fmt.Errorf("start the clusters: %w", err)
	}
	defer func() {
		// The interrupt that ended the run must not end the cleaning up.
		err = errors.Join(err, environment.Stop(context.WithoutCancel(ctx)))
	}()

	b, err := newBench(ctx, environment, work, o, reporter)
	if err != nil {
		return err
	}
	var results measured
	switch o.scenario {
	case scenarioScale:
		var scale *scaleResults
		if scale, err = b.measureScale(ctx); err != nil && scale != nil {
			scale.print(os.Stdout)
		}
		results = scale
	case scenarioSick:
		results, err = b.measureSick(ctx)
	case scenarioRestart:
		results, err = b.measureRestart(ctx)
	default:
		results, err = b.measureBurst(ctx)
	}
	if err != nil {
		return err
	}
	results.print(os.Stdout)
	if err := results.write(); err != nil {
		return err
	}
	if missed := missed(results.budgets()); o.budgets && len(missed) > 0 {
		return fmt.Errorf("budgets not met: %v", missed)
	}
	return nil
}
