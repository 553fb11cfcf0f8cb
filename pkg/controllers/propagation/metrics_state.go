package propagation

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-base/metrics"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// States of federated objects, as their conditions have them.
const (
	objectReady       = "ready"
	objectProgressing = "progressing"
	objectStalled     = "stalled"
	objectDeleting    = "deleting"
)

var objectStates = []string{objectReady, objectProgressing, objectStalled, objectDeleting}

// copyOK stands for the empty status of a copy that is as asked for.
const copyOK = "OK"

var typeStates = map[CopiesState]string{
	CopiesSyncing: "listing", CopiesSynced: "watched", CopiesNotAvailable: "notavailable", CopiesFailed: "failed",
}

// stateCollector counts what there is when somebody asks: so nothing has to be kept in step with the objects.
type stateCollector struct {
	metrics.BaseStableCollector

	mu          sync.Mutex
	controllers map[*Controller]struct{}
}

// state is of the controllers that run in this process.
var state stateCollector

var (
	objectsDesc = metrics.NewDesc("federation_objects",
		"Federated objects that are propagated, by FederatedTypeConfig and state: ready, progressing, stalled or deleting.",
		[]string{"type", "state"}, nil, metrics.ALPHA, "")
	longestDesc = metrics.NewDesc("federation_objects_longest_seconds",
		"For how long the federated object that is longest in a state has been in it, by FederatedTypeConfig and state; 0 without one.",
		[]string{"type", "state"}, nil, metrics.ALPHA, "")
	copiesDesc = metrics.NewDesc("federation_copies",
		"Copies that federated objects have in a cluster, by the status in status.clusters, which is OK if it is empty.",
		[]string{"cluster", "status"}, nil, metrics.ALPHA, "")
	removalsDesc = metrics.NewDesc("federation_pending_removals",
		"Copies that are still to be removed from a cluster, of federated objects that were deleted while it could not be reached.",
		[]string{"cluster"}, nil, metrics.ALPHA, "")
	memberTypesDesc = metrics.NewDesc("federation_member_types",
		"Types that are propagated to a cluster, by what is known of its copies: listing, watched, notavailable or failed.",
		[]string{"cluster", "state"}, nil, metrics.ALPHA, "")
	limitDesc = metrics.NewDesc("federation_member_requests_limit",
		"How many requests for copies a cluster gets at a time at most, by what it bears.",
		[]string{"cluster"}, nil, metrics.ALPHA, "")
	inFlightDesc = metrics.NewDesc("federation_member_requests_in_flight",
		"Requests for copies that are in flight to a cluster.",
		[]string{"cluster"}, nil, metrics.ALPHA, "")
)

func (s *stateCollector) add(c *Controller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.controllers == nil {
		s.controllers = map[*Controller]struct{}{}
	}
	s.controllers[c] = struct{}{}
}

func (s *stateCollector) remove(c *Controller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.controllers, c)
}

// DescribeWithStability implements metrics.StableCollector.
func (s *stateCollector) DescribeWithStability(descriptions chan<- *metrics.Desc) {
	for _, d := range []*metrics.Desc{objectsDesc, longestDesc, copiesDesc, removalsDesc, memberTypesDesc, limitDesc, inFlightDesc, pausedDesc, budgetDesc} {
		descriptions <- d
	}
}

// CollectWithStability implements metrics.StableCollector.
func (s *stateCollector) CollectWithStability(collected chan<- metrics.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gauge := func(d *metrics.Desc, value float64, labels ...string) {
		collected <- metrics.NewLazyConstMetric(d, metrics.GaugeValue, value, labels...)
	}
	for c := range s.controllers {
		gauge(budgetDesc, float64(c.budgetLeft()))
		copies := map[string]map[string]int{}
		for _, w := range c.allWorkers() {
			copies[w.name] = map[string]int{copyOK: 0}
			gauge(removalsDesc, float64(len(c.removals.in(w.name))), w.name)
			limit, inFlight := w.flow.Limit()
			gauge(limitDesc, float64(limit), w.name)
			gauge(inFlightDesc, float64(inFlight), w.name)
			for state, types := range c.typesIn(w) {
				gauge(memberTypesDesc, float64(types), w.name, typeStates[state])
			}
		}
		for _, k := range c.allKinds() {
			now, counts, longest := c.now(), map[string]int{}, map[string]time.Duration{}
			paused := map[string]int{}
			k.each("", func(obj *typesv1beta1.FederatedObject) {
				state, since := stateOf(obj, now)
				counts[state]++
				if p := obj.Status.PausedRemoval; p != nil {
					paused[p.Reason]++
				}
				longest[state] = max(longest[state], now.Sub(since))
				for i := range obj.Status.Clusters {
					entry := &obj.Status.Clusters[i]
					if in := copies[entry.Name]; in != nil {
						status := string(entry.Status)
						if entry.Status == typesv1beta1.ClusterPropagationOK {
							status = copyOK
						}
						in[status]++
					}
				}
			})
			for _, reason := range pauseReasons {
				gauge(pausedDesc, float64(paused[reason]), k.name, reason)
			}
			for _, state := range objectStates {
				gauge(objectsDesc, float64(counts[state]), k.name, state)
				gauge(longestDesc, longest[state].Seconds(), k.name, state)
			}
		}
		for cluster, statuses := range copies {
			for status, count := range statuses {
				gauge(copiesDesc, float64(count), cluster, status)
			}
		}
	}
}

// stateOf returns the state of an object, and since when it is in it.
func stateOf(obj *typesv1beta1.FederatedObject, now time.Time) (state string, since time.Time) {
	if obj.DeletionTimestamp != nil {
		return objectDeleting, obj.DeletionTimestamp.Time
	}
	state, since = objectProgressing, obj.CreationTimestamp.Time
	ready, stalled := condition(obj, typesv1beta1.ReadyCondition), condition(obj, typesv1beta1.StalledCondition)
	if ready != nil && !ready.LastTransitionTime.IsZero() {
		since = ready.LastTransitionTime.Time
	}
	switch {
	case obj.Status.ObservedGeneration != obj.Generation && obj.Status.ObservedGeneration != 0:
		// What the conditions say is of before the change, whose time is not known.
		since = now
	case ready != nil && ready.Status == corev1.ConditionTrue:
		state = objectReady
	case stalled != nil && stalled.Status == corev1.ConditionTrue:
		state = objectStalled
	}
	return state, since
}

// typesIn counts the types that are observed in a member by the state of that.
func (c *Controller) typesIn(w *memberWorker) map[CopiesState]int {
	types := map[CopiesState]int{}
	for state := range typeStates {
		types[state] = 0
	}
	member := c.config.Members.Get(w.name)
	if member == nil {
		return types
	}
	for _, k := range c.allKinds() {
		if c.isOutOfScope(k) {
			continue
		}
		// A kind that is being stopped must not be observed anew.
		if leave, ok := k.enter(); ok {
			state, _ := member.Copies(k.resource, k.namespaced).State()
			types[state]++
			leave()
		}
	}
	return types
}
