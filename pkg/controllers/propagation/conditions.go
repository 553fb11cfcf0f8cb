package propagation

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Reasons of the conditions Ready, Reconciling and Stalled. A failure has that of
// the Propagation condition.
const (
	// ReasonReady means that every selected cluster has the object as asked for, and
	// every copy is Current.
	ReasonReady = "Ready"
	// ReasonCopiesNotReady means that every selected cluster has the object as asked
	// for, but not every copy is Current.
	ReasonCopiesNotReady = "CopiesNotReady"
	// ReasonCopiesFailed is ReasonCopiesNotReady where a member has given up.
	ReasonCopiesFailed = "CopiesFailed"
	// ReasonStatusNotReported means that a copy is as asked for, and its status, which
	// is collected, is not there yet.
	ReasonStatusNotReported = "StatusNotReported"
	// ReasonProgressing means that copies are being written or removed.
	ReasonProgressing = "Progressing"
	// ReasonRetrying means that copies could not be written or removed so far.
	ReasonRetrying = "Retrying"
	// ReasonRecoveryPending means that copies need a write, and wait until an operator
	// has confirmed that the store is the right one. It is one of Propagation too.
	ReasonRecoveryPending = "RecoveryPending"
)

// namedClusters is how many clusters a message names.
const namedClusters = 3

// nextConditions returns the conditions that go with the entries of
// status.clusters: Propagation and Ready always, and one of Reconciling and
// Stalled, which are absent when they are not True, unless the object is
// propagated.
func nextConditions(obj *typesv1beta1.FederatedObject, r *report, clusters []typesv1beta1.ClusterStatus) []typesv1beta1.Condition {
	undone, unreported, stalled, underWay := 0, 0, r.impediment != nil && r.impediment.stalled, false
	recovering := false
	for i := range clusters {
		if clusters[i].Status != typesv1beta1.ClusterPropagationOK {
			undone++
		} else if r.awaitsStatus && clusters[i].RemoteStatus == nil {
			unreported++
		}
		stalled = stalled || isStalled(&clusters[i])
		underWay = underWay || isUnderWay(&clusters[i])
		recovering = recovering || clusters[i].Status == typesv1beta1.RecoveryPending
	}

	if r.impediment == nil && undone == 0 {
		return finish(obj, r, propagatedConditions(clusters, unreported)...)
	}

	reason, message := typesv1beta1.ReasonCheckClusters, undoneMessage(clusters, undone)
	if recovering {
		reason = ReasonRecoveryPending
	}
	if r.impediment != nil {
		reason, message = r.impediment.reason, r.impediment.message
	}
	ready := typesv1beta1.Condition{Type: typesv1beta1.ReadyCondition, Status: corev1.ConditionFalse, Reason: reason, Message: message}
	last := typesv1beta1.Condition{Type: typesv1beta1.ReconcilingCondition, Status: corev1.ConditionTrue, Reason: ReasonRetrying, Message: message}
	switch {
	case underWay:
		last.Reason = ReasonProgressing
		if before := condition(obj, typesv1beta1.ReadyCondition); r.impediment == nil && (before == nil || before.Status == corev1.ConditionUnknown) {
			ready.Status, ready.Reason = corev1.ConditionUnknown, ReasonProgressing
		}
	case stalled:
		last.Type, last.Reason = typesv1beta1.StalledCondition, reason
		if r.impediment == nil && r.removal != nil && r.removal.Paused != nil {
			last.Reason, last.Message = r.removal.Paused.Reason, r.removal.message
		}
	}
	return finish(obj, r,
		typesv1beta1.Condition{Type: typesv1beta1.PropagationCondition, Status: corev1.ConditionFalse, Reason: reason, Message: message},
		ready, last)
}

// pausedConditions says that removals are paused, while they are.
func pausedConditions(obj *typesv1beta1.FederatedObject, r *report, paused *typesv1beta1.PausedRemoval) []typesv1beta1.Condition {
	if paused == nil {
		return nil
	}
	next := typesv1beta1.Condition{Type: typesv1beta1.RemovalPausedCondition, Status: corev1.ConditionTrue, Reason: paused.Reason}
	if r.removal != nil && r.removal.message != "" {
		next.Message = r.removal.message
	} else if previous := condition(obj, next.Type); previous != nil {
		next.Message = previous.Message
	}
	return finish(obj, r, next)
}

// propagatedConditions are those of an object that every cluster has as asked for.
// How the copies fare is then what it waits for.
func propagatedConditions(clusters []typesv1beta1.ClusterStatus, unreported int) []typesv1beta1.Condition {
	message := propagatedMessage(len(clusters))
	propagation := typesv1beta1.Condition{Type: typesv1beta1.PropagationCondition, Status: corev1.ConditionTrue, Message: message}
	if unreported > 0 {
		propagation.Status, propagation.Reason = corev1.ConditionFalse, typesv1beta1.ReasonCheckClusters
		propagation.Message = fmt.Sprintf("%s; %d have not reported a status", message, unreported)
	}
	waiting, failed, named := 0, false, []string(nil)
	for i := range clusters {
		entry := &clusters[i]
		if entry.Health == typesv1beta1.CopyCurrent || entry.Health == "" {
			continue
		}
		waiting++
		failed = failed || entry.Health == typesv1beta1.CopyFailed
		if len(named) < namedClusters {
			named = append(named, healthMessage(entry))
		}
	}
	ready := typesv1beta1.Condition{Type: typesv1beta1.ReadyCondition, Status: corev1.ConditionFalse}
	last := typesv1beta1.Condition{Type: typesv1beta1.ReconcilingCondition, Status: corev1.ConditionTrue}
	switch {
	case waiting > 0:
		more := ""
		if waiting > len(named) {
			more = fmt.Sprintf(" and %d more", waiting-len(named))
		}
		ready.Reason = ReasonCopiesNotReady
		ready.Message = fmt.Sprintf("%d of %d copies are ready; %s%s", len(clusters)-waiting, len(clusters), strings.Join(named, ", "), more)
		if failed {
			ready.Reason, last.Type = ReasonCopiesFailed, typesv1beta1.StalledCondition
		}
	case unreported > 0:
		ready.Reason, ready.Message = ReasonStatusNotReported, propagation.Message
	default:
		ready.Status, ready.Reason, ready.Message = corev1.ConditionTrue, ReasonReady, message
		return []typesv1beta1.Condition{propagation, ready}
	}
	last.Reason, last.Message = ready.Reason, ready.Message
	return []typesv1beta1.Condition{propagation, ready, last}
}

func healthMessage(entry *typesv1beta1.ClusterStatus) string {
	if entry.Message == "" {
		return fmt.Sprintf("%s: %s", entry.Name, entry.Health)
	}
	return fmt.Sprintf("%s: %s (%s)", entry.Name, entry.Health, entry.Message)
}

// finish adds the generation and the times. lastTransitionTime moves when status
// or reason do.
func finish(obj *typesv1beta1.FederatedObject, r *report, conditions ...typesv1beta1.Condition) []typesv1beta1.Condition {
	for i := range conditions {
		next := &conditions[i]
		next.ObservedGeneration = obj.Generation
		next.LastTransitionTime = metav1.NewTime(r.now).Rfc3339Copy()
		previous := condition(obj, next.Type)
		if previous == nil {
			continue
		}
		next.LastUpdateTime = previous.LastUpdateTime
		if previous.Status == next.Status && previous.Reason == next.Reason && !previous.LastTransitionTime.IsZero() {
			next.LastTransitionTime = previous.LastTransitionTime
		}
	}
	return conditions
}

// condition returns the condition of a type, nil if there is none.
func condition(obj *typesv1beta1.FederatedObject, conditionType string) *typesv1beta1.Condition {
	return findCondition(obj.Status.Conditions, conditionType)
}

func findCondition(conditions []typesv1beta1.Condition, conditionType string) *typesv1beta1.Condition {
	i := slices.IndexFunc(conditions, func(c typesv1beta1.Condition) bool { return c.Type == conditionType })
	if i < 0 {
		return nil
	}
	return &conditions[i]
}

func propagatedMessage(clusters int) string {
	switch clusters {
	case 0:
		return "no cluster is selected"
	case 1:
		return "1 of 1 cluster is as asked for"
	default:
		return fmt.Sprintf("%d of %d clusters are as asked for", clusters, clusters)
	}
}

// undoneMessage counts the clusters that are done and names the first that are not.
func undoneMessage(clusters []typesv1beta1.ClusterStatus, undone int) string {
	var named []string
	for i := range clusters {
		if clusters[i].Status != typesv1beta1.ClusterPropagationOK && len(named) < namedClusters {
			named = append(named, fmt.Sprintf("%s: %s", clusters[i].Name, clusters[i].Status))
		}
	}
	more := ""
	if undone > len(named) {
		more = fmt.Sprintf(" and %d more", undone-len(named))
	}
	return fmt.Sprintf("%d of %d clusters are as asked for; %s%s", len(clusters)-undone, len(clusters), strings.Join(named, ", "), more)
}
