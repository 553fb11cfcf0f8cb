package server

import (
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
	// What clients of this process do, and which replica holds the lease.
	_ "k8s.io/component-base/metrics/prometheus/clientgo/leaderelection"
	_ "k8s.io/component-base/metrics/prometheus/restclient"
)

// leading is there with one replica too, which does without an election.
var leading = metrics.NewGauge(&metrics.GaugeOpts{
	Name:           "federation_leader",
	Help:           "1 if the controllers run in this replica, 0 if they do not.",
	StabilityLevel: metrics.ALPHA,
})

func init() { legacyregistry.MustRegister(leading) }
