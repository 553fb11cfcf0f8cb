package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/hollow"
)

// fleet is a federation of hollow members.
type fleet struct {
	*bench
	hollow  *hollow.Fleet
	members []*hollow.Member
	// heap and idle are the server's live heap and what it takes of a processor, when
	// the members have no objects.
	heap int64
	idle float64
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
	f.idle = (after.cpu - before.cpu).Seconds() / time.Since(begin).Seconds()
	f.heap, err = f.liveHeap(ctx)
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
