package cluster

import (
	"slices"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/health"
)

// probeTimeResolution is how far lastProbeTime may lag behind the last probe: it
// is written with every change of the status, and without one no more often than
// this.
const probeTimeResolution = time.Minute

// worthWriting says whether next must be written over stored.
func worthWriting(stored, next *corev1beta1.KubeFedClusterStatus) bool {
	return isNews(stored, next) || lastProbe(next).Sub(lastProbe(stored).Time) >= probeTimeResolution
}

// isNews says whether next says anything else than stored but that there was a probe.
func isNews(stored, next *corev1beta1.KubeFedClusterStatus) bool {
	return !apiequality.Semantic.DeepEqual(withoutProbeTimes(stored), withoutProbeTimes(next))
}

func withoutProbeTimes(status *corev1beta1.KubeFedClusterStatus) *corev1beta1.KubeFedClusterStatus {
	s := *status
	s.Conditions = slices.Clone(s.Conditions)
	for i := range s.Conditions {
		s.Conditions[i].LastProbeTime = metav1.Time{}
		if t := s.Conditions[i].LastTransitionTime; t != nil {
			// Stored times have seconds only.
			s.Conditions[i].LastTransitionTime = &metav1.Time{Time: t.Truncate(time.Second)}
		}
	}
	return &s
}

// lastProbe returns the latest time of a probe in the status.
func lastProbe(status *corev1beta1.KubeFedClusterStatus) metav1.Time {
	var last metav1.Time
	for _, c := range status.Conditions {
		if last.Before(&c.LastProbeTime) {
			last = c.LastProbeTime
		}
	}
	return last
}

// lastSeen is when a member that is not ready was last found so, in the resolution
// of stored times; nil while it is ready, and if it never was.
func lastSeen(state health.State) *metav1.Time {
	if state.Ready() || state.Seen.IsZero() {
		return nil
	}
	seen := state.Seen.Rfc3339Copy()
	return &seen
}

// readyReason returns the reason of the condition Ready.
func readyReason(conditions []corev1beta1.ClusterCondition) (reason, message string) {
	for _, c := range conditions {
		if c.Type != corev1beta1.ClusterReady {
			continue
		}
		if c.Reason != nil {
			reason = *c.Reason
		}
		if c.Message != nil {
			message = *c.Message
		}
	}
	return reason, message
}
