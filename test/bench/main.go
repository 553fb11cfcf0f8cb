// Command bench measures how fast objects come from the host into the members,
// as a ratio to writing the same objects straight into the members in the same
// run. An absolute time on a shared machine says little.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"k8s.io/klog/v2"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// options are the size of the work.
type options struct {
	members, objects, rounds, inFlight, unloaded int
	output                                       string
	budgets, profiles                            bool
}

func main() {
	o := options{}
	flag.IntVar(&o.members, "members", 3, "real member clusters")
	flag.IntVar(&o.objects, "objects", 1000, "objects of a burst")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds, of which medians are taken; one more warms up")
	flag.IntVar(&o.inFlight, "in-flight", 16, "requests of a burst at a time")
	flag.IntVar(&o.unloaded, "unloaded", 50, "objects that are written one after another")
	flag.StringVar(&o.output, "output", ".bench", "folder for the results")
	flag.BoolVar(&o.budgets, "budgets", false, "fail if a budget is not met")
	flag.BoolVar(&o.profiles, "profiles", false, "profile the server in the last round")
	flag.Parse()
	klog.SetOutput(os.Stderr)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	reporter := progress.NewWriter(os.Stderr)
	names := make([]string, o.members)
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

	b, err := newBench(ctx, environment, o, reporter)
	if err != nil {
		return err
	}
	results, err := b.measure(ctx)
	if err != nil {
		return err
	}
	results.print(os.Stdout)
	if err := results.write(o.output); err != nil {
		return err
	}
	if missed := results.missed(); o.budgets && len(missed) > 0 {
		return fmt.Errorf("budgets not met: %v", missed)
	}
	return nil
}
