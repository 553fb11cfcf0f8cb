package propagation

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

// atOnce has deletions wait for a member that is not ready no longer than a second.
func atOnce(s *Settings) { s.UnreachableAfter = time.Millisecond }

func (w *world) awaitGone(key types.NamespacedName) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		_, err := w.kinds[simConfigMaps].Get(w.t.Context(), key.Namespace, key.Name)
		return apierrors.IsNotFound(err)
	}, patience, poll, "%s stays", key)
}

func (w *world) awaitNoRemovals() {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return len(w.removals()) == 0 }, patience, poll, "something is left to do")
}

func (w *world) removal(key types.NamespacedName) *corev1beta1.PendingRemoval {
	for _, removal := range w.removals() {
		if removal.Spec.Target.Namespace == key.Namespace && removal.Spec.Target.Name == key.Name {
			return &removal
		}
	}
	return nil
}

// object returns what a cluster has of a name.
func (t *simType) object(key types.NamespacedName) *simObject {
	t.mu.Lock()
	defer t.mu.Unlock()
	if object := t.objects[key]; object != nil {
		copied := *object
		return &copied
	}
	return nil
}

// alter changes an object, or makes one, behind the back of everybody.
func (t *simType) alter(key types.NamespacedName, change func(*simObject)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.objects[key] == nil {
		t.objects[key] = &simObject{}
	}
	change(t.objects[key])
}

func TestADeletionDoesNotWaitForEver(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	lost := w.clusters[2]
	uid := lost.of(simConfigMaps).object(web).uid
	w.configure(func(s *Settings) { s.UnreachableAfter, s.GiveUpAfter = time.Hour, 24*time.Hour })
	lost.setReady(false)
	w.annotate(web, typesv1beta1.DeleteOptionAnnotation, `{"propagationPolicy":"Orphan"}`)
	require.NoError(t, w.delete(simConfigMaps, web))

	obj := w.awaitStatus(web, "c2", typesv1beta1.WaitingForRemoval)
	entry := recordedCluster(obj, "c2")
	require.Equal(t, typesv1beta1.CopyUnknown, entry.Health)
	require.Equal(t, lost.LastSeen().Unix(), entry.LastSeenTime.Unix())
	require.Contains(t, entry.Message, "since "+lost.LastSeen().UTC().Format(time.RFC3339))
	require.Contains(t, entry.Message, "from "+lost.LastSeen().Add(time.Hour).UTC().Format(time.RFC3339)+" on the deletion waits for it no longer")
	w.awaitIdleOr(web)
	require.Empty(t, w.removals(), "it waits for the member")
	require.Equal(t, 0, w.clusters[0].of(simConfigMaps).len())

	w.configure(atOnce)
	w.awaitGone(web)
	removal := w.removal(web)
	require.NotNil(t, removal)
	require.Equal(t, corev1beta1.RemovalTarget{TypeConfig: "configmaps", Namespace: "team", Name: "web", UID: obj.UID}, removal.Spec.Target)
	require.Equal(t, []corev1beta1.RemovalCluster{{Name: "c2", UID: uid}}, removal.Spec.Clusters)
	require.Equal(t, metav1.DeletePropagationOrphan, *removal.Spec.DeleteOptions.PropagationPolicy)
	require.Equal(t, obj.DeletionTimestamp.Unix(), removal.Spec.RequestedAt.Unix())
	require.Equal(t, obj.Status.LastChange != nil, removal.Spec.RequestedBy != nil)
	require.InDelta(t, 24*time.Hour, removal.Spec.ExpiresAt.Sub(removal.CreationTimestamp.Time), float64(time.Minute))
	require.NotNil(t, lost.of(simConfigMaps).object(web))

	// Another process knows of it.
	w.kill()
	w.run()
	lost.setReady(true)
	w.awaitNoRemovals()
	require.Nil(t, lost.of(simConfigMaps).object(web))
	w.awaitWanted(both)
	w.awaitIdle()
}

// awaitIdleOr waits until nothing is queued but what waits for a member.
func (w *world) awaitIdleOr(keys ...types.NamespacedName) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		for _, key := range keys {
			if w.controller.ledger.has(objectKey{kind: "configmaps", NamespacedName: key}, "c0") {
				return false
			}
		}
		return w.controller.objects.Len() == 0
	}, patience, poll)
}

// What is left to do of deletions, after an outage in which a good deal happened.
func TestWhatIsLeftOfDeletionsAfterAnOutage(t *testing.T) {
	w := newTeam(t)
	w.configure(func(s *Settings) { s.UnreachableAfter, s.GiveUpAfter = time.Millisecond, 0 })
	lost := w.clusters[2].of(simConfigMaps)
	named := func(name string) types.NamespacedName { return types.NamespacedName{Namespace: "team", Name: name} }
	type outage struct {
		// before the deletion, meanwhile in the outage, and after it.
		before, meanwhile, after func(types.NamespacedName)
	}
	nothing := func(types.NamespacedName) {}
	uids := map[types.NamespacedName]types.UID{}
	goes := func(key types.NamespacedName) { require.Nil(t, lost.object(key), key) }
	// stays says that it is let go, and otherwise left alone.
	stays := func(key types.NamespacedName) {
		require.Eventually(t, func() bool { return lost.object(key) != nil && lost.object(key).managed == "" }, patience, poll, "%s: %+v", key, lost.object(key))
	}
	again := func(clusters ...string) func(types.NamespacedName) {
		return func(key types.NamespacedName) { require.NoError(t, w.put(simConfigMaps, key, "2", clusters...)) }
	}
	cases := map[string]outage{
		"untouched":    {nothing, nothing, goes},
		"gone-already": {nothing, func(key types.NamespacedName) { lost.mu.Lock(); delete(lost.objects, key); lost.mu.Unlock() }, goes},
		"not-ours-any-more": {nothing, func(key types.NamespacedName) {
			lost.alter(key, func(o *simObject) { o.managed = "" })
		}, stays},
		"of-another": {nothing, func(key types.NamespacedName) {
			lost.alter(key, func(o *simObject) { o.managed = "false" })
		}, func(key types.NamespacedName) { require.Equal(t, "false", lost.object(key).managed) }},
		"another-of-the-name": {nothing, func(key types.NamespacedName) {
			lost.alter(key, func(o *simObject) { o.uid = "another" })
		}, stays},
		"made-again-there": {nothing, again("c0", "c2"), func(key types.NamespacedName) {
			w.awaitWanted(map[schema.GroupVersionResource][]types.NamespacedName{simConfigMaps: {key}})
			require.Equal(t, uids[key], lost.object(key).uid, "it is taken over")
		}},
		"made-again-elsewhere": {nothing, again("c0"), func(key types.NamespacedName) {
			w.awaitWanted(map[schema.GroupVersionResource][]types.NamespacedName{simConfigMaps: {key}})
			goes(key)
		}},
		"made-again-elsewhere-to-be-kept": {nothing, func(key types.NamespacedName) {
			again("c0")(key)
			w.annotate(key, typesv1beta1.OrphanAnnotation, "true")
		}, goes},
		"made-again-there-and-let-go": {nothing, func(key types.NamespacedName) {
			again("c2")(key)
			w.annotate(key, typesv1beta1.OrphanAnnotation, "true")
			require.NoError(t, w.delete(simConfigMaps, key))
			w.awaitGone(key)
		}, stays},
		"made-and-deleted-again": {nothing, func(key types.NamespacedName) {
			again("c2")(key)
			require.NoError(t, w.delete(simConfigMaps, key))
			w.awaitGone(key)
		}, goes},
		"given-up": {nothing, func(key types.NamespacedName) {
			require.NoError(t, w.federation.CoreV1beta1().PendingRemovals(typeserver.Namespace).Delete(t.Context(), w.removal(key).Name, metav1.DeleteOptions{}))
		}, stays},
		"to-be-kept": {func(key types.NamespacedName) { w.annotate(key, typesv1beta1.OrphanAnnotation, "true") }, func(key types.NamespacedName) {
			require.Nil(t, w.removal(key))
		}, stays},
		"not-met": {func(key types.NamespacedName) {
			w.annotate(key, typesv1beta1.DeleteOptionAnnotation, `{"preconditions":{"uid":"another"}}`)
			// Where it can be reached it is not met either.
			require.NoError(t, w.put(simConfigMaps, key, "1", "c2"))
		}, nothing, stays},
	}
	for name := range cases {
		require.NoError(t, w.put(simConfigMaps, named(name), "1", "c2"))
	}
	var all []types.NamespacedName
	for name := range cases {
		all = append(all, named(name))
	}
	w.awaitWanted(map[schema.GroupVersionResource][]types.NamespacedName{simConfigMaps: all})
	w.awaitIdle()
	for _, key := range all {
		uids[key] = lost.object(key).uid
		cases[key.Name].before(key)
	}
	w.awaitIdle()
	w.clusters[2].setReady(false)
	for _, key := range all {
		require.NoError(t, w.delete(simConfigMaps, key))
	}
	for _, key := range all {
		w.awaitGone(key)
	}
	for _, key := range all {
		cases[key.Name].meanwhile(key)
	}
	if rand.IntN(2) == 0 {
		w.kill()
		w.run()
	}
	writes := w.clusters[2].writes
	w.clusters[2].setReady(true)
	w.awaitNoRemovals()
	w.awaitIdle()
	for _, key := range all {
		t.Run(key.Name, func(*testing.T) { cases[key.Name].after(key) })
	}
	require.Less(t, writes, w.clusters[2].writes)
}

func TestRemovalsAreGivenUp(t *testing.T) {
	w := newTeam(t)
	w.configure(func(s *Settings) { s.UnreachableAfter, s.GiveUpAfter = time.Millisecond, time.Second })
	require.NoError(t, w.put(simConfigMaps, web, "1", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	w.clusters[1].setReady(false)
	w.clusters[2].setReady(false)
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitGone(web)
	w.awaitNoRemovals()
	w.clusters[2].setReady(true)
	require.Eventually(t, func() bool { return w.clusters[2].of(simConfigMaps).object(web).managed == "" }, patience, poll, "it is let go")

	// A cluster that leaves is not waited for.
	w.configure(func(s *Settings) { s.GiveUpAfter = 0 })
	require.NoError(t, w.put(simConfigMaps, web, "1", "c1", "c2"))
	w.awaitStatus(web, "c2", typesv1beta1.ClusterPropagationOK)
	w.clusters[2].setReady(false)
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitGone(web)
	require.Len(t, w.removal(web).Spec.Clusters, 2)
	require.Nil(t, w.removal(web).Spec.ExpiresAt)
	w.leave("c1")
	require.Eventually(t, func() bool { return len(w.removal(web).Spec.Clusters) == 1 }, patience, poll)
	w.leave("c2")
	w.awaitNoRemovals()
	require.NotNil(t, w.clusters[2].of(simConfigMaps).object(web))
}

// The process ends after what is left to do was stored and before the object is let
// go.
func TestACrashBeforeTheObjectIsLetGo(t *testing.T) {
	w := newTeam(t)
	w.configure(atOnce)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	w.mu.Lock()
	w.unreleased = true
	w.mu.Unlock()
	w.clusters[2].setReady(false)
	require.NoError(t, w.delete(simConfigMaps, web))
	require.Eventually(t, func() bool { return w.removal(web) != nil }, patience, poll)
	w.kill()
	// Meanwhile it is another member that cannot be reached.
	w.clusters[2].setReady(true)
	w.clusters[1].of(simConfigMaps).alter(web, func(o *simObject) { *o = simObject{uid: "back", version: 1, managed: "true", body: "{}"} })
	w.clusters[1].setReady(false)
	w.run()
	require.Eventually(t, func() bool {
		removal := w.removal(web)
		return removal != nil && len(removal.Spec.Clusters) == 1 && removal.Spec.Clusters[0].Name == "c1" || w.clusters[2].of(simConfigMaps).object(web) == nil
	}, patience, poll)
	w.mu.Lock()
	w.unreleased = false
	w.mu.Unlock()
	w.awaitGone(web)
	require.Nil(t, w.clusters[2].of(simConfigMaps).object(web))
	w.clusters[1].setReady(true)
	w.awaitNoRemovals()
	w.awaitWanted(both)
}

// The cache of removals may be behind that of federated objects: what the storage
// has counts.
func TestACopyThatARemovalNamesIsNotLetGo(t *testing.T) {
	w := newTeam(t)
	for _, c := range w.clusters[:2] {
		c.of(simConfigMaps).alter(web, func(o *simObject) { *o = simObject{uid: "left", version: 1, managed: "true", body: "{}"} })
		c.setReady(false)
	}
	key := objectKey{kind: "configmaps", NamespacedName: web}
	_, err := w.federation.CoreV1beta1().PendingRemovals(typeserver.Namespace).Create(t.Context(), &corev1beta1.PendingRemoval{
		ObjectMeta: metav1.ObjectMeta{Name: removalName(key, "u"), Labels: map[string]string{corev1beta1.RemovalTargetLabel: targetHash(key)}},
		Spec: corev1beta1.PendingRemovalSpec{
			Target:      corev1beta1.RemovalTarget{TypeConfig: "configmaps", Namespace: "team", Name: "web", UID: "u"},
			Clusters:    []corev1beta1.RemovalCluster{{Name: "c0"}},
			RequestedAt: metav1.Now(),
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	release := func(cluster *simCluster) error {
		k := w.controller.kind("configmaps")
		return w.controller.worker(cluster.name).unmanageLeftover(t.Context(), k, key, cluster.of(simConfigMaps), web)
	}
	require.NoError(t, release(w.clusters[0]), "nothing is asked of the member")
	require.ErrorContains(t, release(w.clusters[1]), "take the label off")
	w.clusters[0].setReady(true)
	w.awaitNoRemovals()
	require.Nil(t, w.clusters[0].of(simConfigMaps).object(web))
}

// Somebody else keeps the object, after it was let go here.
func TestAnObjectThatAnotherKeeps(t *testing.T) {
	w := newTeam(t)
	w.configure(atOnce)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	finalizers := func(list string) {
		_, err := w.client.Resource(w.kinds[simConfigMaps].Resource()).Namespace(web.Namespace).
			Patch(t.Context(), web.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":[`+list+`]}}`), metav1.PatchOptions{})
		require.NoError(t, err)
	}
	finalizers(`"` + typesv1beta1.SyncFinalizer + `","example.com/kept"`)
	w.clusters[2].setReady(false)
	require.NoError(t, w.delete(simConfigMaps, web))
	require.Eventually(t, func() bool {
		obj, err := w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
		return err == nil && len(obj.Finalizers) == 1
	}, patience, poll)
	require.NotNil(t, w.removal(web))
	w.clusters[2].setReady(true)
	require.Eventually(t, func() bool { return w.clusters[2].of(simConfigMaps).object(web) == nil }, patience, poll)
	finalizers("")
	w.awaitGone(web)
	w.awaitNoRemovals()
}

// A member that must not be written to is not, until it may be.
func TestRemovalsWaitForAMemberThatIsHeld(t *testing.T) {
	w := newTeam(t)
	w.configure(atOnce)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	lost := w.clusters[2]
	lost.setReady(false)
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitGone(web)
	lost.hold(&members.HeldError{Member: lost.name, Reason: members.HoldNotOwner, Message: "another hub writes there"})
	writes := lost.writeCount()
	lost.setReady(true)
	w.awaitIdle()
	removal := w.removal(web)
	require.NotNil(t, removal)
	require.Equal(t, corev1beta1.ReasonClustersNotReady, removal.Status.Conditions[0].Reason)
	require.Equal(t, writes, lost.writeCount())
	lost.hold(nil)
	w.awaitNoRemovals()
	require.Nil(t, lost.of(simConfigMaps).object(web))
}
