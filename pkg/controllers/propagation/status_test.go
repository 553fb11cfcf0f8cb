package propagation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

var noon = time.Date(2022, 8, 1, 12, 0, 0, 0, time.UTC)

func federatedObject(generation int64) *typesv1beta1.FederatedObject {
	return &typesv1beta1.FederatedObject{
		TypeMeta:   metav1.TypeMeta{APIVersion: "types.kubefed.io/v1beta1", Kind: "FederatedConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a", UID: "uid", Generation: generation},
	}
}

// after returns obj with the status that a report gives it.
func after(obj *typesv1beta1.FederatedObject, r *report) *typesv1beta1.FederatedObject {
	next := obj.DeepCopy()
	status, _ := nextStatus(obj, r)
	next.Status = *status
	return next
}

func compute(t require.TestingT, obj *typesv1beta1.FederatedObject) status.Status {
	raw, err := json.Marshal(obj)
	require.NoError(t, err)
	var content map[string]any
	require.NoError(t, json.Unmarshal(raw, &content))
	// Integers, as they come from a server.
	metadata := content["metadata"].(map[string]any)
	if generation, ok := metadata["generation"].(float64); ok {
		metadata["generation"] = int64(generation)
	}
	if s, ok := content["status"].(map[string]any); ok {
		if observed, ok := s["observedGeneration"].(float64); ok {
			s["observedGeneration"] = int64(observed)
		}
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: content})
	require.NoError(t, err)
	return result.Status
}

func conditionOf(t require.TestingT, obj *typesv1beta1.FederatedObject, conditionType string) *typesv1beta1.Condition {
	c := condition(obj, conditionType)
	require.NotNil(t, c, "no condition %s", conditionType)
	return c
}

// The life of an object in two clusters, as its users see it.
func TestStatusOverALifetime(t *testing.T) {
	both := sets.New("c1", "c2")
	obj := federatedObject(1)

	// Recorded before the first write.
	obj = after(obj, &report{selected: both, now: noon})
	require.Equal(t, []typesv1beta1.ClusterStatus{{Name: "c1", Status: typesv1beta1.Pending, ObservedGeneration: 1}, {Name: "c2", Status: typesv1beta1.Pending, ObservedGeneration: 1}}, obj.Status.Clusters)
	require.EqualValues(t, 1, obj.Status.ObservedGeneration)
	require.Equal(t, corev1.ConditionUnknown, conditionOf(t, obj, typesv1beta1.ReadyCondition).Status)
	require.Equal(t, corev1.ConditionFalse, conditionOf(t, obj, typesv1beta1.PropagationCondition).Status)
	require.Equal(t, typesv1beta1.ReasonCheckClusters, conditionOf(t, obj, typesv1beta1.PropagationCondition).Reason)
	require.Equal(t, status.InProgressStatus, compute(t, obj))

	// One is slow.
	ok := func(generation int64, print string) result {
		return result{generation: generation, version: "gen:1", fingerprint: print}
	}
	obj = after(obj, &report{selected: both, results: map[string]result{"c2": ok(1, "f2")}, now: noon.Add(time.Second)})
	require.Equal(t, typesv1beta1.Pending, obj.Status.Clusters[0].Status)
	require.Equal(t, typesv1beta1.ClusterStatus{Name: "c2", ObservedGeneration: 1, Version: "gen:1", Fingerprint: "f2"}, obj.Status.Clusters[1])
	require.Equal(t, status.InProgressStatus, compute(t, obj))

	// Both done.
	obj = after(obj, &report{selected: both, results: map[string]result{"c1": ok(1, "f1")}, now: noon.Add(2 * time.Second)})
	propagation := conditionOf(t, obj, typesv1beta1.PropagationCondition)
	require.Equal(t, corev1.ConditionTrue, propagation.Status)
	require.Empty(t, propagation.Reason)
	require.Equal(t, noon.Add(2*time.Second), propagation.LastTransitionTime.Time)
	require.Len(t, obj.Status.Conditions, 2, "no Reconciling, no Stalled")
	require.Equal(t, status.CurrentStatus, compute(t, obj))

	// The same once more is no change.
	_, changed := nextStatus(obj, &report{selected: both, results: map[string]result{"c1": ok(1, "f1"), "c2": ok(1, "f2")}, now: noon.Add(time.Hour)})
	require.False(t, changed)

	// A new generation is not current before it is reported, and then only where
	// it has arrived.
	obj.Generation = 2
	require.Equal(t, status.InProgressStatus, compute(t, obj))
	obj = after(obj, &report{selected: both, results: map[string]result{"c1": ok(2, "g1"), "c2": ok(1, "f2")}, now: noon.Add(3 * time.Second)})
	require.Empty(t, obj.Status.Clusters[0].Status)
	require.Equal(t, typesv1beta1.Pending, obj.Status.Clusters[1].Status)
	require.Equal(t, "f2", obj.Status.Clusters[1].Fingerprint, "what was written is not forgotten")
	require.Equal(t, status.InProgressStatus, compute(t, obj))

	// A refusal does not go away by itself.
	obj = after(obj, &report{selected: both, now: noon.Add(4 * time.Second), results: map[string]result{
		"c2": {generation: 2, status: typesv1beta1.UpdateFailed, message: refused + "spec.selector: field is immutable"}}})
	require.Equal(t, status.FailedStatus, compute(t, obj))
	require.Equal(t, "1 of 2 clusters are as asked for; c2: UpdateFailed", conditionOf(t, obj, typesv1beta1.StalledCondition).Message)

	// Another failure may.
	obj = after(obj, &report{selected: both, now: noon.Add(5 * time.Second), results: map[string]result{
		"c2": {generation: 2, status: typesv1beta1.UpdateFailed, message: "connection refused"}}})
	require.Equal(t, status.InProgressStatus, compute(t, obj))
	require.Equal(t, ReasonRetrying, conditionOf(t, obj, typesv1beta1.ReconcilingCondition).Reason)

	// c2 is taken out, and is kept until it is known to be gone.
	one := sets.New("c1")
	obj.Generation = 3
	obj = after(obj, &report{selected: one, results: map[string]result{"c1": ok(3, "h1")}, now: noon.Add(6 * time.Second)})
	require.Equal(t, typesv1beta1.WaitingForRemoval, obj.Status.Clusters[1].Status)
	obj = after(obj, &report{selected: one, results: map[string]result{"c2": {generation: 3, gone: true}}, now: noon.Add(7 * time.Second)})
	require.Len(t, obj.Status.Clusters, 1)
	require.Equal(t, status.CurrentStatus, compute(t, obj))
}

func TestTransitionTimeMovesWithStatusOrReason(t *testing.T) {
	selected := sets.New("c1")
	failed := func(message string) map[string]result {
		return map[string]result{"c1": {generation: 1, status: typesv1beta1.CreationFailed, message: message}}
	}
	obj := after(federatedObject(1), &report{selected: selected, results: failed("a"), now: noon})
	obj = after(obj, &report{selected: selected, results: failed("b"), now: noon.Add(time.Minute)})
	propagation := conditionOf(t, obj, typesv1beta1.PropagationCondition)
	require.Equal(t, noon, propagation.LastTransitionTime.Time)
	require.Equal(t, noon.Add(time.Minute), propagation.LastUpdateTime.Time)

	obj = after(obj, &report{selected: selected, results: failed("b"), now: noon.Add(time.Hour),
		impediment: &impediment{reason: typesv1beta1.ReasonNamespaceNotFederated, message: "no"}})
	propagation = conditionOf(t, obj, typesv1beta1.PropagationCondition)
	require.Equal(t, typesv1beta1.ReasonNamespaceNotFederated, propagation.Reason)
	require.Equal(t, noon.Add(time.Hour), propagation.LastTransitionTime.Time)
}

func TestNoClusterIsPropagatedToAll(t *testing.T) {
	obj := after(federatedObject(1), &report{selected: sets.New[string](), now: noon})
	require.Empty(t, obj.Status.Clusters)
	require.Equal(t, status.CurrentStatus, compute(t, obj))
	require.Equal(t, corev1.ConditionTrue, conditionOf(t, obj, typesv1beta1.PropagationCondition).Status)
}

func TestTheRecordOfTheLastChangeIsNoReasonToWrite(t *testing.T) {
	obj := federatedObject(1)
	obj.Status.LastChange = &typesv1beta1.LastChange{User: "jane", Generation: 1}
	r := &report{selected: sets.New[string](), now: noon}
	reported := after(obj, r)
	require.Equal(t, obj.Status.LastChange, reported.Status.LastChange)
	_, changed := nextStatus(reported, r)
	require.False(t, changed)
}

func TestInvalidPlacementKeepsWhatIsRecorded(t *testing.T) {
	obj := federatedObject(1)
	obj = after(obj, &report{selected: sets.New("c1"), results: map[string]result{"c1": {generation: 1, fingerprint: "f"}}, now: noon})
	obj.Generation = 2
	obj = after(obj, &report{selected: sets.New("c1"), now: noon,
		impediment: &impediment{reason: typesv1beta1.ReasonComputePlacementFailed, message: "bad operator", stalled: true}})
	require.Equal(t, "f", obj.Status.Clusters[0].Fingerprint)
	require.Equal(t, typesv1beta1.ReasonComputePlacementFailed, conditionOf(t, obj, typesv1beta1.PropagationCondition).Reason)
}

func TestMessagesAreBounded(t *testing.T) {
	const clusters = 1000
	selected, results := sets.New[string](), map[string]result{}
	for i := range clusters {
		name := fmt.Sprintf("cluster-%04d", i)
		selected.Insert(name)
		results[name] = result{generation: 1, status: typesv1beta1.CreationFailed, message: strings.Repeat("é", 5000)}
	}
	obj := after(federatedObject(1), &report{selected: selected, results: results, now: noon})
	raw, err := json.Marshal(obj)
	require.NoError(t, err)
	require.Less(t, len(raw), 300<<10)
	require.True(t, json.Valid(raw))
	require.NotContains(t, obj.Status.Clusters[0].Message, "\uFFFD")
}

func drawReport(t *rapid.T, obj *typesv1beta1.FederatedObject) *report {
	names := []string{"a", "b", "c", "d"}
	statuses := []typesv1beta1.PropagationStatus{
		typesv1beta1.ClusterPropagationOK, typesv1beta1.Pending, typesv1beta1.WaitingForRemoval, typesv1beta1.ClusterNotReady,
		typesv1beta1.CreationFailed, typesv1beta1.AlreadyExists, typesv1beta1.DeletionFailed,
	}
	r := &report{selected: sets.New[string](), results: map[string]result{}, now: noon.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "second")) * time.Second)}
	for _, name := range names {
		if rapid.Bool().Draw(t, "selected "+name) {
			r.selected.Insert(name)
		}
		if !rapid.Bool().Draw(t, "result "+name) {
			continue
		}
		result := result{generation: rapid.Int64Range(1, obj.Generation).Draw(t, "generation "+name)}
		if result.gone = rapid.Bool().Draw(t, "gone "+name); !result.gone {
			result.status = rapid.SampledFrom(statuses).Draw(t, "status "+name)
			result.fingerprint = rapid.SampledFrom([]string{"", "f", "g"}).Draw(t, "fingerprint "+name)
			result.message = rapid.SampledFrom([]string{"m", refused + "m"}).Draw(t, "message "+name)
			result.copy = drawObservation(t)
		}
		r.results[name] = result
	}
	r.awaitsStatus = rapid.IntRange(0, 3).Draw(t, "awaits status") == 0
	if rapid.IntRange(0, 4).Draw(t, "impediment") == 0 {
		r.impediment = &impediment{reason: typesv1beta1.ReasonComputePlacementFailed, message: "m", stalled: rapid.Bool().Draw(t, "stalled")}
	}
	return r
}

func drawObservation(t *rapid.T) observation {
	o := observation{
		health: rapid.SampledFrom([]typesv1beta1.CopyHealth{"", typesv1beta1.CopyCurrent, typesv1beta1.CopyCurrent, typesv1beta1.CopyInProgress,
			typesv1beta1.CopyFailed, typesv1beta1.CopyUnknown}).Draw(t, "health"),
		raw: rapid.SampledFrom([]string{"", `{}`, `{"ready":true}`}).Draw(t, "raw"),
	}
	if rapid.Bool().Draw(t, "replicas") {
		o.replicas = &typesv1beta1.ReplicaCounts{ReadyReplicas: rapid.Int64Range(0, 9).Draw(t, "ready")}
	}
	if o.health != typesv1beta1.CopyCurrent {
		o.message = rapid.SampledFrom([]string{"", "h"}).Draw(t, "health message")
	}
	return o
}

// What holds after any history of reports.
func TestStatusProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obj := federatedObject(1)
		for range rapid.IntRange(1, 6).Draw(t, "reports") {
			if rapid.Bool().Draw(t, "spec changes") {
				obj.Generation++
			}
			if rapid.IntRange(0, 9).Draw(t, "deleted") == 0 {
				now := metav1.NewTime(noon)
				obj.DeletionTimestamp = &now
			}
			before := obj.DeepCopy()
			r := drawReport(t, obj)
			next, changed := nextStatus(obj, r)
			require.Equal(t, before, obj, "the object was changed")
			obj = obj.DeepCopy()
			obj.Status = *next

			again, twice := nextStatus(obj, r)
			require.False(t, twice, "a report changes what it has just said")
			require.Equal(t, next, again)
			if !changed {
				require.Equal(t, before.Status, *next)
			}

			require.True(t, slices.IsSortedFunc(next.Clusters, func(a, b typesv1beta1.ClusterStatus) int { return strings.Compare(a.Name, b.Name) }))
			for name := range recordedClusters(before) {
				if entry := recordedCluster(obj, name); entry == nil {
					require.True(t, r.results[name].gone, "cluster %s was lost from sight", name)
				}
			}
			if obj.DeletionTimestamp == nil {
				for name := range r.selected {
					require.NotNil(t, recordedCluster(obj, name), "cluster %s is selected, but not recorded", name)
				}
			}

			propagated, done := r.impediment == nil, r.impediment == nil
			var sum typesv1beta1.ReplicaCounts
			for _, entry := range next.Clusters {
				as := entry.Status == typesv1beta1.ClusterPropagationOK && (!r.awaitsStatus || entry.RemoteStatus != nil)
				propagated = propagated && as
				done = done && as && (entry.Health == typesv1beta1.CopyCurrent || entry.Health == "")
				if entry.Replicas != nil {
					sum.ReadyReplicas += entry.Replicas.ReadyReplicas
				}
			}
			require.Equal(t, sum.ReadyReplicas, next.ReadyReplicas)
			require.Equal(t, propagated, conditionOf(t, obj, typesv1beta1.PropagationCondition).Status == corev1.ConditionTrue)
			require.Equal(t, done, conditionOf(t, obj, typesv1beta1.ReadyCondition).Status == corev1.ConditionTrue)
			reconciling, stalled := condition(obj, typesv1beta1.ReconcilingCondition), condition(obj, typesv1beta1.StalledCondition)
			require.False(t, done && (reconciling != nil || stalled != nil))
			require.True(t, done || (reconciling == nil) != (stalled == nil), "just one of Reconciling and Stalled")
			for i := range next.Conditions {
				require.Equal(t, obj.Generation, next.Conditions[i].ObservedGeneration)
				require.False(t, next.Conditions[i].LastTransitionTime.IsZero())
			}
			if obj.DeletionTimestamp == nil {
				want := map[bool]status.Status{true: status.CurrentStatus, false: status.InProgressStatus}[done]
				if stalled != nil {
					want = status.FailedStatus
				}
				require.Equal(t, want, compute(t, obj))
			}
		}
	})
}

func TestARecordedClusterIsFoundInAnyOrder(t *testing.T) {
	for _, names := range [][]string{{}, {"a"}, {"a", "b", "c", "d"}, {"d", "b", "a", "c"}} {
		obj := &typesv1beta1.FederatedObject{}
		for _, name := range names {
			obj.Status.Clusters = append(obj.Status.Clusters, typesv1beta1.ClusterStatus{Name: name})
		}
		for i, name := range names {
			require.Same(t, &obj.Status.Clusters[i], recordedCluster(obj, name), "%v", names)
		}
		require.Nil(t, recordedCluster(obj, "bb"), "%v", names)
	}
}
