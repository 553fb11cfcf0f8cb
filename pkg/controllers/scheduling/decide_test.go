package scheduling

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

var kubefedDelays = delays{available: 20 * time.Second, unavailable: time.Minute}

func at(name string, ready bool, since time.Duration) cluster {
	return cluster{Cluster: placement.Cluster{Name: name, Labels: map[string]string{"name": name}}, ready: ready, since: now.Add(-since)}
}

// plan decides over an object, with everything in members as look says.
func plan(t *testing.T, spec schedulingv1alpha1.ReplicaSchedulingPreferenceSpec, object string, change func(*situation)) *decision {
	t.Helper()
	s := &situation{
		preference: &schedulingv1alpha1.ReplicaSchedulingPreference{Spec: spec}, object: federated(t, object), now: now, delays: kubefedDelays,
		clusters: []cluster{at("a", true, time.Hour), at("b", true, time.Hour)}, look: func(string) seen { return seen{known: true} },
	}
	if change != nil {
		change(s)
	}
	return decide(s)
}

func TestWhereReplicasMayGo(t *testing.T) {
	list, all, onlyA := `{"placement": {"clusters": [{"name": "b"}]}}`, `{"placement": {"clusters": []}}`, `{"placement": {"clusterSelector": {"matchLabels": {"name": "a"}}}}`
	both := `{"placement": {"clusters": [{"name": "b"}], "clusterSelector": {"matchLabels": {"name": "a"}}}}`
	federatedIn := func(spec string) namespace {
		return namespace{exists: true, placement: federated(t, spec).Spec.Placement}
	}
	everywhere := federatedIn(`{"placement": {"clusterSelector": {}}}`)
	for name, row := range map[string]struct {
		object    string
		intersect bool
		namespace namespace
		want      []string
		problem   string
	}{
		"no placement":                                {object: `{}`, want: []string{"a", "b"}},
		"an empty list":                               {object: all, want: []string{"a", "b"}},
		"the user's list":                             {object: list, want: []string{"b"}},
		"the user's selector":                         {object: onlyA, want: []string{"a"}},
		"a list wins over a selector":                 {object: both, want: []string{"b"}},
		"the namespace is elsewhere":                  {object: `{}`, namespace: federatedIn(list), want: []string{"b"}},
		"the namespace is nowhere near":               {object: onlyA, namespace: federatedIn(list), problem: schedulingv1alpha1.ReasonNoClusters},
		"intersect: selectors":                        {object: onlyA, intersect: true, namespace: everywhere, want: []string{"a"}},
		"intersect: the list is not looked at":        {object: both, intersect: true, namespace: everywhere, want: []string{"a"}},
		"intersect: no selector":                      {object: all, intersect: true, namespace: everywhere, problem: schedulingv1alpha1.ReasonNoClusters},
		"intersect: no FederatedNamespace":            {object: onlyA, intersect: true, problem: schedulingv1alpha1.ReasonNamespaceNotFederated},
		"intersect: a control plane of one namespace": {object: onlyA, intersect: true, namespace: namespace{confined: true}, want: []string{"a"}},
		"an invalid selector":                         {object: `{"placement": {"clusterSelector": {"matchExpressions": [{"key": "a", "operator": "Maybe"}]}}}`, problem: schedulingv1alpha1.ReasonInvalidPlacement},
	} {
		t.Run(name, func(t *testing.T) {
			d := plan(t, schedulingv1alpha1.ReplicaSchedulingPreferenceSpec{TotalReplicas: ptr.To[int32](4), IntersectWithClusterSelector: row.intersect}, row.object,
				func(s *situation) { s.namespace = row.namespace })
			if row.problem != "" {
				require.NotNil(t, d.problem)
				require.Equal(t, row.problem, d.problem.reason, d.problem.message)
				require.Empty(t, d.replicas)
				return
			}
			require.Nil(t, d.problem)
			require.Equal(t, row.want, d.active)
		})
	}
}

func TestClustersThatComeAndGo(t *testing.T) {
	planned := func(waiting ...string) *planRecord {
		return &planRecord{Clusters: []string{"a", "b"}, Replicas: map[string]int64{"a": 4, "b": 5}, Waiting: waiting}
	}
	for name, row := range map[string]struct {
		a, b    cluster
		last    *planRecord
		want    map[string]int64
		waiting []string
		recheck time.Duration
	}{
		"a first plan takes what is ready at once": {a: at("a", true, time.Second), b: at("b", false, time.Second), want: map[string]int64{"a": 9}},
		"an unready cluster is waited for":         {a: at("a", true, time.Hour), b: at("b", false, 10*time.Second), last: planned(), want: map[string]int64{"a": 4, "b": 5}, recheck: 50 * time.Second},
		"then its replicas go elsewhere, its copy stays": {a: at("a", true, time.Hour), b: at("b", false, time.Minute), last: planned(),
			want: map[string]int64{"a": 9, "b": 5}, waiting: []string{"b"}},
		"a cluster that is back is waited for": {a: at("a", true, time.Hour), b: at("b", true, 5*time.Second), last: planned("b"),
			want: map[string]int64{"a": 9, "b": 5}, waiting: []string{"b"}, recheck: 15 * time.Second},
		"then it counts": {a: at("a", true, time.Hour), b: at("b", true, 20*time.Second), last: planned("b"), want: map[string]int64{"a": 4, "b": 5}},
		"a new cluster is waited for too": {a: at("a", true, time.Hour), b: at("b", true, 5*time.Second), last: &planRecord{Replicas: map[string]int64{"a": 9}},
			want: map[string]int64{"a": 9}, recheck: 15 * time.Second},
		"a new cluster that is not ready is nothing": {a: at("a", true, time.Hour), b: at("b", false, time.Second), last: &planRecord{Replicas: map[string]int64{"a": 9}},
			want: map[string]int64{"a": 9}},
	} {
		t.Run(name, func(t *testing.T) {
			d := plan(t, schedulingv1alpha1.ReplicaSchedulingPreferenceSpec{TotalReplicas: ptr.To[int32](9), Rebalance: true, Clusters: map[string]schedulingv1alpha1.ClusterPreferences{
				"a": {Weight: 4}, "b": {Weight: 5}}}, `{}`, func(s *situation) { s.clusters, s.last = []cluster{row.a, row.b}, row.last })
			require.Nil(t, d.problem)
			require.Equal(t, row.want, d.replicas)
			require.Equal(t, row.waiting, d.waiting)
			if row.recheck == 0 {
				require.True(t, d.recheck.IsZero(), d.recheck)
			} else {
				require.Equal(t, now.Add(row.recheck), d.recheck)
			}
		})
	}
	d := plan(t, schedulingv1alpha1.ReplicaSchedulingPreferenceSpec{TotalReplicas: ptr.To[int32](9)}, `{}`, func(s *situation) {
		s.clusters, s.last = []cluster{at("a", false, time.Hour), at("b", false, time.Hour)}, planned()
	})
	require.Equal(t, schedulingv1alpha1.ReasonNoClusters, d.problem.reason)
}

func TestALostClusterIsNotSaidToHaveReplicas(t *testing.T) {
	p := &schedulingv1alpha1.ReplicaSchedulingPreference{}
	d := plan(t, schedulingv1alpha1.ReplicaSchedulingPreferenceSpec{TotalReplicas: ptr.To[int32](8)}, `{}`, func(s *situation) {
		s.clusters, s.last = []cluster{at("a", true, time.Hour), at("b", false, time.Second)}, &planRecord{Clusters: []string{"a", "b"}, Replicas: map[string]int64{"a": 4, "b": 4}}
		s.look = func(string) seen { return seen{known: true, exists: true, replicas: 4, ready: 4, running: 4} }
	})
	status, _ := nextStatus(p, d, nil)
	require.Len(t, status.Clusters, 2)
	require.Equal(t, int64(4), status.Clusters[0].Ready)
	require.Equal(t, int64(4), status.Clusters[1].Planned, "it may be back soon")
	require.Zero(t, status.Clusters[1].Ready)
	require.Zero(t, status.Clusters[1].Current)
	require.Contains(t, status.Clusters[1].Message, "not ready")
	require.Equal(t, int64(4), status.Ready)
}

func TestNamesInUpperCase(t *testing.T) {
	d := plan(t, schedulingv1alpha1.ReplicaSchedulingPreferenceSpec{TotalReplicas: ptr.To[int32](9), Clusters: map[string]schedulingv1alpha1.ClusterPreferences{
		"A": {MinReplicas: 4, Weight: 1}, "B": {MinReplicas: 4, Weight: 2}}}, `{}`, nil)
	require.Equal(t, map[string]int64{"a": 4, "b": 5}, d.replicas)
}

func TestRoomIsRemembered(t *testing.T) {
	spec := schedulingv1alpha1.ReplicaSchedulingPreferenceSpec{TotalReplicas: ptr.To[int32](8), Rebalance: true}
	p := &schedulingv1alpha1.ReplicaSchedulingPreference{Spec: spec}
	looks := map[string]seen{
		"a": {known: true, exists: true, replicas: 4, ready: 1, running: 1, unschedulable: 3},
		"b": {known: true, exists: true, replicas: 4, ready: 4, running: 4},
	}
	when := now
	next := func() *decision {
		d := plan(t, spec, `{}`, func(s *situation) {
			s.preference, s.now, s.look = p, when, func(c string) seen { return looks[c] }
		})
		status, _ := nextStatus(p, d, nil)
		p.Status = *status
		return d
	}
	d := next()
	require.Equal(t, map[string]int64{"a": 1, "b": 7}, d.replicas)
	require.Equal(t, int64(1), *p.Status.Clusters[0].Capacity)

	// Without the pods that found no node, nothing but the memory tells.
	looks["a"] = seen{known: true, exists: true, replicas: 1, ready: 1, running: 1}
	looks["b"] = seen{known: true, exists: true, replicas: 7, ready: 7, running: 7}
	when = now.Add(capacityHold - time.Second)
	d = next()
	require.Equal(t, map[string]int64{"a": 1, "b": 7}, d.replicas)
	require.Equal(t, when.Add(time.Second), d.recheck)

	// After a while one more is tried, and if that has room too, there is no limit.
	when = now.Add(capacityHold)
	require.Equal(t, map[string]int64{"a": 2, "b": 6}, next().replicas)
	require.Equal(t, int64(2), *p.Status.Clusters[0].Capacity)
	looks["a"] = seen{known: true, exists: true, replicas: 3, ready: 3, running: 3}
	require.Equal(t, map[string]int64{"a": 4, "b": 4}, next().replicas)
	require.Nil(t, p.Status.Clusters[0].Capacity)
}

func TestWhatIsNotKnownMovesNothing(t *testing.T) {
	spec := schedulingv1alpha1.ReplicaSchedulingPreferenceSpec{TotalReplicas: ptr.To[int32](8)}
	last := &planRecord{Clusters: []string{"a", "b"}, Replicas: map[string]int64{"a": 7, "b": 1}}
	for name, look := range map[string]seen{
		"a member that is being listed": {pending: true},
		"a member that cannot be read":  {failure: errors.New("forbidden")},
		"an autoscaler at work":         {known: true, exists: true, replicas: 1, ready: 1, running: 1, manager: "autoscaler"},
		"all is as planned":             {known: true, exists: true, replicas: 7, ready: 7, running: 7},
		"pods that are starting":        {known: true, exists: true, replicas: 7, ready: 2, running: 7},
		"a copy that is not there yet":  {known: true},
		"a copy that is not yet scaled": {known: true, exists: true, replicas: 1, ready: 1, running: 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := plan(t, spec, `{}`, func(s *situation) {
				s.last = last
				s.look = func(c string) seen {
					if c == "a" {
						return look
					}
					return seen{known: true, exists: true, replicas: 1, ready: 1, running: 1}
				}
			})
			require.False(t, d.pending)
			require.Equal(t, last.Replicas, d.replicas)
		})
	}
	d := plan(t, spec, `{}`, func(s *situation) { s.look = func(string) seen { return seen{pending: true} } })
	require.True(t, d.pending, "a first plan waits until replicas that run are known")

	d = plan(t, spec, `{}`, func(s *situation) {
		s.last = last
		s.look = func(c string) seen { return seen{known: true, exists: true, replicas: last.Replicas[c], running: 1} }
	})
	require.Equal(t, map[string]int64{"a": 4, "b": 4}, d.replicas, "replicas that have had the time to start and do not run are nobody's")

	d = plan(t, spec, `{}`, func(s *situation) {
		s.look = func(c string) seen {
			return seen{known: c != "a", unavailable: c == "a", failure: errors.New("not served")}
		}
	})
	require.Equal(t, map[string]int64{"a": 0, "b": 8}, d.replicas, "where the type is not served nothing can run")
}

func TestUnsatisfiable(t *testing.T) {
	limit := func(n int64) *int64 { return &n }
	for name, row := range map[string]struct {
		clusters        map[string]schedulingv1alpha1.ClusterPreferences
		look            seen
		reason, message string
	}{
		"all is well": {reason: schedulingv1alpha1.ReasonSatisfiable, message: "9 of 9 are planned"},
		"minima":      {clusters: map[string]schedulingv1alpha1.ClusterPreferences{"*": {MinReplicas: 6}}, reason: schedulingv1alpha1.ReasonMinimumAboveTotal, message: "minimum of 12 replicas, total is 9"},
		"maxima": {clusters: map[string]schedulingv1alpha1.ClusterPreferences{"*": {MaxReplicas: limit(2), Weight: 1}},
			reason: schedulingv1alpha1.ReasonLimitsBelowTotal, message: "maxima and weights leave room for 4 of 9"},
		"room": {look: seen{known: true, exists: true, replicas: 5, ready: 3, running: 3, unschedulable: 2}, reason: schedulingv1alpha1.ReasonInsufficientCapacity, message: "capacity for 6 of 9"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &schedulingv1alpha1.ReplicaSchedulingPreference{ObjectMeta: metav1.ObjectMeta{Generation: 3}}
			d := plan(t, schedulingv1alpha1.ReplicaSchedulingPreferenceSpec{TotalReplicas: ptr.To[int32](9), Clusters: row.clusters}, `{}`, func(s *situation) {
				if row.look.known {
					s.look = func(string) seen { return row.look }
				}
			})
			status, changed := nextStatus(p, d, nil)
			require.True(t, changed)
			condition := meta.FindStatusCondition(status.Conditions, schedulingv1alpha1.UnsatisfiableCondition)
			require.Equal(t, row.reason, condition.Reason)
			require.Equal(t, row.message, condition.Message)
			require.Equal(t, row.reason != schedulingv1alpha1.ReasonSatisfiable, condition.Status == metav1.ConditionTrue)
			ready := meta.FindStatusCondition(status.Conditions, schedulingv1alpha1.ReadyCondition)
			switch {
			case row.reason != schedulingv1alpha1.ReasonSatisfiable:
				require.Equal(t, []any{metav1.ConditionFalse, row.reason}, []any{ready.Status, ready.Reason})
			case status.Current != status.Planned || status.Ready != status.Planned:
				require.Equal(t, []any{metav1.ConditionFalse, "Progressing"}, []any{ready.Status, ready.Reason})
			default:
				require.Equal(t, []any{metav1.ConditionTrue, "Scheduled"}, []any{ready.Status, ready.Reason})
			}
			require.Equal(t, int64(3), status.ObservedGeneration)
			var total int64
			for _, n := range d.replicas {
				total += n
			}
			require.Equal(t, total, status.Planned)
			require.LessOrEqual(t, total, int64(9))

			p.Status = *status
			_, changed = nextStatus(p, d, nil)
			require.False(t, changed, "the same is not written again")
		})
	}
}
