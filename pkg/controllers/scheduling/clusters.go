package scheduling

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"

	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// cluster is a registered cluster.
type cluster struct {
	placement.Cluster
	// ready is what its KubeFedCluster says, since what it says since when.
	ready bool
	since time.Time
}

// delays are those of the KubeFedConfig.
type delays struct {
	// available is how long a cluster must be ready before replicas come back.
	available time.Duration
	// unavailable is how long a cluster may be unready before its replicas are
	// planned elsewhere.
	unavailable time.Duration
}

// namespace is what is known of the FederatedNamespace of an object.
type namespace struct {
	exists    bool
	placement typesv1beta1.Placement
	// confined says that the control plane has one namespace only, in which objects
	// need no FederatedNamespace.
	confined bool
}

// problem keeps a preference from being carried out. Nothing is written then.
type problem struct {
	reason, message string
}

// allowed returns the names of the clusters, ready or not, that the object may go
// to.
//
// As in KubeFed, the preference itself chooses clusters, from all or, with
// intersectWithClusterSelector, from those that the object's clusterSelector
// selects. Beyond KubeFed, what the user says in spec.placement bounds it: a list
// of clusters that is not empty and that no plan has written, or else a selector.
// So does the FederatedNamespace: in other clusters there is no namespace for
// replicas.
func allowed(intersect bool, user typesv1beta1.Placement, ns namespace, clusters []cluster) (sets.Set[string], *problem) {
	registered := make([]placement.Cluster, 0, len(clusters))
	names := sets.New[string]()
	for _, c := range clusters {
		registered = append(registered, c.Cluster)
		names.Insert(c.Name)
	}
	switch {
	case intersect:
		user.Clusters = nil
	case len(user.Clusters) > 0:
	case user.ClusterSelector != nil:
		user.Clusters = nil
	default:
		user.Clusters = references(sets.List(names))
	}
	selected, err := placement.Select(user, registered)
	if err != nil {
		return nil, &problem{schedulingv1alpha1.ReasonInvalidPlacement, fmt.Sprintf("the object's placement: %v", err)}
	}
	switch {
	case ns.exists:
		inNamespace, err := placement.Select(ns.placement, registered)
		if err != nil {
			return nil, &problem{schedulingv1alpha1.ReasonInvalidPlacement, fmt.Sprintf("the placement of the FederatedNamespace: %v", err)}
		}
		selected = selected.Intersection(inNamespace)
	case intersect && !ns.confined:
		return nil, &problem{schedulingv1alpha1.ReasonNamespaceNotFederated, "the namespace has no FederatedNamespace"}
	}
	return selected, nil
}

// ready divides the allowed clusters. active are planned for: those that are ready,
// and those of the last plan that have become unready too recently. A cluster that
// comes back, or is new, is active only after a while, except for a first plan.
// waiting had replicas in the last plan and are not active: they keep their copies.
// recheck is when this changes by itself; zero is never.
func ready(clusters []cluster, in sets.Set[string], last *planRecord, d delays, now time.Time) (active, waiting []string, recheck time.Time) {
	sooner := func(t time.Time) {
		if recheck.IsZero() || t.Before(recheck) {
			recheck = t
		}
	}
	for _, c := range clusters {
		if !in.Has(c.Name) {
			continue
		}
		planned := last.has(c.Name) && !last.isWaiting(c.Name)
		change := c.since.Add(d.unavailable)
		if c.ready {
			change = c.since.Add(d.available)
		}
		recently := now.Before(change)
		switch {
		case c.ready && (planned || last == nil || !recently):
			active = append(active, c.Name)
			continue
		case !c.ready && planned && recently:
			active = append(active, c.Name)
		case last.has(c.Name):
			waiting = append(waiting, c.Name)
		}
		if recently && (c.ready || planned) {
			sooner(change)
		}
	}
	slices.Sort(active)
	slices.Sort(waiting)
	return active, waiting, recheck
}
