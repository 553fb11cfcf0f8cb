package scheduling

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/replicas"
)

// situation is everything that a decision is made from.
type situation struct {
	preference *schedulingv1alpha1.ReplicaSchedulingPreference
	object     *typesv1beta1.FederatedObject
	last       *planRecord
	clusters   []cluster
	namespace  namespace
	// look returns what is known of the object in a member.
	look   func(cluster string) seen
	delays delays
	now    time.Time
}

// decision is what follows from a situation.
type decision struct {
	// problem, if not nil, says why nothing is planned.
	problem *problem
	// pending says that too little is known yet to plan anything.
	pending bool
	// replicas are what is to be written, waiting clusters included.
	replicas map[string]int64
	// active are the clusters that were planned for, waiting those that were not.
	active, waiting []string
	request         replicas.Request
	result          replicas.Result
	seen            map[string]seen
	capacities      map[string]*capacity
	// recheck is when another decision may come out; zero is never.
	recheck time.Time
}

func (d *decision) sooner(t time.Time) {
	if !t.IsZero() && (d.recheck.IsZero() || t.Before(d.recheck)) {
		d.recheck = t
	}
}

// decide plans.
func decide(s *situation) *decision {
	d := &decision{seen: map[string]seen{}, capacities: map[string]*capacity{}}
	spec := &s.preference.Spec
	in, problem := allowed(spec.IntersectWithClusterSelector, stated(s.object, s.last), s.namespace, s.clusters)
	if d.problem = problem; problem != nil {
		return d
	}
	d.active, d.waiting, d.recheck = ready(s.clusters, in, s.last, s.delays, s.now)
	if len(d.active) == 0 {
		d.problem = noClusters(s, in.Len())
		return d
	}

	d.request = replicas.Request{
		Total: int64(ptr.Deref(spec.TotalReplicas, 0)), Rebalance: spec.Rebalance, Preferences: preferencesOf(spec), Clusters: d.active,
		Current: map[string]int64{}, Capacity: map[string]int64{}, Key: s.object.Namespace + "/" + s.object.Name,
	}
	for _, name := range d.active {
		look := s.look(name)
		look.lost = slices.ContainsFunc(s.clusters, func(c cluster) bool { return c.Name == name && !c.ready })
		d.seen[name] = look
		d.sooner(look.recheck)
		if s.last == nil && look.pending {
			d.pending = true
		}
		// Replicas that the members decide on say nothing about the plan.
		// Nor does a copy that the last plan has not reached yet.
		underWay := s.last.has(name) && (!look.exists || look.replicas != s.last.Replicas[name])
		switch {
		case !look.known || look.manager != "" || underWay:
			if s.last.has(name) {
				d.request.Current[name] = s.last.Replicas[name]
			}
		case look.exists:
			d.request.Current[name] = look.running
		}
		if look.unavailable {
			d.request.Capacity[name] = 0
		}
		if look.unavailable {
			continue
		}
		limit, change := capacityOf(look, statusOf(s.preference, name), s.now)
		if limit == nil || limit.replicas >= d.request.Total {
			continue
		}
		d.sooner(change)
		d.capacities[name] = limit
		d.request.Capacity[name] = limit.replicas
	}
	if d.pending {
		return d
	}
	d.result = replicas.Plan(d.request)
	d.replicas = make(map[string]int64, len(d.active)+len(d.waiting))
	for _, name := range d.active {
		d.replicas[name] = d.result.Replicas[name] + d.result.Overflow[name]
	}
	for _, name := range d.waiting {
		d.replicas[name] = s.last.Replicas[name]
	}
	return d
}

func noClusters(s *situation, allowed int) *problem {
	message := fmt.Sprintf("of %d clusters that the object may go to, none is ready", allowed)
	switch {
	case len(s.clusters) == 0:
		message = "no cluster has joined"
	case allowed == 0:
		message = "the placements of the object and of its namespace leave no cluster"
	}
	return &problem{schedulingv1alpha1.ReasonNoClusters, message}
}

// preferencesOf returns the preferences by name of the cluster, which is in lower
// case.
func preferencesOf(spec *schedulingv1alpha1.ReplicaSchedulingPreferenceSpec) map[string]replicas.Preference {
	if len(spec.Clusters) == 0 {
		return map[string]replicas.Preference{replicas.Any: {Weight: 1}}
	}
	preferences := make(map[string]replicas.Preference, len(spec.Clusters))
	for name, p := range spec.Clusters {
		preferences[strings.ToLower(name)] = replicas.Preference{Min: p.MinReplicas, Max: p.MaxReplicas, Weight: p.Weight}
	}
	return preferences
}

func statusOf(p *schedulingv1alpha1.ReplicaSchedulingPreference, cluster string) *schedulingv1alpha1.ClusterReplicas {
	i := slices.IndexFunc(p.Status.Clusters, func(c schedulingv1alpha1.ClusterReplicas) bool { return c.Name == cluster })
	if i < 0 {
		return nil
	}
	return &p.Status.Clusters[i]
}

// describe lists numbers by cluster.
func describe(numbers map[string]int64) string {
	parts := make([]string, 0, len(numbers))
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		parts = append(parts, fmt.Sprintf("%d in %s", numbers[name], name))
	}
	const most = 20
	if len(parts) > most {
		parts = append(parts[:most], fmt.Sprintf("and %d more clusters", len(parts)-most))
	}
	return strings.Join(parts, ", ")
}
