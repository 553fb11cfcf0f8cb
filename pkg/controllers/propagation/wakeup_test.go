package propagation

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/clock"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// What is in a namespace is looked at when the status of its FederatedNamespace is
// written, and not again when that write comes back from the storage.
func TestADecisionKnowsWhatWeHaveJustWritten(t *testing.T) {
	w := newCautious(t, shipped)
	hold := make(chan struct{})
	var written atomic.Bool
	w.annotateNamespace(typesv1beta1.OrphanAnnotation, "true")
	w.awaitIdle()
	leave := func(obj *typesv1beta1.FederatedObject) {
		if obj.Name == team.Name && len(obj.Status.Clusters) == 1 {
			w.holdEvents.Store(&hold)
			written.Store(true)
		}
	}
	w.beforeStatus.Store(&leave)
	require.NoError(t, w.put(simNamespaces, team, "", "c0"))
	require.Eventually(t, func() bool { return written.Load() && w.controller.isWritten(team.Name) }, patience, poll)
	clusters, _ := w.controller.clusters()
	d := w.controller.decide(w.controller.kind(simConfigMaps.Resource), w.get(simConfigMaps, web), clusters)
	require.Equal(t, []string{"c0"}, sets.List(d.selected))
	w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c1", "c2")
	w.holdEvents.Store(nil)
	close(hold)
	w.awaitIdle()
	require.Len(t, w.copiesOf(web), 3)
}

// A member that is asked for a request while it concludes that there is nothing to
// do has not seen what the request is for.
func TestARequestThatATaskHasNotSeenIsNotLost(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0"))
	w.awaitWanted(both)
	w.awaitIdle()
	member, c := w.clusters[0], w.controller
	key, obj := objectKey{simConfigMaps.Resource, web}, w.get(simConfigMaps, web)
	require.True(t, c.ledger.request(key, obj, member.name, time.Now()))
	number := c.ledger.number(key, obj.UID, member.name)

	// The task looks at the labels twice: to evaluate the placement, and to render
	// the copy when it has seen it.
	var looks atomic.Int32
	var once sync.Once
	overtake := func() {
		if looks.Add(1) != 2 {
			return
		}
		once.Do(func() {
			member.of(simConfigMaps).driftUnnoticed(web)
			c.objects.Add(key)
			require.Eventually(t, func() bool { return c.ledger.number(key, obj.UID, member.name) > number }, patience, poll)
		})
	}
	member.labelled.Store(&overtake)
	c.worker(member.name).queue.Add(key)
	require.Eventually(t, func() bool {
		_, found := member.of(simConfigMaps).copy(web)
		return found && looks.Load() > 2 && w.asWanted(simConfigMaps, web) == nil
	}, patience, poll, "the request is forgotten")
	w.awaitIdle()
}

// An object waits for its namespace until it is known that the one which is there is
// not ours.
func TestTheNamespaceOfAnotherIsNotWaitedFor(t *testing.T) {
	w := newWorld(t, 1)
	w.configure(func(s *Settings) { s.AdoptResources = false })
	namespaces := w.clusters[0].of(simNamespaces)
	namespaces.objects[theTeam] = &simObject{uid: "theirs", version: 1}
	w.run()
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0"))
	w.clusters[0].hang(true)
	require.NoError(t, w.put(simNamespaces, team, "", "c0"))
	require.Eventually(t, func() bool {
		entry := recordedCluster(w.get(simConfigMaps, web), "c0")
		return entry != nil && entry.Status == typesv1beta1.Pending && entry.Message != ""
	}, patience, poll, "it does not wait")
	w.clusters[0].hang(false)
	w.awaitStatus(web, "c0", typesv1beta1.ClusterPropagationOK)
	require.Equal(t, typesv1beta1.AlreadyExists, recordedCluster(w.get(simNamespaces, team), "c0").Status)
}

// What was approved does not count when it has gone at last.
func TestAnApprovalCoversARemovalThatTakesItsTime(t *testing.T) {
	w := newCautious(t, shipped)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c2"))
	obj := w.awaitPaused(simConfigMaps, web, typesv1beta1.ReasonBlastRadiusExceeded, "c0", "c1")
	keep := make(chan struct{})
	w.clusters[0].keepFinalizing.Store(&keep)
	w.approve(simConfigMaps, web, obj.Status.PausedRemoval.Hash)
	require.Eventually(t, func() bool {
		obj := w.get(simConfigMaps, web)
		entry := recordedCluster(obj, "c0")
		return recordedCluster(obj, "c1") == nil && entry != nil && entry.Status == typesv1beta1.WaitingForRemoval
	}, patience, poll)
	require.Equal(t, []string{"c0"}, w.get(simConfigMaps, web).Status.ApprovedRemovals)
	close(keep)
	w.awaitWanted(both)
	w.awaitIdle()
	done := w.get(simConfigMaps, web)
	require.Empty(t, done.Status.RecentRemovals)
	require.Empty(t, done.Status.ApprovedRemovals)
	require.Zero(t, w.controller.window.Count(time.Now(), time.Hour))
}

// As long as it is not known where an object shall be, nothing is done for a former
// one of its name either.
func TestARemovalGoesOnWhenItIsKnownWhatIsClaimed(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
	w.awaitWanted(both)
	w.awaitIdle()
	away := w.clusters[1]
	away.setReady(false)
	w.configure(atOnce)
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitGone(web)
	require.NotNil(t, w.removal(web))
	require.NoError(t, w.put(simConfigMaps, web, "2", "c0"))
	w.awaitStatus(web, "c0", typesv1beta1.ClusterPropagationOK)

	w.configure(func(s *Settings) { s.UnreachableAfter = 0 })
	keep := make(chan struct{})
	away.keepFinalizing.Store(&keep)
	require.NoError(t, w.delete(simNamespaces, team))
	away.setReady(true)
	require.Eventually(t, func() bool {
		namespace := away.of(simNamespaces).object(theTeam)
		return namespace != nil && namespace.deleting && w.controller.worker(away.name).queue.Len() == 0
	}, patience, poll)
	require.NotNil(t, w.removal(web))
	close(keep)
	w.awaitNoRemovals()
	w.awaitIdle()
	require.Empty(t, w.copiesOf(web))
}

func TestWhatLeavesIsKnownUntilTheStatusSaysSo(t *testing.T) {
	l, key := newLedger(), objectKey{"namespaces", team}
	obj := &typesv1beta1.FederatedObject{ObjectMeta: metav1.ObjectMeta{UID: "a", Generation: 1, ResourceVersion: "1"}}
	obj.Status.Clusters = []typesv1beta1.ClusterStatus{{Name: "c0"}, {Name: "c1"}, {Name: "c2"}}
	none := sets.New[string]()
	require.False(t, l.grant(key, obj, none, sets.New("c2")), "nothing was to go")
	require.True(t, l.grant(key, obj, sets.New("c0", "c1"), none))
	require.False(t, l.grant(key, obj, sets.New("c1"), sets.New("c0", "c2")), "c0 has left")
	require.Equal(t, []string{"c0", "c1"}, sets.List(l.leaving(key, obj)))
	require.False(t, l.isGranted(key, obj, "c0"))
	require.False(t, l.grant(key, obj, none, sets.New("c0", "c1")))
	require.Equal(t, []string{"c0", "c1"}, sets.List(l.leaving(key, obj)))

	next := obj.DeepCopy()
	next.Generation = 2
	require.Empty(t, l.leaving(key, next), "it may be wanted again")
	other := obj.DeepCopy()
	other.UID = "b"
	require.Empty(t, l.leaving(key, other))

	written := obj.DeepCopy()
	written.ResourceVersion, written.Status.Clusters = "2", obj.Status.Clusters[1:]
	l.wrote(key, written)
	require.Equal(t, []string{"c1"}, sets.List(l.leaving(key, written)))
	require.True(t, l.grant(key, written, none, none), "c1 is there again")
	require.Empty(t, l.leaving(key, written))
	require.True(t, l.delivered(key, written))
	require.Empty(t, l.records)
}

// A task that found its cluster selected ends when it is not any more: nobody else
// settles that, and nothing is kept of it.
func TestWhatIsKeptOfAClusterThatIsNotConcernedIsForgotten(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
	w.awaitWanted(both)
	w.awaitIdle()
	obj, key := w.get(simConfigMaps, web), objectKey{kind: simConfigMaps.Resource, NamespacedName: web}
	w.controller.ledger.finish(key, obj.UID, "c2", &result{generation: obj.Generation, gone: true}, false, false)
	w.controller.objects.Add(key)
	w.awaitIdle()
	require.False(t, w.controller.ledger.has(key, "c2"))
}

// A task that ends without a result may have begun when its object was still there.
func TestNoResultIsNotKept(t *testing.T) {
	t.Parallel()
	l, key := newLedger(), objectKey{kind: "configmaps", NamespacedName: web}
	require.True(t, l.finish(key, "u", "c0", nil, false, false))
	require.Empty(t, l.records)
	l.wait(key, "u", "c1")
	require.False(t, l.finish(key, "u", "c0", nil, false, false), "another copy is not settled")
	require.False(t, l.has(key, "c0"))
}

func (w *world) annotateNamespace(annotation, value string) {
	w.t.Helper()
	patch := `{"metadata":{"annotations":{"` + annotation + `":"` + value + `"}}}`
	_, err := w.client.Resource(w.kinds[simNamespaces].Resource()).Namespace(team.Namespace).
		Patch(w.t.Context(), team.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(w.t, err)
}

// driftUnnoticed changes a copy, and the watch has not told yet.
func (t *simType) driftUnnoticed(key types.NamespacedName) {
	version := t.next()
	t.mu.Lock()
	defer t.mu.Unlock()
	object := t.objects[key]
	object.version = version
	object.drift++
	t.seen[key] = object.observed()
}

// TestAReportThatIsDueIsNotLost: an object that waits in the queue for something else
// is looked at then, when its report is not due yet. A result that comes after that has
// it looked at once more.
func TestAReportThatIsDueIsNotLost(t *testing.T) {
	t.Parallel()
	c := &Controller{ledger: newLedger(), objects: newLane[objectKey]("", time.Second, time.Minute), config: Config{Clock: clock.RealClock{}, ReportInterval: 200 * time.Millisecond}}
	defer c.objects.ShutDown()
	obj := &typesv1beta1.FederatedObject{}
	obj.Generation, obj.UID = 1, "u"
	key := objectKey{kind: "configmaps", NamespacedName: types.NamespacedName{Namespace: "team", Name: "web"}}
	c.reportLater(key, obj)
	c.objects.AddAfter(key, time.Millisecond) // instead of the time that it had
	taken, _ := c.objects.Get()
	require.Equal(t, key, taken)
	c.objects.Done(key)
	c.reportLater(key, obj)
	require.Eventually(t, func() bool { return c.objects.Len() == 1 }, patience, time.Millisecond)
}
