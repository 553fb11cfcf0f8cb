package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/kubefederation/federation-apiserver/pkg/etcd"
)

// hubUsage is what has been used so far.
type hubUsage struct {
	cpu time.Duration
	// writes to the store about objects, and the bytes that are in use in it.
	writes, storeBytes int64
	peak               int64
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
	u.writes, u.storeBytes, err = f.writes(ctx)
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

// Where the server keeps federated objects, and what it keeps about their deletion
// somewhere else.
const (
	objectsPrefix    = "/federation/types.kubefed.io/"
	pendingRemovals  = "/pendingremovals/"
	largestEtcdRange = "\x00"
)

// writes counts how often the store was written to for objects: its revision less
// the versions of everything else, such as the statuses of clusters, that is in it.
func (f *fleet) writes(ctx context.Context) (writes, bytes int64, err error) {
	endpoint := etcd.Endpoint(f.env.Federation().DataDir())
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Context: ctx, DialTimeout: 10 * time.Second})
	if err != nil {
		return 0, 0, fmt.Errorf("client of the store: %w", err)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	// Both as of one moment: what is written between the questions is in neither.
	others, err := client.Get(ctx, "\x00", clientv3.WithRange(objectsPrefix), clientv3.WithKeysOnly())
	if err != nil {
		return 0, 0, fmt.Errorf("measure the store: %w", err)
	}
	writes = others.Header.Revision
	after, err := client.Get(ctx, clientv3.GetPrefixRangeEnd(objectsPrefix), clientv3.WithRange(largestEtcdRange), clientv3.WithKeysOnly(), clientv3.WithRev(writes))
	if err != nil {
		return 0, 0, fmt.Errorf("measure the store: %w", err)
	}
	for _, kv := range append(others.Kvs, after.Kvs...) {
		if !strings.Contains(string(kv.Key), pendingRemovals) {
			writes -= kv.Version
		}
	}
	status, err := client.Status(ctx, endpoint)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the store: %w", err)
	}
	return writes, status.DbSizeInUse, nil
}
