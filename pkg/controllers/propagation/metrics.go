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

var registerMetrics = sync.OnceFunc(func() {
	legacyregistry.MustRegister(propagationSeconds)
})
