package typeconfig

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

var (
	served = metrics.NewGaugeVec(&metrics.GaugeOpts{
		Subsystem:      "federation_type",
		Name:           "served",
		Help:           "1 for a FederatedTypeConfig whose federated type is served by this replica, 0 for one whose is not.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"type"})
	propagating = metrics.NewGaugeVec(&metrics.GaugeOpts{
		Subsystem:      "federation_type",
		Name:           "propagating",
		Help:           "1 for a FederatedTypeConfig whose objects this replica propagates, 0 for one whose it does not.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"type"})
)

var registerMetrics = sync.OnceFunc(func() { legacyregistry.MustRegister(served, propagating) })

func recordType(name string, isServed, isPropagating bool) {
	served.WithLabelValues(name).Set(number(isServed))
	propagating.WithLabelValues(name).Set(number(isPropagating))
}

func number(of bool) float64 {
	if of {
		return 1
	}
	return 0
}

func forgetType(name string) {
	served.DeleteLabelValues(name)
	propagating.DeleteLabelValues(name)
}
