// Package health decides from the probes of a member cluster whether it is ready.
//
// A ready member becomes unready after so many failed probes in a row as the
// failure threshold says, and an unready one ready after so many good ones in a
// row as the success threshold says; one probe to the contrary starts the count
// again. What is wrong with an unready member is told as the last probe saw it.
package health

import (
	"fmt"
	"math"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Result is what a probe found.
type Result int

const (
	// Healthy: /healthz was answered with ok.
	Healthy Result = iota
	// Unhealthy: /healthz was answered with something else.
	Unhealthy
	// Unreachable: there was no answer.
	Unreachable
	// Malformed: there is no client to probe with.
	Malformed
)

// Probe is one look at a member.
type Probe struct {
	Result Result
	// Detail says more about a result that is not Healthy. It should be the same
	// when the same happens again: it stands in the conditions.
	Detail string
}

// Thresholds are numbers of consecutive probes; less than 1 counts as 1.
type Thresholds struct {
	// Failure is how many failed probes make a ready member unready.
	Failure int64
	// Success is how many good probes make an unready member ready.
	Success int64
}

// State is what has been made of the probes so far. The zero value is a member
// that was never probed: the first probe decides.
type State struct {
	// Conditions to publish, in the order Ready, Offline, ConfigMalformed.
	Conditions []corev1beta1.ClusterCondition
	// Contrary counts the probes in a row that speak against Conditions.
	Contrary int64
	// Seen is when a probe last found the member ready; zero if none did.
	Seen metav1.Time
}

// Ready says whether the conditions say that the member is ready.
func (s State) Ready() bool {
	for _, c := range s.Conditions {
		if c.Type == corev1beta1.ClusterReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Restart returns the state with which the next probe decides alone, because what
// was seen before was seen with another configuration.
func (s State) Restart() State {
	return State{Conditions: s.Conditions, Contrary: math.MaxInt64 - 1, Seen: s.Seen}
}

// Next returns the state after a probe at the time now. Nothing of s is changed.
//
// A malformed configuration is no flaw of a network: it takes effect at once.
func Next(s State, probe Probe, thresholds Thresholds, now metav1.Time) State {
	good := probe.Result == Healthy
	if len(s.Conditions) > 0 && probe.Result != Malformed && good != s.Ready() {
		threshold := thresholds.Failure
		if good {
			threshold = thresholds.Success
		}
		if s.Contrary+1 < threshold {
			return State{Conditions: probedAt(s.Conditions, now), Contrary: s.Contrary + 1, Seen: s.Seen}
		}
	}
	next := State{Conditions: since(s.Conditions, conditionsOf(probe), now), Seen: s.Seen}
	if good {
		next.Seen = now
	}
	return next
}

// conditionsOf returns what a probe says, without times.
func conditionsOf(probe Probe) []corev1beta1.ClusterCondition {
	switch probe.Result {
	case Healthy:
		return []corev1beta1.ClusterCondition{
			condition(corev1beta1.ClusterReady, corev1.ConditionTrue, corev1beta1.ReasonClusterReady, "/healthz responded with ok", ""),
		}
	case Unhealthy:
		return []corev1beta1.ClusterCondition{
			condition(corev1beta1.ClusterReady, corev1.ConditionFalse, corev1beta1.ReasonClusterNotReady, "/healthz responded without ok", probe.Detail),
			condition(corev1beta1.ClusterOffline, corev1.ConditionFalse, corev1beta1.ReasonClusterReachable, "cluster is reachable", ""),
		}
	case Unreachable:
		return []corev1beta1.ClusterCondition{
			condition(corev1beta1.ClusterReady, corev1.ConditionUnknown, corev1beta1.ReasonClusterNotReachable, "cluster is not reachable", probe.Detail),
			condition(corev1beta1.ClusterOffline, corev1.ConditionTrue, corev1beta1.ReasonClusterNotReachable, "cluster is not reachable", probe.Detail),
		}
	}
	return []corev1beta1.ClusterCondition{
		condition(corev1beta1.ClusterReady, corev1.ConditionFalse, corev1beta1.ReasonClusterConfigMalformed, "cluster's configuration may be malformed", probe.Detail),
		condition(corev1beta1.ClusterConfigMalformed, corev1.ConditionTrue, corev1beta1.ReasonClusterConfigMalformed, "cluster's configuration may be malformed", probe.Detail),
	}
}

func condition(kind corev1beta1.ClusterConditionType, status corev1.ConditionStatus, reason, message, detail string) corev1beta1.ClusterCondition {
	if detail != "" {
		message = fmt.Sprintf("%s: %s", message, detail)
	}
	return corev1beta1.ClusterCondition{Type: kind, Status: status, Reason: &reason, Message: &message}
}

// probedAt returns conditions with the time of the last probe.
func probedAt(conditions []corev1beta1.ClusterCondition, now metav1.Time) []corev1beta1.ClusterCondition {
	next := make([]corev1beta1.ClusterCondition, len(conditions))
	for i, c := range conditions {
		c.LastProbeTime = now
		next[i] = c
	}
	return next
}

// since gives next the times: a condition that had its status before keeps the
// time from which on it has it.
func since(before, next []corev1beta1.ClusterCondition, now metav1.Time) []corev1beta1.ClusterCondition {
	for i := range next {
		c := &next[i]
		c.LastProbeTime, c.LastTransitionTime = now, &now
		for _, old := range before {
			if old.Type == c.Type && old.Status == c.Status && old.LastTransitionTime != nil {
				c.LastTransitionTime = old.LastTransitionTime.DeepCopy()
			}
		}
	}
	return next
}
