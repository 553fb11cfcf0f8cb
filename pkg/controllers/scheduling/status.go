package scheduling

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
)

// reasonProgressing is that of the condition Ready while replicas are being started or stopped.
const reasonProgressing = "Progressing"

// nextStatus returns the status of a preference after a decision, and whether it
// says anything else than the present one. d is nil when nothing could be decided;
// then trouble says why.
func nextStatus(p *schedulingv1alpha1.ReplicaSchedulingPreference, d *decision, trouble *problem) (*schedulingv1alpha1.ReplicaSchedulingPreferenceStatus, bool) {
	next := p.Status.DeepCopy()
	next.ObservedGeneration = p.Generation
	set := func(kind string, status metav1.ConditionStatus, reason, message string) {
		meta.SetStatusCondition(&next.Conditions, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: p.Generation})
	}
	if trouble == nil && d != nil {
		trouble = d.problem
	}
	if d == nil || d.problem != nil {
		// What was planned before is not the plan of anything now.
		next.Clusters, next.Planned, next.Current, next.Ready = nil, 0, 0, 0
		set(schedulingv1alpha1.ScheduledCondition, metav1.ConditionFalse, trouble.reason, trouble.message)
		set(schedulingv1alpha1.UnsatisfiableCondition, metav1.ConditionUnknown, trouble.reason, "nothing is planned")
		set(schedulingv1alpha1.ReadyCondition, metav1.ConditionFalse, trouble.reason, trouble.message)
		return next, !equality.Semantic.DeepEqual(&p.Status, next)
	}

	next.Clusters, next.Planned, next.Current, next.Ready = nil, 0, 0, 0
	for _, name := range append(slices.Clone(d.active), d.waiting...) {
		entry := entryOf(p, d, name)
		next.Planned += entry.Planned
		next.Current += entry.Current
		next.Ready += entry.Ready
		next.Clusters = append(next.Clusters, entry)
	}
	slices.SortFunc(next.Clusters, func(a, b schedulingv1alpha1.ClusterReplicas) int { return strings.Compare(a.Name, b.Name) })

	reason, message := unsatisfiable(d)
	switch {
	case trouble != nil:
		set(schedulingv1alpha1.ReadyCondition, metav1.ConditionFalse, trouble.reason, trouble.message)
	case reason != schedulingv1alpha1.ReasonSatisfiable:
		set(schedulingv1alpha1.ReadyCondition, metav1.ConditionFalse, reason, message)
	case next.Current != next.Planned || next.Ready != next.Planned:
		// Whoever waits for a preference waits for what it brings about.
		set(schedulingv1alpha1.ReadyCondition, metav1.ConditionFalse, reasonProgressing, fmt.Sprintf("%d replicas are ready, and %d planned", next.Ready, next.Planned))
	default:
		set(schedulingv1alpha1.ReadyCondition, metav1.ConditionTrue, schedulingv1alpha1.ReasonScheduled, describe(planned(d)))
	}
	if trouble != nil {
		set(schedulingv1alpha1.ScheduledCondition, metav1.ConditionFalse, trouble.reason, trouble.message)
	} else {
		set(schedulingv1alpha1.ScheduledCondition, metav1.ConditionTrue, schedulingv1alpha1.ReasonScheduled, describe(planned(d)))
	}
	status := metav1.ConditionTrue
	if reason == schedulingv1alpha1.ReasonSatisfiable {
		status = metav1.ConditionFalse
	}
	set(schedulingv1alpha1.UnsatisfiableCondition, status, reason, message)
	return next, !equality.Semantic.DeepEqual(&p.Status, next)
}

// planned returns what is planned for active clusters.
func planned(d *decision) map[string]int64 {
	numbers := make(map[string]int64, len(d.active))
	for _, name := range d.active {
		numbers[name] = d.replicas[name]
	}
	return numbers
}

func entryOf(p *schedulingv1alpha1.ReplicaSchedulingPreference, d *decision, name string) schedulingv1alpha1.ClusterReplicas {
	entry := schedulingv1alpha1.ClusterReplicas{Name: name}
	last := statusOf(p, name)
	look, active := d.seen[name]
	if !active {
		entry.Message = "not ready: its replicas are planned elsewhere, its copy is left as it is"
		if last != nil {
			entry.Capacity, entry.CapacityTime = last.Capacity, last.CapacityTime
		}
		return entry
	}
	entry.Planned = d.replicas[name]
	if !look.lost { // what is not seen is not claimed
		entry.Current, entry.Ready, entry.Unschedulable = look.replicas, look.ready, look.unschedulable
	}
	switch {
	case look.lost:
		entry.Message = "not ready: what it has is not known; its replicas are planned elsewhere if it stays so"
	case look.failure != nil:
		entry.Message = fmt.Sprintf("cannot be looked at: %v", look.failure)
	case look.manager != "":
		entry.Message = fmt.Sprintf("spec.replicas is set by %s too", look.manager)
	}
	if c := d.capacities[name]; c != nil {
		entry.Capacity, entry.CapacityTime = &c.replicas, keepTime(c, last)
	}
	return entry
}

// unsatisfiable says which preferences are not met, with the numbers.
func unsatisfiable(d *decision) (reason, message string) {
	total := d.request.Total
	var minima, placed, overflow int64
	var short []string
	for _, name := range d.active {
		preference, ok := d.request.Preferences[name]
		if !ok {
			preference = d.request.Preferences[schedulingv1alpha1.AllClusters]
		}
		minima += preference.Min
		placed += d.result.Replicas[name]
		overflow += d.result.Overflow[name]
		if room, limited := d.request.Capacity[name]; limited && room < preference.Min {
			short = append(short, fmt.Sprintf("%s has capacity for %d, its minimum is %d", name, room, preference.Min))
		}
	}
	switch {
	case minima > total:
		return schedulingv1alpha1.ReasonMinimumAboveTotal, fmt.Sprintf("minimum of %d replicas, total is %d", minima, total)
	case overflow > 0:
		return schedulingv1alpha1.ReasonInsufficientCapacity, fmt.Sprintf("capacity for %d of %d", placed, total)
	case d.result.Missing > 0 && len(short) == 0 && placed+overflow < total:
		return schedulingv1alpha1.ReasonLimitsBelowTotal, fmt.Sprintf("maxima and weights leave room for %d of %d", placed, total)
	case len(short) > 0:
		return schedulingv1alpha1.ReasonInsufficientCapacity, strings.Join(short, "; ")
	}
	return schedulingv1alpha1.ReasonSatisfiable, fmt.Sprintf("%d of %d are planned", placed, total)
}
