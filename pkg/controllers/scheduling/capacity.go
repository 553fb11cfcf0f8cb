package scheduling

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
)

const (
	// unschedulableAfter is how long a pod must have found no node to count as
	// unschedulable: KubeFed's minute.
	unschedulableAfter = time.Minute
	// startupGrace is how long a pod that is not ready counts as running. Without it,
	// every start of pods would look like clusters that lose replicas.
	startupGrace = time.Minute
	// capacityHold is how long it is believed that a cluster has no more room than
	// it had. Then a little more is tried.
	capacityHold = 10 * time.Minute
)

// seen is what is known of the object in one member.
type seen struct {
	// known says that the rest is up to date. pending says that it will soon be.
	known, pending bool
	// exists says that the member has the object.
	exists bool
	// replicas is what it asks for, ready how many of its pods are. running are the
	// ready ones and those that have not had the time to become so.
	replicas, ready, running int64
	// unschedulable is how many of its pods have found no node for too long; more
	// may have at recheck, which is zero otherwise.
	unschedulable int64
	recheck       time.Time
	// manager is who else has set spec.replicas in the member, empty for nobody.
	manager string
	// unavailable says that the member does not serve the type: nothing can run.
	unavailable bool
	// lost says that the member is not ready: the rest is what was last seen.
	lost bool
	// failure says why known is false, where there is a reason.
	failure error
}

// capacity says how many replicas a cluster has room for.
type capacity struct {
	replicas int64
	time     time.Time
}

// capacityOf returns the capacity of a cluster, nil if there is no known limit, and
// when it changes by itself.
//
// A cluster with unschedulable pods has room for all the others. This must be
// remembered: once the replicas without room have been planned elsewhere, nothing
// in the cluster tells of it any more, and they would come back. After a while, a
// quarter more is tried, and at least one.
func capacityOf(s seen, last *schedulingv1alpha1.ClusterReplicas, now time.Time) (*capacity, time.Time) {
	if s.known && s.unschedulable > 0 {
		return &capacity{max(0, s.replicas-s.unschedulable), now}, time.Time{}
	}
	if last == nil || last.Capacity == nil || last.CapacityTime == nil {
		return nil, time.Time{}
	}
	c := &capacity{*last.Capacity, last.CapacityTime.Time}
	if s.known && s.ready > c.replicas {
		return nil, time.Time{}
	}
	end := c.time.Add(capacityHold)
	if now.Before(end) {
		return c, end
	}
	return &capacity{c.replicas + max(1, c.replicas/4), now}, now.Add(capacityHold)
}

// keepTime leaves the time of a capacity as it was written when it is nearly the
// same: a status is not written for that alone.
func keepTime(c *capacity, last *schedulingv1alpha1.ClusterReplicas) *metav1.Time {
	if last != nil && last.Capacity != nil && last.CapacityTime != nil && *last.Capacity == c.replicas && c.time.Sub(last.CapacityTime.Time) < capacityHold/2 {
		return last.CapacityTime
	}
	return &metav1.Time{Time: c.time.Truncate(time.Second)}
}
