package propagation

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

func copyStatus(health typesv1beta1.CopyHealth, message string, ready int64) members.Status {
	s := members.Status{}
	s.Health, s.Message, s.HasReplicas = health, message, true
	s.Replicas = typesv1beta1.ReplicaCounts{DesiredReplicas: 2, ReadyReplicas: ready}
	return s
}

func TestObservation(t *testing.T) {
	seen := copyStatus(typesv1beta1.CopyInProgress, "Ready: 1/2", 1)
	seen.Raw = `{"readyReplicas":1}`
	all := observation{health: typesv1beta1.CopyInProgress, message: "Ready: 1/2", replicas: &seen.Replicas, raw: seen.Raw}
	health := func(h typesv1beta1.CopyHealth) observation { return observation{health: h} }
	for name, test := range map[string]struct {
		change func(*copyView)
		want   observation
	}{
		"as its member says":           {change: func(*copyView) {}, want: all},
		"as metadata":                  {change: func(v *copyView) { v.detail = members.Metadata }, want: health(typesv1beta1.CopyCurrent)},
		"asked for just now":           {change: func(v *copyView) { v.observed.Status = nil }, want: health(typesv1beta1.CopyUnknown)},
		"being deleted":                {change: func(v *copyView) { v.observed.Deleting = true }, want: health(typesv1beta1.CopyTerminating)},
		"not there":                    {change: func(v *copyView) { v.exists = false }, want: health(typesv1beta1.CopyNotFound)},
		"not ours":                     {change: func(v *copyView) { v.observed.Managed = "false" }, want: health(typesv1beta1.CopyNotFound)},
		"type not served":              {change: func(v *copyView) { v.state = CopiesNotAvailable }, want: health(typesv1beta1.CopyNotFound)},
		"cluster not ready":            {change: func(v *copyView) { v.ready = false }, want: health(typesv1beta1.CopyUnknown)},
		"cluster has left":             {change: func(v *copyView) { v.registered = false }, want: health(typesv1beta1.CopyUnknown)},
		"cannot be listed":             {change: func(v *copyView) { v.state, v.stateErr = CopiesFailed, errors.New("no") }, want: health(typesv1beta1.CopyUnknown)},
		"watch interrupted":            {change: func(v *copyView) { v.state = CopiesSyncing }},
		"as asked for, the health too": {change: func(v *copyView) { v.selected = false }, want: all},
	} {
		t.Run(name, func(t *testing.T) {
			v := healthy()
			v.detail, v.observed.Status = members.RawStatuses, &seen
			test.change(v)
			require.Equal(t, test.want, v.observation())
			require.Equal(t, test.want, judge(v).result.copy)
		})
	}
}

// What tools that follow kstatus see while copies become ready.
func TestReadyMeansThatCopiesAre(t *testing.T) {
	both := sets.New("c1", "c2")
	found := func(s members.Status) result {
		return result{generation: 1, fingerprint: "f", copy: observationOf(members.Observed{Status: &s}, members.Statuses)}
	}
	current := found(copyStatus(typesv1beta1.CopyCurrent, "", 2))
	report := func(second int, results map[string]result) *report {
		return &report{selected: both, results: results, now: noon.Add(time.Duration(second) * time.Second)}
	}

	obj := after(federatedObject(1), report(0, map[string]result{"c1": current, "c2": found(copyStatus(typesv1beta1.CopyInProgress, "Ready: 1/2", 1))}))
	require.Equal(t, corev1.ConditionTrue, conditionOf(t, obj, typesv1beta1.PropagationCondition).Status, "KubeFed's condition is about propagation alone")
	ready := conditionOf(t, obj, typesv1beta1.ReadyCondition)
	require.Equal(t, ReasonCopiesNotReady, ready.Reason)
	require.Equal(t, "1 of 2 copies are ready; c2: InProgress (Ready: 1/2)", ready.Message)
	require.Equal(t, status.InProgressStatus, compute(t, obj))
	require.Equal(t, typesv1beta1.ReplicaCounts{DesiredReplicas: 4, ReadyReplicas: 3}, obj.Status.ReplicaCounts)
	require.Equal(t, "Ready: 1/2", obj.Status.Clusters[1].Message)
	require.Empty(t, obj.Status.Clusters[1].Status)

	obj = after(obj, report(60, map[string]result{"c1": current, "c2": current}))
	require.Equal(t, ReasonReady, conditionOf(t, obj, typesv1beta1.ReadyCondition).Reason)
	require.Equal(t, status.CurrentStatus, compute(t, obj))
	require.Empty(t, obj.Status.Clusters[1].Message)
	propagation := conditionOf(t, obj, typesv1beta1.PropagationCondition)
	require.Equal(t, noon, propagation.LastUpdateTime.Time, "nothing was propagated")

	obj = after(obj, report(120, map[string]result{"c1": current, "c2": found(copyStatus(typesv1beta1.CopyFailed, "too long", 0))}))
	require.Equal(t, ReasonCopiesFailed, conditionOf(t, obj, typesv1beta1.StalledCondition).Reason)
	require.Equal(t, status.FailedStatus, compute(t, obj))

	// What cannot be seen any more is not claimed.
	obj = after(obj, report(180, map[string]result{"c1": current, "c2": {generation: 1, status: typesv1beta1.ClusterNotReady, message: "m", copy: observation{health: typesv1beta1.CopyUnknown}}}))
	require.Equal(t, typesv1beta1.CopyUnknown, obj.Status.Clusters[1].Health)
	require.Nil(t, obj.Status.Clusters[1].Replicas)
	require.EqualValues(t, 2, obj.Status.ReadyReplicas)
	require.Equal(t, status.InProgressStatus, compute(t, obj))
}

func TestRemoteStatusIsWaitedForWhereTheTypeHasOne(t *testing.T) {
	one := sets.New("c1")
	results := func(raw string) map[string]result {
		return map[string]result{"c1": {generation: 1, fingerprint: "f", copy: observation{health: typesv1beta1.CopyCurrent, raw: raw}}}
	}
	obj := after(federatedObject(1), &report{selected: one, results: results(""), awaitsStatus: true, now: noon})
	propagation := conditionOf(t, obj, typesv1beta1.PropagationCondition)
	require.Equal(t, corev1.ConditionFalse, propagation.Status)
	require.Equal(t, typesv1beta1.ReasonCheckClusters, propagation.Reason)
	require.Equal(t, status.InProgressStatus, compute(t, obj))

	obj = after(obj, &report{selected: one, results: results(`{"a":1}`), awaitsStatus: true, now: noon})
	require.JSONEq(t, `{"a":1}`, string(obj.Status.Clusters[0].RemoteStatus.Raw))
	require.Equal(t, status.CurrentStatus, compute(t, obj))

	obj = after(obj, &report{selected: one, results: results(""), now: noon})
	require.Nil(t, obj.Status.Clusters[0].RemoteStatus, "it is not collected any more")
	require.Equal(t, status.CurrentStatus, compute(t, obj), "a type without a status is not waited for")
}

// A rollout changes the status of a copy with every pod.
func TestChangesOfStatusAreCoalesced(t *testing.T) {
	w := newWorld(t, 3)
	w.withStatus = true
	w.run()
	require.NoError(t, w.put(simNamespaces, team, "", "c0", "c1", "c2"))
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	require.Equal(t, members.Statuses, w.clusters[0].of(simConfigMaps).detail)
	require.Equal(t, members.Metadata, w.clusters[0].of(simNamespaces).detail)

	before, began := w.hubWrites(), time.Now()
	const pods = 200
	for i := range pods {
		for _, cluster := range w.clusters {
			cluster.of(simConfigMaps).says(web, copyStatus(typesv1beta1.CopyInProgress, "rolling", int64(i)))
		}
		time.Sleep(poll)
	}
	for _, cluster := range w.clusters {
		cluster.of(simConfigMaps).says(web, copyStatus(typesv1beta1.CopyCurrent, "", pods))
	}
	var obj *typesv1beta1.FederatedObject
	require.Eventually(t, func() bool {
		var err error
		obj, err = w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
		return err == nil && obj.Status.ReadyReplicas == 3*pods
	}, patience, poll)
	require.NoError(t, w.asWanted(simConfigMaps, web))
	w.awaitIdle()
	const interval = 100 * time.Millisecond // ReportInterval of the world
	most := int(time.Since(began)/interval) + 2
	require.Less(t, most, pods*len(w.clusters)/2, "the test would not notice")
	require.LessOrEqual(t, w.hubWrites()-before, most)
}

func TestCollectionFollowsTheSettings(t *testing.T) {
	w := newWorld(t, 1)
	w.withStatus = true
	enabled := corev1beta1.StatusCollectionEnabled
	w.configs[simConfigMaps].Spec.StatusCollection = &enabled
	w.run()
	require.NoError(t, w.put(simNamespaces, team, "", "c0"))
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0"))
	w.awaitWanted(both)
	w.awaitIdle()

	w.mu.Lock()
	w.settings.RawStatusCollection = true
	w.mu.Unlock()
	w.controller.Refresh()
	obj := w.awaitStatus(web, "c0", typesv1beta1.ClusterPropagationOK)
	propagated := func(want corev1.ConditionStatus) func() bool {
		return func() bool {
			var err error
			obj, err = w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
			return err == nil && condition(obj, typesv1beta1.PropagationCondition).Status == want
		}
	}
	require.Eventually(t, propagated(corev1.ConditionFalse), patience, poll)
	configs := w.clusters[0].of(simConfigMaps)
	configs.mu.Lock()
	require.Equal(t, members.RawStatuses, configs.detail)
	configs.mu.Unlock()
	said := copyStatus(typesv1beta1.CopyCurrent, "", 2)
	said.Raw = `{"readyReplicas":2}`
	configs.says(web, said)
	require.Eventually(t, propagated(corev1.ConditionTrue), patience, poll)
	require.JSONEq(t, said.Raw, string(obj.Status.Clusters[0].RemoteStatus.Raw))

	w.mu.Lock()
	w.settings.RawStatusCollection = false
	w.mu.Unlock()
	w.controller.Refresh()
	said.Raw = ""
	require.Eventually(t, func() bool {
		configs.mu.Lock()
		defer configs.mu.Unlock()
		return configs.detail == members.Statuses
	}, patience, poll)
	configs.says(web, said)
	require.Eventually(t, func() bool {
		return propagated(corev1.ConditionTrue)() && obj.Status.Clusters[0].RemoteStatus == nil
	}, patience, poll)
}

// The storage refuses what is too large; what there is to say is said without the
// status of the copies then.
func TestAStatusThatDoesNotFitIsShortened(t *testing.T) {
	w := newWorld(t, 3)
	w.withStatus, w.settings.RawStatusCollection = true, true
	enabled := corev1beta1.StatusCollectionEnabled
	w.configs[simConfigMaps].Spec.StatusCollection = &enabled
	w.run()
	require.NoError(t, w.put(simNamespaces, team, "", "c0", "c1", "c2"))
	// 1.5 MiB is the limit of etcd.
	require.NoError(t, w.put(simConfigMaps, web, strings.Repeat("x", 3<<19-16<<10), "c0", "c1", "c2"))
	w.awaitStatus(web, "c2", typesv1beta1.ClusterPropagationOK)
	said := copyStatus(typesv1beta1.CopyCurrent, "", 2)
	said.Raw = `{"long":"` + strings.Repeat("y", 16<<10) + `"}`
	for _, cluster := range w.clusters {
		cluster.of(simConfigMaps).says(web, said)
	}
	var obj *typesv1beta1.FederatedObject
	require.Eventually(t, func() bool {
		var err error
		obj, err = w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
		return err == nil && obj.Status.ReadyReplicas == 6
	}, patience, poll)
	for _, entry := range obj.Status.Clusters {
		require.JSONEq(t, omittedStatus, string(entry.RemoteStatus.Raw))
		require.NotEmpty(t, entry.Fingerprint)
	}
	require.NoError(t, w.asWanted(simConfigMaps, web))
	w.awaitIdle()
}
