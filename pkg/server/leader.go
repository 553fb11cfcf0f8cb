package server

import (
	"context"
	"errors"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	// Who leads is worth a metric: leader_election_master_status.
	_ "k8s.io/component-base/metrics/prometheus/clientgo/leaderelection"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// leaseName is the Lease in the host that the replicas elect their leader by.
const leaseName = "federation-apiserver"

var errLeadershipLost = errors.New("another replica leads now")

// whileLeading runs run as long as this replica leads. It returns
// errLeadershipLost when another took over: the process must then end, for
// nothing else is sure to stop every write that is under way. The fence is closed
// before that.
//
// When ctx ends, the lease is given up only after run has returned, so that the
// next leader never meets this one at work.
func whileLeading(ctx context.Context, host kubernetes.Interface, namespace string, timing *corev1beta1.LeaderElectConfig, fence *fence, run func(context.Context)) error {
	hostname, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("identity for leader election: %w", err)
	}
	electing, stopElecting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopElecting()
	started, finished := make(chan struct{}), make(chan struct{})

	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: leaseName,
		Lock: fence.lock(&resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: leaseName},
			Client:     host.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: hostname + "_" + string(uuid.NewUUID())},
		}, timing.RenewDeadline.Duration),
		LeaseDuration:   timing.LeaseDuration.Duration,
		RenewDeadline:   timing.RenewDeadline.Duration,
		RetryPeriod:     timing.RetryPeriod.Duration,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) {
				defer close(finished)
				defer stopElecting()
				close(started)
				leading, cancel := context.WithCancel(leading)
				defer cancel()
				defer context.AfterFunc(ctx, cancel)()
				run(leading)
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("leader election: %w", err)
	}
	defer context.AfterFunc(ctx, func() {
		select {
		case <-started:
			// The controllers stop first; then they stop the election.
		default:
			stopElecting()
		}
	})()
	elector.Run(electing)

	select {
	case <-started:
		<-finished
	default:
	}
	if ctx.Err() != nil {
		return nil
	}
	return errLeadershipLost
}
