package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// scalePatience is how long an operation on a size may take.
const scalePatience = 45 * time.Minute

func (f *fleet) operate(ctx context.Context, s size, op operation) (*cell, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, scalePatience, errSlow)
	defer cancel()
	f.reporter.Status("%s %d objects in %d hollow members", op, s.objects, s.members)
	before, err := f.used(ctx)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	profiled := func() error { return nil }
	if f.profiles && op == opCreate {
		if profiled, err = f.profile(ctx, scaleProfile(s)); err != nil {
			return nil, err
		}
	}
	err = f.each(ctx, s.objects, f.inFlight, func(ctx context.Context, i int) error {
		return f.persist(ctx, op, i)
	})
	if err != nil {
		return nil, err
	}
	if err := f.arrived(ctx, s, op, before); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	if err := profiled(); err != nil {
		return nil, err
	}
	if err := f.quiet(ctx); err != nil {
		return nil, err
	}
	after, err := f.used(ctx)
	if err != nil {
		return nil, err
	}
	idle := time.Since(begin).Seconds()
	if err := f.reported(ctx, s, op); err != nil {
		return nil, err
	}
	c := &cell{
		Operation: op, Members: s.members, Objects: s.objects, Seconds: took.Seconds(),
		ServerCPU:          max(0, (after.cpu-before.cpu).Seconds()-f.idle*idle),
		RevisionsPerObject: float64(after.writes-before.writes) / float64(s.objects),
		StoreKiB:           float64(after.storeBytes-before.storeBytes) / 1024 / float64(s.objects),
		Requests:           map[string]float64{}, PeakBytes: after.peak,
	}
	c.CopiesPerSec = c.copies() / c.Seconds
	c.CPUMillisPerObject, c.CPUMillisPerCopy = c.ServerCPU*1000/float64(s.objects), c.ServerCPU*1000/c.copies()
	for verb, number := range after.requests {
		if verb != "WATCH" && number > before.requests[verb] {
			c.Requests[verb] = float64(number-before.requests[verb]) / c.copies()
		}
	}
	return c, nil
}

// persist does an operation as a patient user does: what was not answered in time
// is asked for again.
func (f *fleet) persist(ctx context.Context, op operation, i int) error {
	for try := 0; ; try++ {
		err := f.federate(ctx, op, i, string(op))
		switch {
		case try > 0 && (op == opCreate && apierrors.IsAlreadyExists(err) || op == opDelete && apierrors.IsNotFound(err)):
			return nil // it was done after all
		case err == nil || try == tries || !isPassing(err):
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// isPassing says that the same request may be answered later.
func isPassing(err error) bool {
	return apierrors.IsInternalError(err) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) ||
		apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err)
}

// tries are how often an operation is asked for again.
const tries = 10

// arrived waits until all members have what they shall.
func (f *fleet) arrived(ctx context.Context, s size, op operation, before *hubUsage) error {
	for {
		have, want := 0, s.members*s.objects
		switch op {
		case opUpdate:
			have = f.asked()["APPLY"] - before.requests["APPLY"]
		default:
			for _, member := range f.members {
				have += member.Len(f.workload.target)
			}
			if op == opDelete {
				have = want - have
			}
		}
		if have >= want {
			return nil
		}
		f.reporter.Status("%s %d objects in %d hollow members: %d of %d copies", op, s.objects, s.members, have, want)
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// quietTime is how long nothing is written about objects when nothing is left to
// write: the server itself waits longer for the answers of more members.
func (f *fleet) quietTime() time.Duration {
	return 2*time.Second + time.Second*time.Duration(100+min(len(f.members), 500))/100
}

// quiet waits until the hub writes nothing more about objects.
func (f *fleet) quiet(ctx context.Context) error {
	last, since := int64(0), time.Now()
	for {
		writes, _, err := f.writes(ctx)
		if err != nil {
			return err
		}
		if writes != last {
			last, since = writes, time.Now()
		}
		if time.Since(since) >= f.quietTime() {
			return nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// reported fails unless the hub says of all objects that they are where they
// shall be.
func (f *fleet) reported(ctx context.Context, s size, op operation) error {
	client := f.host.Resource(f.workload.federated).Namespace(federatedNamespace)
	options := metav1.ListOptions{Limit: int64(max(1, 20_000/s.members))}
	objects := 0
	for {
		page, err := client.List(ctx, options)
		if err != nil {
			return err
		}
		objects += len(page.Items)
		if op != opDelete && slices.ContainsFunc(page.Items, notReported) {
			return fmt.Errorf("not all objects are reported %v after the last write", f.quietTime())
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			break
		}
	}
	if want := map[operation]int{opCreate: s.objects, opUpdate: s.objects}[op]; objects != want {
		return fmt.Errorf("there are %d objects, not %d", objects, want)
	}
	return nil
}
