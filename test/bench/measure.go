package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// sample is what one round of one phase took.
type sample struct {
	// copiesPerSecond counts from the first request to the last arrival.
	copiesPerSecond float64
	// latencies are from acknowledgement to arrival, in order.
	latencies []time.Duration
	// cpu is the time of processors that each process took, per object.
	cpu map[string]time.Duration
	// requests to the members by verb, per copy.
	requests map[string]float64
	// revisions of the hub's store per object, the user's own write included, and
	// by how many bytes in use it grew.
	revisions, storeBytes float64
}

// hubCPU is what the hub's processes took, per object.
func (s *sample) hubCPU() time.Duration {
	return s.cpu[processServer] + s.cpu[processHost] + s.cpu[processHostKV]
}

// measureBurst runs all rounds. The first warms up and is not counted.
func (b *bench) measureBurst(ctx context.Context) (*results, error) {
	if err := b.federateNamespace(ctx); err != nil {
		return nil, err
	}
	r := newResults(b.options)
	for round := range b.rounds + 1 {
		b.reporter.Status("round %d of %d", round, b.rounds)
		for _, op := range operations {
			direct, err := b.profiledDirectPhase(ctx, op, round)
			if err != nil {
				return nil, fmt.Errorf("direct %s: %w", op, err)
			}
			federated, err := b.profiledPhase(ctx, op, round)
			if err != nil {
				return nil, fmt.Errorf("federated %s: %w", op, err)
			}
			if round > 0 {
				r.add(op, direct, federated)
			}
			if op == opUpdate && round == b.rounds {
				if r.memory, err = b.memory(ctx); err != nil {
					return nil, err
				}
			}
		}
	}
	b.reporter.Status("one object at a time")
	if err := b.unloadedPhases(ctx, r); err != nil {
		return nil, err
	}
	b.reporter.Step("measured %d rounds", b.rounds)
	return r, nil
}

func revision(op operation, round int) string {
	return string(op) + "-" + strconv.Itoa(round)
}

func (b *bench) memberNames() []string {
	return slices.Sorted(maps.Keys(b.members))
}

// directPhase writes all copies straight into the members.
func (b *bench) directPhase(ctx context.Context, op operation, round int) (*sample, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	copies := b.objects * len(b.members)
	arrived, err := b.watchArrivals(ctx, directNamespace, op, revision(op, round), copies)
	if err != nil {
		return nil, err
	}
	defer arrived.close()
	members := b.memberNames()
	before, err := b.usage(ctx)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	err = b.each(ctx, copies, b.inFlight, func(ctx context.Context, i int) error {
		return b.direct(ctx, op, members[i%len(members)], i/len(members), revision(op, round))
	})
	if err != nil {
		return nil, err
	}
	last, err := arrived.wait(ctx)
	if err != nil {
		return nil, err
	}
	after, err := b.usage(ctx)
	if err != nil {
		return nil, err
	}
	used := after.per(before, b.objects, copies)
	used.copiesPerSecond = float64(copies) / last.Sub(begin).Seconds()
	return &used, nil
}

// profiled says whether a round is the one of which profiles are kept.
func (b *bench) profiled(round int) bool { return b.profiles && round == b.rounds }

// profiledDirectPhase is directPhase, with a profile of a member if they are asked
// for.
func (b *bench) profiledDirectPhase(ctx context.Context, op operation, round int) (*sample, error) {
	if !b.profiled(round) {
		return b.directPhase(ctx, op, round)
	}
	wait, err := b.profileMember(ctx, "direct-"+string(op))
	if err != nil {
		return nil, err
	}
	measured, err := b.directPhase(ctx, op, round)
	return measured, errors.Join(err, wait())
}

// profiledPhase is federatedPhase, with a profile of the server if it is the last
// round and profiles are asked for.
func (b *bench) profiledPhase(ctx context.Context, op operation, round int) (*sample, error) {
	if !b.profiled(round) {
		return b.federatedPhase(ctx, op, round)
	}
	wait, err := b.profile(ctx, string(op))
	if err != nil {
		return nil, err
	}
	waitForMember, err := b.profileMember(ctx, string(op))
	if err != nil {
		return nil, errors.Join(err, wait())
	}
	measured, err := b.federatedPhase(ctx, op, round)
	return measured, errors.Join(err, wait(), waitForMember())
}

// federatedPhase writes all objects to the host, and waits for their copies.
func (b *bench) federatedPhase(ctx context.Context, op operation, round int) (*sample, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	copies := b.objects * len(b.members)
	arrived, err := b.watchArrivals(ctx, federatedNamespace, op, revision(op, round), copies)
	if err != nil {
		return nil, err
	}
	defer arrived.close()
	before, err := b.usage(ctx)
	if err != nil {
		return nil, err
	}
	acknowledged := make([]time.Time, b.objects)
	begin := time.Now()
	err = b.each(ctx, b.objects, b.inFlight, func(ctx context.Context, i int) error {
		err := b.federate(ctx, op, i, revision(op, round))
		acknowledged[i] = time.Now()
		return err
	})
	if err != nil {
		return nil, err
	}
	last, err := arrived.wait(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.awaitReported(ctx, op); err != nil {
		return nil, err
	}
	after, err := b.usage(ctx)
	if err != nil {
		return nil, err
	}
	used := after.per(before, b.objects, copies)
	used.copiesPerSecond = float64(copies) / last.Sub(begin).Seconds()
	used.latencies = arrived.since(b.memberNames(), acknowledged)
	return &used, nil
}

// awaitReported waits until the hub has nothing more to write about the objects.
func (b *bench) awaitReported(ctx context.Context, op operation) error {
	client := b.host.Resource(b.workload.federated).Namespace(federatedNamespace)
	for {
		list, err := client.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		reported := len(list.Items) == 0
		if op != opDelete {
			reported = !slices.ContainsFunc(list.Items, notReported)
		}
		if reported {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the statuses: %w", context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// unloadedPhases write one object after another, each when the one before has
// arrived everywhere.
func (b *bench) unloadedPhases(ctx context.Context, r *results) error {
	ctx, cancel := within(ctx)
	defer cancel()
	for i := range b.unloaded {
		revision := "unloaded-" + strconv.Itoa(i)
		member := b.memberNames()[i%len(b.members)]
		begin := time.Now()
		if err := b.direct(ctx, opCreate, member, i, revision); err != nil {
			return err
		}
		r.unloadedDirect = append(r.unloadedDirect, time.Since(begin))

		arrived, err := b.watchArrivals(ctx, federatedNamespace, opCreate, revision, len(b.members))
		if err != nil {
			return err
		}
		if err := b.federate(ctx, opCreate, i, revision); err != nil {
			arrived.close()
			return err
		}
		acknowledged := time.Now()
		last, err := arrived.wait(ctx)
		if err != nil {
			return err
		}
		r.unloadedFederated = append(r.unloadedFederated, max(0, last.Sub(acknowledged)))
	}
	slices.Sort(r.unloadedDirect)
	slices.Sort(r.unloadedFederated)
	return nil
}

// notReported says that the status is not yet about the present generation.
func notReported(o unstructured.Unstructured) bool {
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	return observed != o.GetGeneration() || !conditionTrue(&o, "Propagation")
}

func conditionTrue(o *unstructured.Unstructured, name string) bool {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, item := range conditions {
		if condition, ok := item.(map[string]any); ok && condition["type"] == name {
			return condition["status"] == "True"
		}
	}
	return false
}
