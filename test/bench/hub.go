package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// hubState is what the hub has used so far.
type hubState struct {
	// cpu is that of this server and of the host's API server and etcd.
	cpu, serverCPU time.Duration
	// revision of this server's store.
	revision int64
}

func (b *bench) hub(ctx context.Context) (hubState, error) {
	var state hubState
	server, err := b.env.Federation().PID(ctx)
	if err != nil {
		return state, err
	}
	apiServer, err := b.env.Host().APIServerPID(ctx)
	if err != nil {
		return state, err
	}
	etcd, err := b.env.Host().EtcdPID(ctx)
	if err != nil {
		return state, err
	}
	for _, pid := range []int{server, apiServer, etcd} {
		used, err := cpuTime(pid)
		if err != nil {
			return state, err
		}
		state.cpu += used
		if pid == server {
			state.serverCPU = used
		}
	}
	list, err := b.host.Resource(federatedConfigMaps).Namespace(federatedNamespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return state, fmt.Errorf("read the revision of the store: %w", err)
	}
	state.revision, err = strconv.ParseInt(list.GetResourceVersion(), 10, 64)
	return state, err
}

// ticksPerSecond is the unit of times in /proc on Linux.
const ticksPerSecond = 100

// cpuTime is what a process has used so far: fields 14 and 15 of proc_pid_stat(5).
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("read the times of a process: %w", err)
	}
	// The name of the program may have spaces; the fields after it begin with the third.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the times of a process: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// notReported says that the status is not yet about the present generation.
func notReported(o unstructured.Unstructured) bool {
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, item := range conditions {
		condition, ok := item.(map[string]any)
		if ok && condition["type"] == "Propagation" && condition["status"] == "True" {
			return observed != o.GetGeneration()
		}
	}
	return true
}
