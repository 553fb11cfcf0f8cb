package identity

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

var recoveryGauge = metrics.NewGauge(&metrics.GaugeOpts{
	Name:           "federation_recovery",
	Help:           "1 if this replica leads and writes nothing to members until an operator confirms that its store is the right one, else 0.",
	StabilityLevel: metrics.ALPHA,
})

var registerMetrics = sync.OnceFunc(func() { legacyregistry.MustRegister(recoveryGauge) })
