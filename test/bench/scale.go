package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/hollow"
)

// size is a number of hollow members and of objects in each.
type size struct{ members, objects int }

// The sizes that are measured, in the order of members: these are never removed.
var (
	someSizes = []size{{10, 1000}, {10, 5000}, {100, 100}, {100, 1000}, {1000, 20}, {1000, 100}}
	allSizes  = []size{{10, 1000}, {10, 10_000}, {10, 50_000}, {100, 100}, {100, 1000}, {100, 5000}, {1000, 20}, {1000, 100}, {1000, 500}}
	// warmUp comes first and is not counted.
	warmUp = 200
	// updatedCopies is up to how many copies updates are measured too.
	updatedCopies = 100_000
)

// parseSizes reads sizes such as 10x1000,100x100: members and objects. Members do not
// become less.
func parseSizes(text string) ([]size, error) {
	var sizes []size
	for part := range strings.SplitSeq(text, ",") {
		members, objects, ok := strings.Cut(part, "x")
		m, badMembers := strconv.Atoi(members)
		n, badObjects := strconv.Atoi(objects)
		if !ok || badMembers != nil || badObjects != nil || m < 1 || n < 1 || len(sizes) > 0 && m < sizes[len(sizes)-1].members {
			return nil, fmt.Errorf("-sizes must be MEMBERSxOBJECTS, several with commas between and with as many members or more each: not %q", text)
		}
		sizes = append(sizes, size{m, n})
	}
	return sizes, nil
}

// cell is what one operation on all objects of a size took.
type cell struct {
	Operation operation `json:"operation"`
	Members   int       `json:"members"`
	Objects   int       `json:"objects"`
	// Seconds from the first request to the last copy in its member.
	Seconds      float64 `json:"seconds"`
	CopiesPerSec float64 `json:"copiesPerSecond"`
	// ServerCPU is in seconds. What the server takes when nothing happens is neither in
	// it nor in the revisions.
	ServerCPU          float64 `json:"serverCPUSeconds"`
	CPUMillisPerObject float64 `json:"serverCPUMillisPerObject"`
	CPUMillisPerCopy   float64 `json:"serverCPUMillisPerCopy"`
	RevisionsPerObject float64 `json:"revisionsPerObject"`
	StoreKiB           float64 `json:"storeKiBPerObject"`
	// Requests to members per copy, by verb.
	Requests map[string]float64 `json:"requestsPerCopy"`
	// HeapBytes are by how much the live heap is more than without the objects; only
	// after they were created.
	HeapBytes int64 `json:"heapBytes,omitempty"`
	PeakBytes int64 `json:"peakBytes"`
}

func (c *cell) copies() float64 { return float64(c.Members) * float64(c.Objects) }

// fleet is a federation of hollow members.
type fleet struct {
	*bench
	hollow  *hollow.Fleet
	members []*hollow.Member
	// heap, idle and idleRevisions are the server's live heap, what it takes of a
	// processor, and the revisions per second, when the members have no objects.
	heap                int64
	idle, idleRevisions float64
}

// measureScale measures sizes one after the other in one federation. With an error
// it returns what was measured before.
func (b *bench) measureScale(ctx context.Context) (r *scaleResults, err error) {
	members, err := hollow.Start()
	if err != nil {
		return nil, err
	}
	f := &fleet{bench: b, hollow: members}
	defer func() { err = errors.Join(err, members.Close()) }()
	r = &scaleResults{options: b.options}
	for i, s := range b.sizes {
		if s.members > len(f.members) {
			if err := f.grow(ctx, s.members); err != nil {
				return nil, err
			}
			if i == 0 {
				if err := f.federateNamespace(ctx); err != nil {
					return nil, err
				}
				if _, err := f.cells(ctx, size{s.members, warmUp}); err != nil {
					return nil, err
				}
			}
			if err := f.rest(ctx); err != nil {
				return nil, err
			}
			r.Fleets = append(r.Fleets, fleetResult{Members: s.members, HeapBytes: f.heap, IdleCPU: f.idle})
		}
		cells, err := f.cells(ctx, s)
		if err != nil {
			return r, fmt.Errorf("%d objects to %d members: %w", s.objects, s.members, err)
		}
		r.Cells = append(r.Cells, cells...)
		b.reporter.Step("measured %d objects to %d hollow members", s.objects, s.members)
	}
	return r, nil
}

// grow adds members until there are as many, and waits until they are ready.
func (f *fleet) grow(ctx context.Context, members int) error {
	ctx, cancel := within(ctx)
	defer cancel()
	f.reporter.Status("joining hollow members")
	group, joining := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := len(f.members); i < members; i++ {
		member, err := f.hollow.Add(fmt.Sprintf("hollow-%04d", i))
		if err != nil {
			return err
		}
		f.members = append(f.members, member)
		group.Go(func() error {
			return member.Join(joining, f.env.Host().Config(), env.SystemNamespace, map[string]string{"zone": fmt.Sprintf("z%d", i%3)})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	clusters := f.host.Resource(env.KubeFedClusters).Namespace(env.SystemNamespace)
	for {
		list, err := clusters.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		ready := 0
		for i := range list.Items {
			if conditionTrue(&list.Items[i], "Ready") {
				ready++
			}
		}
		if ready == members {
			f.reporter.Step("%d hollow members are ready", members)
			return nil
		}
		f.reporter.Status("%d of %d hollow members are ready", ready, members)
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// idleTime is how long the server is watched doing nothing.
const idleTime = 20 * time.Second

// rest measures what the server takes without objects.
func (f *fleet) rest(ctx context.Context) error {
	if err := f.quiet(ctx); err != nil {
		return err
	}
	before, err := f.used(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := pause(ctx, idleTime); err != nil {
		return err
	}
	after, err := f.used(ctx)
	if err != nil {
		return err
	}
	seconds := time.Since(begin).Seconds()
	f.idle = (after.cpu - before.cpu).Seconds() / seconds
	f.idleRevisions = float64(after.revision-before.revision) / seconds
	f.heap, err = f.liveHeap(ctx)
	return err
}

// cells does all operations with the objects of a size. In the end there are none.
func (f *fleet) cells(ctx context.Context, s size) ([]cell, error) {
	var cells []cell
	empty, err := f.liveHeap(ctx)
	if err != nil {
		return nil, err
	}
	for _, op := range operations {
		if op == opUpdate && s.members*s.objects > updatedCopies {
			continue
		}
		c, err := f.operate(ctx, s, op)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		if op == opCreate {
			live, err := f.liveHeap(ctx)
			if err != nil {
				return nil, err
			}
			c.HeapBytes = live - empty
			if f.profiles {
				if err := f.heapProfile(ctx, scaleProfile(s)); err != nil {
					return nil, err
				}
			}
		}
		cells = append(cells, *c)
	}
	return cells, nil
}

// scaleProfile begins the names of the profiles of a size.
func scaleProfile(s size) string { return fmt.Sprintf("scale-%d-%d", s.members, s.objects) }

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
		RevisionsPerObject: max(0, float64(after.revision-before.revision)-f.idleRevisions*idle) / float64(s.objects),
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
		case err == nil || try == tries || !apierrors.IsInternalError(err) && !apierrors.IsTimeout(err) && !apierrors.IsServerTimeout(err) && !apierrors.IsTooManyRequests(err):
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// tries are how often an operation is asked for again.
const tries = 10

// hubUsage is what has been used so far.
type hubUsage struct {
	cpu                  time.Duration
	revision, storeBytes int64
	peak                 int64
	// requests for copies that members answered, by verb.
	requests map[string]int
}

func (f *fleet) used(ctx context.Context) (*hubUsage, error) {
	times, err := f.processorTimes(ctx)
	if err != nil {
		return nil, err
	}
	u := &hubUsage{cpu: times[processServer], requests: f.asked()}
	pid, err := f.env.Federation().PID(ctx)
	if err != nil {
		return nil, err
	}
	if u.peak, err = peakMemory(pid); err != nil {
		return nil, err
	}
	u.revision, u.storeBytes, err = f.store(ctx)
	return u, err
}

func (f *fleet) asked() map[string]int {
	asked := map[string]int{}
	for _, member := range f.members {
		for request, number := range member.Requests() {
			if request.Resource == f.workload.target.Resource {
				asked[request.Verb] += number
			}
		}
	}
	return asked
}

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

// quietTime is how long nothing is written when nothing is left to write.
const quietTime = 3 * time.Second

// quiet waits until the hub writes nothing more.
func (f *fleet) quiet(ctx context.Context) error {
	last, since := int64(0), time.Now()
	for {
		revision, _, err := f.store(ctx)
		if err != nil {
			return err
		}
		// Statuses of clusters go on being written: some revisions are silence.
		if revision-last > quietRevisions {
			last, since = revision, time.Now()
		}
		if time.Since(since) >= quietTime {
			return nil
		}
		if err := pause(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
}

// quietRevisions is how much may be written while nothing happens.
const quietRevisions = 5

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
			return fmt.Errorf("not all objects are reported %v after the last copy", quietTime)
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

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
