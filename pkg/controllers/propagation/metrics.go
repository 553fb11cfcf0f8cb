package propagation

import (
	"context"
	"errors"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// propagationSeconds is what a user waits for.
var propagationSeconds = metrics.NewHistogramVec(&metrics.HistogramOpts{
	Subsystem:      "federation_propagation",
	Name:           "duration_seconds",
	Help:           "Time from seeing a change of a federated object to having it, as asked for, in all selected clusters, by FederatedTypeConfig.",
	Buckets:        []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300},
	StabilityLevel: metrics.ALPHA,
}, []string{"type"})

// What is done to members, by cluster: an average over all would hide a sick one.
var (
	copySeconds = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Subsystem:      "federation_copy",
		Name:           "duration_seconds",
		Help:           "Time from finding that a copy has to be written or removed to having that done in the cluster, waiting and failed tries included.",
		Buckets:        []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300},
		StabilityLevel: metrics.ALPHA,
	}, []string{"cluster"})
	memberRequests = metrics.NewCounterVec(&metrics.CounterOpts{
		Subsystem:      "federation_member",
		Name:           "requests_total",
		Help:           "Operations on copies, by cluster, action (create, update, delete, removemanagedlabel or get) and result: ok, or why it failed.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"cluster", "action", "result"})
	statusWrites = metrics.NewCounterVec(&metrics.CounterOpts{
		Subsystem:      "federation_status",
		Name:           "writes_total",
		Help:           "Writes of the status of federated objects, by FederatedTypeConfig and result: ok, conflict or error.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"type", "result"})
)

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
	legacyregistry.MustRegister(propagationSeconds, copySeconds, memberRequests, statusWrites, reconcileSeconds, dispatchSeconds, removalsTotal)
	legacyregistry.CustomMustRegister(&state)
})

// announceMetrics has series that count faults begin at 0: a rate does not see the first of a series that was not there.
func announceMetrics(kind string) {
	for _, result := range writeResults {
		statusWrites.WithLabelValues(kind, result)
	}
	for _, by := range []string{byBudget, byApproval} {
		removalsTotal.WithLabelValues(kind, by)
	}
}

// forgetMetrics drops the series of a kind that is not propagated any more.
func forgetMetrics(kind string) {
	labels := map[string]string{"type": kind}
	propagationSeconds.Delete(labels)
	reconcileSeconds.Delete(labels)
	for _, result := range writeResults {
		statusWrites.DeleteLabelValues(kind, result)
	}
	for _, by := range []string{byBudget, byApproval} {
		removalsTotal.DeleteLabelValues(kind, by)
	}
}

// forgetMemberMetrics drops the series of a member that has left.
func forgetMemberMetrics(cluster string) {
	copySeconds.DeleteLabelValues(cluster)
	for _, action := range actionNames {
		for _, result := range requestResults {
			memberRequests.DeleteLabelValues(cluster, action, result)
		}
	}
}

// Results of status writes.
const (
	writeOK       = "ok"
	writeConflict = "conflict"
	writeError    = "error"
)

var writeResults = []string{writeOK, writeConflict, writeError}

func recordStatusWrite(kind string, err error) {
	result := writeOK
	switch {
	case apierrors.IsConflict(err):
		result = writeConflict
	case err != nil && !apierrors.IsNotFound(err):
		result = writeError
	}
	statusWrites.WithLabelValues(kind, result).Inc()
}

// Results of requests to members.
const (
	requestOK           = "ok"
	requestNotReady     = "not_ready"
	requestTimeout      = "timeout"
	requestNotAvailable = "not_available"
	requestForbidden    = "forbidden"
	requestRefused      = "refused"
	requestConflict     = "conflict"
	requestBusy         = "busy"
	requestError        = "error"
)

var requestResults = []string{requestOK, requestNotReady, requestTimeout, requestNotAvailable, requestForbidden, requestRefused, requestConflict, requestBusy, requestError}

// requestResult says in one word how a request to a member ended.
func requestResult(err error) string {
	var (
		notReady     *members.NotReadyError
		notAvailable *members.NotAvailableError
		timeout      *members.TimeoutError
	)
	switch {
	case err == nil:
		return requestOK
	case errors.As(err, &notReady):
		return requestNotReady
	case errors.As(err, &notAvailable):
		return requestNotAvailable
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return requestTimeout
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return requestForbidden
	case isBusy(err):
		return requestBusy
	case isRefusal(err):
		return requestRefused
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return requestConflict
	default:
		return requestError
	}
}

var actionNames = []string{"create", "update", "delete", "removemanagedlabel", "get"}

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
