package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// operation is what a phase does to every object.
type operation string

const (
	opCreate operation = "create"
	opUpdate operation = "update"
	opDelete operation = "delete"
)

var operations = []operation{opCreate, opUpdate, opDelete}

func name(i int) string { return fmt.Sprintf("object-%05d", i) }

// each does something for all objects, a number of them at a time.
func (b *bench) each(ctx context.Context, count, inFlight int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inFlight)
	for i := range count {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// federate does one operation on one federated object, as a user would.
func (b *bench) federate(ctx context.Context, op operation, i int, revision string) error {
	client := b.host.Resource(b.workload.federated).Namespace(federatedNamespace)
	var err error
	switch op {
	case opCreate:
		_, err = client.Create(ctx, b.workload.federatedObject(name(i), revision), metav1.CreateOptions{})
	case opUpdate:
		err = mergePatch(ctx, client, name(i), map[string]any{"spec": map[string]any{"template": b.workload.change(revision)}})
	case opDelete:
		err = client.Delete(ctx, name(i), metav1.DeleteOptions{})
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", op, name(i), err)
	}
	return nil
}

// direct does the same operation on one copy in one member, as the federation
// would: by server-side apply.
func (b *bench) direct(ctx context.Context, op operation, member string, i int, revision string) error {
	client := b.members[member].Resource(b.workload.target).Namespace(directNamespace)
	var err error
	if op == opDelete {
		err = client.Delete(ctx, name(i), metav1.DeleteOptions{})
	} else {
		_, err = client.Apply(ctx, name(i), b.workload.copyOf(name(i), revision), metav1.ApplyOptions{FieldManager: "bench", Force: true})
	}
	if err != nil {
		return fmt.Errorf("%s %s in %s: %w", op, name(i), member, err)
	}
	return nil
}

func create(ctx context.Context, client dynamic.Interface, resource schema.GroupVersionResource, o *unstructured.Unstructured) error {
	if _, err := client.Resource(resource).Namespace(o.GetNamespace()).Create(ctx, o, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return nil
}

func mergePatch(ctx context.Context, client dynamic.ResourceInterface, name string, change any) error {
	patch, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = client.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

var errSlow = errors.New("the members do not have all copies in time")

// within limits the time of a phase.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, patience, errSlow)
}

// percentile returns a percentile of durations that are in order.
func percentile(durations []time.Duration, percent int) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	return durations[min(len(durations)-1, len(durations)*percent/100)]
}
