package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kubefederation/federation-apiserver/test/hollow"
)

// size is a number of hollow members and of objects in each.
type size struct{ members, objects int }

// The sizes that are measured, in the order of members: these are never removed.
var (
	someSizes = []size{{10, 300}, {10, 3000}, {100, 50}, {100, 500}, {1000, 20}, {1000, 60}}
	allSizes  = []size{{3, 50_000}, {10, 500}, {10, 5000}, {100, 100}, {100, 1000}, {1000, 20}, {1000, 60}}
	// warmUp objects come first, up to warmUpCopies of them, and are not counted: the
	// buffers of connections have grown to what they need then.
	warmUp, warmUpCopies = 200, 5000
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
	// ServerCPU is in seconds. What the server takes when nothing happens is not in it.
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
				return r, err
			}
			if i == 0 {
				if err := f.federateNamespace(ctx); err != nil {
					return nil, err
				}
			}
			if _, err := f.cells(ctx, size{s.members, min(warmUp, warmUpCopies/s.members)}); err != nil {
				return r, fmt.Errorf("warm up %d members: %w", s.members, err)
			}
			if err := f.rest(ctx); err != nil {
				return r, err
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
