package federatedtypes

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

func TestKindInProcess(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps)
	kind, ok := s.Types.Kind("federatedconfigmaps")
	require.True(t, ok)
	apply(t, s, configMaps, "team", "one", `{template: {data: {a: "1"}}, placement: {clusters: [{name: x}]}}`)

	informer := cache.NewSharedIndexInformer(kind.ListerWatcher(), &typesv1beta1.FederatedObject{}, 0, cache.Indexers{})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		informer.RunWithContext(ctx)
	}()
	defer func() {
		cancel()
		<-stopped
	}()
	cached := func(name string) *typesv1beta1.FederatedObject {
		item, found, err := informer.GetIndexer().GetByKey("demo/" + name)
		require.NoError(t, err)
		if !found {
			return nil
		}
		return item.(*typesv1beta1.FederatedObject)
	}
	require.Eventually(t, func() bool { return informer.HasSynced() && cached("one") != nil }, patience, poll)
	create(t, s, configMaps, "two", `{template: {data: {}}}`)
	require.Eventually(t, func() bool { return cached("two") != nil }, patience, poll)
	require.JSONEq(t, `{"data":{"a":"1"}}`, string(cached("one").Spec.Template.Raw))

	t.Run("status is written without a field manager, and only once", func(t *testing.T) {
		before, err := kind.Get(t.Context(), "demo", "one")
		require.NoError(t, err)
		changed := before.DeepCopy()
		changed.Status.ObservedGeneration = 1
		changed.Labels = map[string]string{"not": "written"}
		written, err := kind.UpdateStatus(t.Context(), changed)
		require.NoError(t, err)
		require.Equal(t, before.ManagedFields, written.ManagedFields)
		require.Empty(t, written.Labels)
		require.NotEqual(t, before.ResourceVersion, written.ResourceVersion)
		again, err := kind.UpdateStatus(t.Context(), written)
		require.NoError(t, err)
		require.Equal(t, written.ResourceVersion, again.ResourceVersion)

		_, err = kind.UpdateStatus(t.Context(), withStatus(before, 7))
		require.True(t, apierrors.IsConflict(err), "%v", err)
	})
	t.Run("a status that makes the object too large is refused as such", func(t *testing.T) {
		obj, err := kind.Get(t.Context(), "demo", "one")
		require.NoError(t, err)
		obj = obj.DeepCopy()
		obj.Status.Clusters = []typesv1beta1.ClusterStatus{{Name: "a", Message: string(make([]byte, 400_000))}}
		_, err = kind.UpdateStatus(t.Context(), obj)
		require.Error(t, err)
		require.True(t, apierrors.IsInvalid(err) || apierrors.IsRequestEntityTooLargeError(err), "%v", err)
	})
	t.Run("count", func(t *testing.T) {
		count, err := kind.Count(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, count)
	})
	t.Run("an object goes with its last finalizer, and a namesake stays", func(t *testing.T) {
		old, err := kind.Get(t.Context(), "demo", "two")
		require.NoError(t, err)
		require.NoError(t, objects(t, s, configMaps).Delete(t.Context(), "two", metav1.DeleteOptions{}))
		require.NoError(t, kind.RemoveFinalizer(t.Context(), old, typesv1beta1.SyncFinalizer))
		_, err = kind.Get(t.Context(), "demo", "two")
		require.True(t, apierrors.IsNotFound(err), "%v", err)
		require.NoError(t, kind.RemoveFinalizer(t.Context(), old, typesv1beta1.SyncFinalizer), "gone already")
		namesake := create(t, s, configMaps, "two", `{template: {data: {}}}`)
		require.NoError(t, kind.RemoveFinalizer(t.Context(), old, typesv1beta1.SyncFinalizer), "gone, and another in its place")
		current, err := kind.Get(t.Context(), "demo", "two")
		require.NoError(t, err)
		require.Equal(t, namesake.GetResourceVersion(), current.ResourceVersion)
	})
	t.Run("an object that is being deleted goes, as it is known or changed since", func(t *testing.T) {
		for name, change := range map[string]string{"known": "", "labelled": `{"metadata":{"labels":{"a":"b"}}}`} {
			create(t, s, configMaps, name, `{template: {data: {}}}`)
			require.NoError(t, objects(t, s, configMaps).Delete(t.Context(), name, metav1.DeleteOptions{}))
			known, err := kind.Get(t.Context(), "demo", name)
			require.NoError(t, err)
			if change != "" {
				_, err = objects(t, s, configMaps).Patch(t.Context(), name, types.MergePatchType, []byte(change), metav1.PatchOptions{})
				require.NoError(t, err)
			}
			require.NoError(t, kind.RemoveFinalizer(t.Context(), known, typesv1beta1.SyncFinalizer))
			_, err = kind.Get(t.Context(), "demo", name)
			require.True(t, apierrors.IsNotFound(err), "%s: %v", name, err)
			create(t, s, configMaps, name, `{template: {data: {}}}`)
			require.NoError(t, kind.RemoveFinalizer(t.Context(), known, typesv1beta1.SyncFinalizer), "gone, and another in its place")
			_, err = kind.Get(t.Context(), "demo", name)
			require.NoError(t, err)
		}
	})
	t.Run("an object stays as long as another holds it", func(t *testing.T) {
		create(t, s, configMaps, "held", `{template: {data: {}}}`)
		_, err := objects(t, s, configMaps).Patch(t.Context(), "held", types.MergePatchType,
			[]byte(`{"metadata":{"finalizers":["example.com/hold","`+typesv1beta1.SyncFinalizer+`"]}}`), metav1.PatchOptions{})
		require.NoError(t, err)
		require.NoError(t, objects(t, s, configMaps).Delete(t.Context(), "held", metav1.DeleteOptions{}))
		known, err := kind.Get(t.Context(), "demo", "held")
		require.NoError(t, err)
		require.NoError(t, kind.RemoveFinalizer(t.Context(), known, typesv1beta1.SyncFinalizer))
		left, err := kind.Get(t.Context(), "demo", "held")
		require.NoError(t, err)
		require.Equal(t, []string{"example.com/hold"}, left.Finalizers)
		// Whoever knows it with one finalizer only does not delete what has another.
		outdated := left.DeepCopy()
		outdated.Finalizers, outdated.ResourceVersion = []string{typesv1beta1.SyncFinalizer}, known.ResourceVersion
		require.NoError(t, kind.RemoveFinalizer(t.Context(), outdated, typesv1beta1.SyncFinalizer))
		_, err = kind.Get(t.Context(), "demo", "held")
		require.NoError(t, err)
	})
	t.Run("the end of a kind is seen", func(t *testing.T) {
		s.Types.Disable(t.Context(), configMaps.Name)
		<-kind.Done()
	})
}

func TestInProcessReadersShareObjects(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps)
	kind, ok := s.Types.Kind("federatedconfigmaps")
	require.True(t, ok)
	create(t, s, configMaps, "before", `{template: {data: {a: "1"}}}`)

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	informers := make([]cache.SharedIndexInformer, 4)
	for i := range informers {
		informers[i] = cache.NewSharedIndexInformer(kind.ListerWatcher(), &typesv1beta1.FederatedObject{}, 0, cache.Indexers{})
		running.Go(func() { informers[i].RunWithContext(ctx) })
	}
	held := func(i int, name string) *typesv1beta1.FederatedObject {
		item, found, err := informers[i].GetIndexer().GetByKey("demo/" + name)
		if err != nil || !found {
			return nil
		}
		return item.(*typesv1beta1.FederatedObject)
	}
	for i := range informers {
		require.Eventually(t, func() bool { return informers[i].HasSynced() && held(i, "before") != nil }, patience, poll)
	}
	create(t, s, configMaps, "after", `{template: {data: {a: "1"}}}`)
	for _, name := range []string{"before", "after"} {
		for i := range informers {
			require.Eventually(t, func() bool { return held(i, name) != nil }, patience, poll)
			require.Same(t, &held(0, name).Spec.Template.Raw[0], &held(i, name).Spec.Template.Raw[0], "%s is held twice", name)
		}
	}
	require.NoError(t, kind.RemoveFinalizer(t.Context(), held(0, "after"), typesv1beta1.SyncFinalizer))
	require.NoError(t, objects(t, s, configMaps).Delete(t.Context(), "after", metav1.DeleteOptions{}))
	for i := range informers {
		require.Eventually(t, func() bool { return held(i, "after") == nil }, patience, poll)
	}
}

func withStatus(obj *typesv1beta1.FederatedObject, generation int64) *typesv1beta1.FederatedObject {
	changed := obj.DeepCopy()
	changed.Status.ObservedGeneration = generation
	return changed
}
