package propagation

import (
	"slices"

	"k8s.io/component-base/metrics"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// What let a copy go that nobody deleted.
const (
	byBudget   = "budget"
	byApproval = "approval"
)

var removalsTotal = metrics.NewCounterVec(&metrics.CounterOpts{
	Subsystem:      "federation",
	Name:           "removals_total",
	Help:           "Copies that were removed as no placement selected their cluster any more, by FederatedTypeConfig and what let them go: budget or approval.",
	StabilityLevel: metrics.ALPHA,
}, []string{"type", "by"})

var (
	pausedDesc = metrics.NewDesc("federation_removals_paused",
		"Federated objects with removals that wait for an approval, by FederatedTypeConfig and reason.",
		[]string{"type", "reason"}, nil, metrics.ALPHA, "")
	budgetDesc = metrics.NewDesc("federation_removals_budget_left",
		"How many more federated objects may lose copies now without an approval.",
		nil, nil, metrics.ALPHA, "")
)

// pauseReasons are those of the condition RemovalPaused.
var pauseReasons = []string{
	typesv1beta1.ReasonBlastRadiusExceeded, typesv1beta1.ReasonEmptyPlacement,
	typesv1beta1.ReasonGlobalBudgetExceeded, typesv1beta1.ReasonConfirmationRequired,
}

// budgetLeft returns how many more objects may lose copies now.
func (c *Controller) budgetLeft() int {
	limits := c.config.Settings().Removals
	return max(0, limits.Total(c.countObjects())-c.window.Count(c.now(), limits.Interval))
}

// countRemovals counts the copies that a status that was written has as gone, and
// has what depends on a namespace looked at when it has gone from a cluster.
func (p *pass) countRemovals(status *typesv1beta1.FederatedObjectStatus) {
	gone := false
	for i := range p.obj.Status.Clusters {
		cluster := p.obj.Status.Clusters[i].Name
		if slices.ContainsFunc(status.Clusters, func(c typesv1beta1.ClusterStatus) bool { return c.Name == cluster }) {
			continue
		}
		gone = true
		switch {
		case p.weighed == nil:
		case p.weighed.spent.Has(cluster):
			removalsTotal.WithLabelValues(p.k.name, byBudget).Inc()
		case p.weighed.isApproved(cluster):
			removalsTotal.WithLabelValues(p.k.name, byApproval).Inc()
		}
	}
	if gone && p.k.namespaces {
		p.c.resyncNamespaced(p.obj.Namespace)
	}
}
