package propagation

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

// propagationSeconds is what a user waits for.
var propagationSeconds = metrics.NewHistogramVec(&metrics.HistogramOpts{
	Subsystem:      "federation_propagation",
	Name:           "duration_seconds",
	Help:           "Time from seeing a change of a federated object to having it, as asked for, in all selected clusters, by FederatedTypeConfig.",
	Buckets:        []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300},
	StabilityLevel: metrics.ALPHA,
}, []string{"type"})

// The names of KubeFed, for its dashboards and alerts.
var (
	reconcileSeconds = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name:           "reconcile_federated_resources_duration_seconds",
		Help:           "Time that one look at a federated object took, requests to members not included, by FederatedTypeConfig.",
		Buckets:        []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5},
		StabilityLevel: metrics.ALPHA,
	}, []string{"type"})
	dispatchSeconds = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name:           "dispatch_operation_duration_seconds",
		Help:           "Time that an operation on a copy in a member took, by action: create, update, delete, removemanagedlabel or get.",
		Buckets:        []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
		StabilityLevel: metrics.ALPHA,
	}, []string{"action"})
)

var registerMetrics = sync.OnceFunc(func() {
	legacyregistry.MustRegister(propagationSeconds, reconcileSeconds, dispatchSeconds)
})

// forgetMetrics drops the series of a kind that is not propagated any more.
func forgetMetrics(kind string) {
	labels := map[string]string{"type": kind}
	propagationSeconds.Delete(labels)
	reconcileSeconds.Delete(labels)
}

// actionName is the label of an operation, as in KubeFed.
func actionName(a action, exists bool) string {
	switch a {
	case actProbe:
		return "create"
	case actApply:
		if exists {
			return "update"
		}
		return "create"
	case actDelete:
		return "delete"
	case actUnmanage:
		return "removemanagedlabel"
	default:
		return "get"
	}
}
