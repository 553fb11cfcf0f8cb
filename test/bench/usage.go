package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/pkg/etcd"
)

// The processes that are measured. There are several members; what theirs take
// is added up. Idle is what no process of the machine takes: it says whether the
// machine is the limit.
const (
	processHarness   = "harness"
	processIdle      = "idle"
	processServer    = "federation-apiserver"
	processHost      = "host-kube-apiserver"
	processHostKV    = "host-etcd"
	processMembers   = "members-kube-apiserver"
	processMembersKV = "members-etcd"
)

var processNames = []string{processServer, processHost, processHostKV, processMembers, processMembersKV, processHarness, processIdle}

// usage is what all has used so far.
type usage struct {
	// cpu by process.
	cpu map[string]time.Duration
	// requests for the copies that members answered, by verb.
	requests map[string]float64
	// revision of this server's store, and the bytes that are in use in it.
	revision, storeBytes int64
}

func (b *bench) usage(ctx context.Context) (*usage, error) {
	u := &usage{}
	var err error
	if u.cpu, err = b.processorTimes(ctx); err != nil {
		return nil, err
	}
	if u.requests, err = b.requests(ctx); err != nil {
		return nil, err
	}
	u.revision, u.storeBytes, err = b.store(ctx)
	return u, err
}

// per returns what has been used since before, divided by a number.
func (u *usage) per(before *usage, objects, copies int) sample {
	s := sample{
		cpu:        map[string]time.Duration{},
		requests:   map[string]float64{},
		revisions:  float64(u.revision-before.revision) / float64(objects),
		storeBytes: float64(u.storeBytes-before.storeBytes) / float64(objects),
	}
	for process, used := range u.cpu {
		s.cpu[process] = (used - before.cpu[process]) / time.Duration(objects)
	}
	for verb, number := range u.requests {
		s.requests[verb] = (number - before.requests[verb]) / float64(copies)
	}
	return s
}

// processes returns the process ids by name.
func (b *bench) processes(ctx context.Context) (map[string][]int, error) {
	type process struct {
		name string
		pid  func(context.Context) (int, error)
	}
	listed := []process{
		{processServer, b.env.Federation().PID},
		{processHost, b.env.Host().APIServerPID},
		{processHostKV, b.env.Host().EtcdPID},
	}
	for _, member := range b.env.Members() {
		listed = append(listed, process{processMembers, member.APIServerPID}, process{processMembersKV, member.EtcdPID})
	}
	pids := map[string][]int{processHarness: {os.Getpid()}}
	for _, process := range listed {
		pid, err := process.pid(ctx)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", process.name, err)
		}
		pids[process.name] = append(pids[process.name], pid)
	}
	return pids, nil
}

func (b *bench) processorTimes(ctx context.Context) (map[string]time.Duration, error) {
	pids, err := b.processes(ctx)
	if err != nil {
		return nil, err
	}
	times := map[string]time.Duration{}
	for name, ids := range pids {
		for _, pid := range ids {
			used, err := cpuTime(pid)
			if err != nil {
				return nil, fmt.Errorf("measure %s: %w", name, err)
			}
			times[name] += used
		}
	}
	times[processIdle], err = machineIdle()
	return times, err
}

// requests reads from the members' metrics how many requests they have answered.
func (b *bench) requests(ctx context.Context) (map[string]float64, error) {
	requests := map[string]float64{}
	for _, member := range b.env.Members() {
		client, err := rawClient(member.Config())
		if err != nil {
			return nil, err
		}
		data, err := client.Get().AbsPath("/metrics").DoRaw(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the metrics of %s: %w", member.Name(), err)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("read the metrics of %s: %w", member.Name(), err)
		}
		for _, metric := range families["apiserver_request_total"].GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if labels["resource"] == b.workload.target.Resource {
				requests[labels["verb"]] += metric.GetCounter().GetValue()
			}
		}
	}
	return requests, nil
}

// store asks the server's embedded etcd for its revision and the bytes in use.
func (b *bench) store(ctx context.Context) (revision, bytes int64, err error) {
	endpoint := etcd.Endpoint(b.env.Federation().DataDir())
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Context: ctx, DialTimeout: 10 * time.Second})
	if err != nil {
		return 0, 0, fmt.Errorf("client of the store: %w", err)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	status, err := client.Status(ctx, endpoint)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the store: %w", err)
	}
	return status.Header.Revision, status.DbSizeInUse, nil
}

// rawClient is a client for paths outside the API.
func rawClient(config *rest.Config) (rest.Interface, error) {
	config = rest.CopyConfig(config)
	config.GroupVersion, config.NegotiatedSerializer = nil, scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

// serverClient reaches the server without the host between.
func (b *bench) serverClient() (rest.Interface, error) {
	config := rest.CopyConfig(b.env.Host().Config())
	config.Host = b.env.Federation().Endpoint()
	config.CAData, config.CAFile = nil, b.env.Federation().CAFile()
	return rawClient(config)
}
