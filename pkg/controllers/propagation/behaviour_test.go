package propagation

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

var (
	team    = types.NamespacedName{Namespace: "team", Name: "team"}
	web     = types.NamespacedName{Namespace: "team", Name: "web"}
	theTeam = types.NamespacedName{Name: "team"}
	both    = map[schema.GroupVersionResource][]types.NamespacedName{simNamespaces: {team}, simConfigMaps: {web}}
)

// newTeam is a world with a namespace that is in all clusters.
func newTeam(t *testing.T) *world {
	w := newWorld(t, 3)
	w.assemble()
	return w
}

// assemble starts the controller, and has the namespace in three clusters.
func (w *world) assemble() {
	w.t.Helper()
	w.run()
	require.NoError(w.t, w.put(simNamespaces, team, "", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
}

func (w *world) annotate(key types.NamespacedName, annotation, value string) {
	w.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, annotation, value)
	_, err := w.client.Resource(w.kinds[simConfigMaps].Resource()).Namespace(key.Namespace).
		Patch(w.t.Context(), key.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(w.t, err)
}

// awaitStatus waits until the status says something of a cluster.
func (w *world) awaitStatus(key types.NamespacedName, cluster string, status typesv1beta1.PropagationStatus) *typesv1beta1.FederatedObject {
	w.t.Helper()
	var obj *typesv1beta1.FederatedObject
	require.Eventually(w.t, func() bool {
		live, err := w.kinds[simConfigMaps].Get(w.t.Context(), key.Namespace, key.Name)
		if err != nil {
			return false
		}
		obj = live
		entry := recordedCluster(live, cluster)
		return entry != nil && entry.Status == status && live.Status.ObservedGeneration == live.Generation
	}, patience, poll, "%s never says %q", cluster, status)
	return obj
}

func (w *world) hubWrites() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stored
}

func TestWritesDoNotGrowWithClusters(t *testing.T) {
	w := newWorld(t, 3)
	w.reports = 2 * time.Second // nothing takes that long, on a busy machine either
	w.assemble()
	before := w.hubWrites()
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	require.LessOrEqual(t, w.hubWrites()-before, 2, "beside the user's write of a creation")

	before = w.hubWrites()
	require.NoError(t, w.put(simConfigMaps, web, "2", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.awaitIdle()
	require.LessOrEqual(t, w.hubWrites()-before, 1, "beside the user's write of an update")

	before = w.hubWrites()
	members := w.writes()
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitWanted(both)
	w.awaitIdle()
	// Where a copy takes its time to go, the status says so once.
	require.LessOrEqual(t, w.hubWrites()-before, 2, "beside the user's write of a deletion")
	require.Equal(t, 3, w.writes()-members, "one request for each copy")
	require.Zero(t, w.askedInVain())
}

func TestASickMemberIsOnItsOwn(t *testing.T) {
	w := newTeam(t)
	sick := w.clusters[1]
	sick.hang(true)
	t.Cleanup(func() { sick.hang(false) })
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	obj := w.awaitStatus(web, "c2", typesv1beta1.ClusterPropagationOK)
	require.Equal(t, typesv1beta1.ClusterPropagationOK, recordedCluster(obj, "c0").Status)
	require.Equal(t, typesv1beta1.Pending, recordedCluster(obj, "c1").Status)

	sick.setReady(false)
	w.awaitStatus(web, "c1", typesv1beta1.ClusterNotReady)
	require.NoError(t, w.delete(simConfigMaps, web))
	require.Eventually(t, func() bool {
		_, first := w.clusters[0].of(simConfigMaps).copy(web)
		_, last := w.clusters[2].of(simConfigMaps).copy(web)
		return !first && !last
	}, patience, poll)
	obj = w.awaitStatus(web, "c1", typesv1beta1.WaitingForRemoval)
	require.NotNil(t, obj.DeletionTimestamp)
	require.Contains(t, recordedCluster(obj, "c1").Message, "not ready")

	sick.hang(false)
	sick.setReady(true)
	w.awaitWanted(both)
}

func TestATypeThatOneMemberLacks(t *testing.T) {
	w := newTeam(t)
	lacking, refusing := w.clusters[1].of(simConfigMaps), w.clusters[2].of(simConfigMaps)
	lacking.setState(CopiesNotAvailable)
	refusing.setState(CopiesFailed)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitStatus(web, "c0", typesv1beta1.ClusterPropagationOK)
	w.awaitStatus(web, "c1", typesv1beta1.TypeNotAvailable)
	w.awaitStatus(web, "c2", typesv1beta1.CachedRetrievalFailed)

	lacking.setState(CopiesSynced)
	refusing.setState(CopiesSynced)
	w.awaitWanted(both)

	// What is not served does not hold up a deletion.
	lacking.mu.Lock()
	lacking.objects, lacking.seen = map[types.NamespacedName]*simObject{}, map[types.NamespacedName]members.Observed{}
	lacking.mu.Unlock()
	lacking.setState(CopiesNotAvailable)
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitWanted(both)
}

func TestAdoption(t *testing.T) {
	w := newTeam(t)
	w.configure(func(s *Settings) { s.AdoptResources = false })
	for i, managed := range []string{"", typesv1beta1.ManagedLabelValueFalse} {
		objects := w.clusters[i].of(simConfigMaps)
		objects.mu.Lock()
		objects.objects[web] = &simObject{uid: "theirs", version: 1, managed: managed}
		objects.mu.Unlock()
		objects.show(web)
	}
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitStatus(web, "c0", typesv1beta1.AlreadyExists)
	w.awaitStatus(web, "c1", typesv1beta1.ManagedLabelFalse)
	w.awaitStatus(web, "c2", typesv1beta1.ClusterPropagationOK)

	// It is looked at again by itself.
	theirs := w.clusters[0].of(simConfigMaps)
	theirs.mu.Lock()
	delete(theirs.objects, web)
	theirs.mu.Unlock()
	w.awaitStatus(web, "c0", typesv1beta1.ClusterPropagationOK)

	// What is not ours is not deleted with the rest.
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitWanted(both)
	w.awaitIdle()
	require.Equal(t, 1, w.clusters[1].of(simConfigMaps).len())
}

func TestOrphansStay(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.annotate(web, typesv1beta1.OrphanAnnotation, "true")
	require.NoError(t, w.put(simConfigMaps, web, "1", "c1", "c2"))
	w.awaitWanted(both)
	require.NoError(t, w.delete(simConfigMaps, web))
	w.awaitWanted(both)
	for _, cluster := range w.clusters {
		require.Equal(t, 1, cluster.of(simConfigMaps).len(), cluster.name)
	}
}

func TestACopyOtherThanThePreconditionIsNotDeleted(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1", "c2"))
	w.awaitWanted(both)
	w.annotate(web, typesv1beta1.DeleteOptionAnnotation, `{"preconditions":{"uid":"another"}}`)
	require.NoError(t, w.delete(simConfigMaps, web))
	obj := w.awaitStatus(web, "c0", typesv1beta1.DeletionFailed)
	require.Contains(t, recordedCluster(obj, "c0").Message, "the precondition uid is another")
	require.Equal(t, 1, w.clusters[0].of(simConfigMaps).len())
	w.annotate(web, typesv1beta1.DeleteOptionAnnotation, `{"gracePeriodSeconds":0}`)
	w.awaitWanted(both)
}

func TestWithoutNamespacesNothingIsTouched(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
	w.awaitWanted(both)
	w.awaitIdle()
	writes := w.writes()
	w.controller.settled.Store(true) // as after the grace at the start
	w.controller.Stop(namespacesName)
	require.False(t, w.controller.Running(namespacesName))
	require.NoError(t, w.put(simConfigMaps, web, "2", "c2"))
	require.Eventually(t, func() bool {
		obj, err := w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
		return err == nil && condition(obj, typesv1beta1.PropagationCondition).Reason == typesv1beta1.ReasonNamespaceNotFederated
	}, patience, poll)
	w.awaitIdle()
	require.Equal(t, writes, w.writes())

	w.startKind(simNamespaces)
	w.awaitWanted(both)
}

func TestAStoppedKindIsLeftAlone(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
	w.awaitWanted(both)
	w.awaitIdle()
	writes := w.writes()
	w.controller.Stop(simConfigMaps.Resource)
	w.clusters[0].of(simConfigMaps).disturb()
	require.NoError(t, w.put(simConfigMaps, web, "2", "c2"))
	w.awaitIdle()
	require.Equal(t, writes, w.writes())

	w.startKind(simConfigMaps)
	w.awaitWanted(both)
}

func TestTheHostsNamespaceIsLabelledOnly(t *testing.T) {
	w := newTeam(t)
	host := w.clusters[0].of(simNamespaces)
	copy, _ := host.copy(theTeam)
	w.hostUID = copy.uid
	require.NoError(t, w.delete(simNamespaces, team))
	require.Eventually(t, func() bool {
		_, err := w.kinds[simNamespaces].Get(t.Context(), team.Namespace, team.Name)
		return err != nil
	}, patience, poll)
	require.Equal(t, 1, host.len(), "it stays in the host")
	_, managed := host.copy(theTeam)
	require.False(t, managed, "but not as ours")
	require.Zero(t, w.clusters[1].of(simNamespaces).len())
}

func TestACopyWithoutAFederatedObjectIsReleased(t *testing.T) {
	w := newTeam(t)
	objects := w.clusters[0].of(simConfigMaps)
	objects.mu.Lock()
	objects.objects[web] = &simObject{uid: "left", version: 1, managed: "true", body: "{}"}
	objects.mu.Unlock()
	objects.show(web)
	require.Eventually(t, func() bool {
		_, managed := objects.copy(web)
		return !managed && objects.len() == 1
	}, patience, poll)
}

func TestEndlessDriftIsRepairedEverMoreSeldom(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0"))
	w.awaitWanted(both)
	objects := w.clusters[0].of(simConfigMaps)
	drift := func() {
		objects.mu.Lock()
		objects.objects[web].drift++
		objects.mu.Unlock()
		objects.show(web)
	}
	for range freeRepairs {
		drift()
		w.awaitWanted(both)
	}
	// It may have been the last repair for so long that another is made at once.
	var obj *typesv1beta1.FederatedObject
	isLeft := func() bool {
		obj = w.get(simConfigMaps, web)
		return recordedCluster(obj, "c0").Status == typesv1beta1.UpdateFailed
	}
	for range freeRepairs {
		drift()
		require.Eventually(t, func() bool { return isLeft() || w.asWanted(simConfigMaps, web) == nil }, patience, poll)
		if isLeft() {
			break
		}
	}
	require.Equal(t, typesv1beta1.UpdateFailed, recordedCluster(obj, "c0").Status)
	require.Contains(t, recordedCluster(obj, "c0").Message, "again and again")
	w.awaitWanted(both)
}

func TestControllerRefusesWhatItCannotWorkWith(t *testing.T) {
	_, err := New(Config{})
	for _, name := range []string{"Members", "Federation", "Settings", "SystemNamespace", "HostNamespaceUID", "Events"} {
		require.ErrorContains(t, err, name)
	}

	w := newWorld(t, 1)
	w.run()
	require.Eventually(t, func() bool {
		w.controller.changing.Lock()
		defer w.controller.changing.Unlock()
		return w.controller.ctx != nil
	}, patience, poll)
	require.ErrorContains(t, w.controller.Run(t.Context()), "before")
	config := w.configs[simConfigMaps].DeepCopy()
	config.Spec.TargetType.Kind = ""
	require.ErrorContains(t, w.controller.Start(t.Context(), w.kinds[simConfigMaps], config), "kind")
	w.kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.Error(t, w.controller.Start(ctx, w.kinds[simConfigMaps], w.configs[simConfigMaps]), "after the end")
}

func TestTheFinalizerComesBack(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0"))
	w.awaitWanted(both)
	obj, err := w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
	require.NoError(t, err)
	require.NoError(t, w.kinds[simConfigMaps].RemoveFinalizer(t.Context(), obj, typesv1beta1.SyncFinalizer))
	require.Eventually(t, func() bool {
		live, err := w.kinds[simConfigMaps].Get(t.Context(), web.Namespace, web.Name)
		return err == nil && hasFinalizer(&live.ObjectMeta)
	}, patience, poll)
}

// A copy whose label was taken off while its cluster was away is known only by
// the status; what is not ours any more is left alone.
func TestRemovalOfACopyThatIsNotObserved(t *testing.T) {
	w := newTeam(t)
	require.NoError(t, w.put(simConfigMaps, web, "1", "c0", "c1"))
	w.awaitWanted(both)
	w.awaitIdle()
	w.kill()
	unlabelled := w.clusters[0].of(simConfigMaps)
	unlabelled.mu.Lock()
	unlabelled.objects[web].managed = ""
	unlabelled.mu.Unlock()
	require.NoError(t, w.delete(simConfigMaps, web))
	w.run()
	w.awaitWanted(both)
	require.Equal(t, 1, unlabelled.len())
	require.Zero(t, w.clusters[1].of(simConfigMaps).len())
}
