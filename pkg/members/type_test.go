package members_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

func TestCopiesAreAppliedObservedAndDeleted(t *testing.T) {
	f := newFixture(t, members.Options{})
	configs := f.member.Type(configMaps, true)
	require.Same(t, configs, f.member.Type(configMaps, true))
	f.synced(configs)
	told := make(chan types.NamespacedName, 100)
	configs.AddEventHandler(func(key types.NamespacedName) {
		if key.Namespace == f.namespace {
			told <- key
		}
	}, func(types.NamespacedName) {})
	// await waits to be told until what is known is as wanted.
	await := func(what string, wanted func(o members.Observed, found bool) bool) members.Observed {
		t.Helper()
		for {
			select {
			case key := <-told:
				require.Equal(t, f.key("web"), key)
				if o, found := configs.Get(key); wanted(o, found) {
					return o
				}
			case <-time.After(patience):
				require.Fail(t, "not told", what)
			}
		}
	}

	made, err := configs.Apply(f, f.key("web"), f.configMap("web", map[string]string{"a": "1", "b": "2"}))
	require.NoError(t, err)
	require.NotEmpty(t, made.UID)
	require.NotEmpty(t, made.Owned)
	require.Equal(t, "true", made.Managed)
	known, ok := configs.Get(f.key("web"))
	require.True(t, ok, "an own write shows at once")
	require.Equal(t, made, known)

	again, err := configs.Apply(f, f.key("web"), f.configMap("web", map[string]string{"a": "1", "b": "2"}))
	require.NoError(t, err)
	require.Equal(t, made, again, "nothing to do is nothing done")

	live, err := f.admin.CoreV1().ConfigMaps(f.namespace).Get(f, "web", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, typesv1beta1.FieldManager, live.ManagedFields[0].Manager)
	live.Data["a"] = "changed by hand"
	live.Data["c"] = "added by hand"
	_, err = f.admin.CoreV1().ConfigMaps(f.namespace).Update(f, live, metav1.UpdateOptions{})
	require.NoError(t, err)
	await("drift shows in the fields that we own", func(o members.Observed, found bool) bool {
		return found && o.Owned != made.Owned
	})

	healed, err := configs.Apply(f, f.key("web"), f.configMap("web", map[string]string{"a": "1", "b": "2"}))
	require.NoError(t, err)
	again, err = configs.Apply(f, f.key("web"), f.configMap("web", map[string]string{"a": "1", "b": "2"}))
	require.NoError(t, err)
	require.Equal(t, healed, again, "what is healed stays so")
	live, err = f.admin.CoreV1().ConfigMaps(f.namespace).Get(f, "web", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "1", "b": "2", "c": "added by hand"}, live.Data)

	_, err = configs.Delete(f, f.key("web"), "another-uid", metav1.DeleteOptions{})
	var notOurs *members.NotOursError
	require.ErrorAs(t, err, &notOurs)
	gone, err := configs.Delete(f, f.key("web"), made.UID, metav1.DeleteOptions{})
	require.NoError(t, err)
	require.True(t, gone)
	_, ok = configs.Get(f.key("web"))
	require.False(t, ok, "an own deletion shows at once")
	gone, err = configs.Delete(f, f.key("web"), made.UID, metav1.DeleteOptions{})
	require.NoError(t, err)
	require.True(t, gone, "what is not there is gone")

	_, err = f.admin.CoreV1().ConfigMaps(f.namespace).Create(f, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "web", Labels: map[string]string{typesv1beta1.ManagedLabel: "true"},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	made = await("someone makes one with the label", func(_ members.Observed, found bool) bool { return found })
	require.Empty(t, made.Owned)
	require.NoError(t, f.admin.CoreV1().ConfigMaps(f.namespace).Delete(f, "web", metav1.DeleteOptions{}))
	await("someone deletes it", func(_ members.Observed, found bool) bool { return !found })
}

func TestDeletionWaitsForFinalizers(t *testing.T) {
	f := newFixture(t, members.Options{})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	made, err := configs.Apply(f, f.key("held"), f.configMap("held", nil))
	require.NoError(t, err)
	_, err = f.admin.CoreV1().ConfigMaps(f.namespace).Patch(f, "held", types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.com/hold"]}}`), metav1.PatchOptions{})
	require.NoError(t, err)

	gone, err := configs.Delete(f, f.key("held"), made.UID, metav1.DeleteOptions{})
	require.NoError(t, err)
	require.False(t, gone)
	known, ok := configs.Get(f.key("held"))
	require.True(t, ok)
	require.True(t, known.Deleting)

	_, err = f.admin.CoreV1().ConfigMaps(f.namespace).Patch(f, "held", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	f.eventually("gone", func() bool {
		_, ok := configs.Get(f.key("held"))
		return !ok
	})
}

func TestUnmanageLeavesTheObjectToTheMember(t *testing.T) {
	f := newFixture(t, members.Options{})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	for _, others := range []bool{false, true} {
		name := fmt.Sprintf("left-%t", others)
		_, err := configs.Apply(f, f.key(name), f.configMap(name, map[string]string{"a": "1"}))
		require.NoError(t, err)
		if others {
			_, err = f.admin.CoreV1().ConfigMaps(f.namespace).Patch(f, name, types.MergePatchType, []byte(`{"data":{"b":"2"},"metadata":{"labels":{"app":"web"}}}`), metav1.PatchOptions{FieldManager: "someone"})
			require.NoError(t, err)
		}

		require.NoError(t, configs.Unmanage(f, f.key(name)))
		_, ok := configs.Get(f.key(name))
		require.False(t, ok, "what is not ours is not observed")
		live, found, err := configs.GetLive(f, f.key(name))
		require.NoError(t, err)
		require.True(t, found)
		require.Empty(t, live.Managed)
		require.Empty(t, live.Owned)
		object, err := f.admin.CoreV1().ConfigMaps(f.namespace).Get(f, name, metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, "1", object.Data["a"], "no other field changes")
		if others {
			require.Equal(t, "2", object.Data["b"])
			require.Equal(t, map[string]string{"app": "web"}, object.Labels)
			require.Len(t, object.ManagedFields, 1)
			require.Equal(t, "someone", object.ManagedFields[0].Manager)
		} else {
			require.Empty(t, object.ManagedFields)
		}
		require.NoError(t, configs.Unmanage(f, f.key(name)), "twice is once")

		_, err = configs.Apply(f, f.key(name), f.configMap(name, map[string]string{"a": "3"}))
		require.NoError(t, err)
		known, ok := configs.Get(f.key(name))
		require.True(t, ok, "it can be taken over again")
		require.NotEmpty(t, known.Owned)
	}

	_, err := f.admin.CoreV1().ConfigMaps(f.namespace).Create(f, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "refuses", Labels: map[string]string{typesv1beta1.ManagedLabel: "false"},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, configs.Unmanage(f, f.key("refuses")))
	live, _, err := configs.GetLive(f, f.key("refuses"))
	require.NoError(t, err)
	require.Equal(t, "false", live.Managed, "the user's own label stays")
	require.NoError(t, configs.Unmanage(f, f.key("not-there")))
	_, found, err := configs.GetLive(f, f.key("not-there"))
	require.NoError(t, err)
	require.False(t, found)
}

func TestReplicasAreHandedOverAtTheirValue(t *testing.T) {
	f := newFixture(t, members.Options{})
	apps := f.member.Type(deployments, true)
	body := func(replicas string) []byte {
		return fmt.Appendf(nil, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":%q,"labels":{"kubefed.io/managed":"true"}},
			"spec":{%s"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"nginx"}]}}}}`, f.namespace, replicas)
	}
	require.NoError(t, apps.HandOverReplicas(f, f.key("web")), "what is not there is left alone")
	_, err := apps.Apply(f, f.key("web"), body(`"replicas":3,`))
	require.NoError(t, err)
	require.NoError(t, apps.HandOverReplicas(f, f.key("web")))
	_, err = apps.Apply(f, f.key("web"), body(""))
	require.NoError(t, err)
	live, err := f.admin.AppsV1().Deployments(f.namespace).Get(f, "web", metav1.GetOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 3, *live.Spec.Replicas)

	require.NoError(t, apps.Unmanage(f, f.key("web")))
	live, err = f.admin.AppsV1().Deployments(f.namespace).Get(f, "web", metav1.GetOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 3, *live.Spec.Replicas)
	for _, e := range live.ManagedFields {
		require.NotContains(t, e.Manager, typesv1beta1.FieldManager, "nothing of it is ours")
	}
}

func TestNamesThatWouldLeadElsewhereAreRefused(t *testing.T) {
	f := newFixture(t, members.Options{})
	configs := f.member.Type(configMaps, true)
	for _, key := range []types.NamespacedName{
		{Namespace: f.namespace, Name: "../../secrets/a"}, {Namespace: f.namespace, Name: ".."},
		{Namespace: "..", Name: "a"}, {Name: "a"}, {Namespace: f.namespace}, {Namespace: f.namespace, Name: "a%2f"},
	} {
		_, _, err := configs.GetLive(f, key)
		require.Error(t, err, "%v", key)
		_, err = configs.Delete(f, key, "uid", metav1.DeleteOptions{})
		require.Error(t, err, "%v", key)
	}
	_, err := configs.Delete(f, f.key("a"), "", metav1.DeleteOptions{})
	require.ErrorContains(t, err, "a UID must be given")
}
func TestAStoppedTypeIsObservedAnew(t *testing.T) {
	f := newFixture(t, members.Options{})
	first := f.member.Type(configMaps, true)
	f.synced(first)
	f.member.StopType(configMaps)
	f.member.StopType(configMaps)
	second := f.member.Type(configMaps, true)
	require.NotSame(t, first, second)
	f.synced(second)
	_, err := second.Apply(f, f.key("web"), f.configMap("web", nil))
	require.NoError(t, err)
	_, ok := first.Get(f.key("web"))
	require.False(t, ok, "what is stopped follows nothing")
}

func TestAnObjectIsWrittenInItsOwnVersion(t *testing.T) {
	f := newFixture(t, members.Options{})
	observed := schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
	scalers := f.member.Type(observed, true)
	f.synced(scalers)

	made, err := scalers.Apply(f, f.key("web"), fmt.Appendf(nil, `{"apiVersion":"autoscaling/v1","kind":"HorizontalPodAutoscaler",
		"metadata":{"name":"web","namespace":%q,"labels":{"kubefed.io/managed":"true"}},
		"spec":{"maxReplicas":3,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"targetCPUUtilizationPercentage":50}}`, f.namespace))
	require.NoError(t, err)
	known, ok := scalers.Get(f.key("web"))
	require.True(t, ok)
	require.Equal(t, made, known)
	live, err := f.admin.AutoscalingV2().HorizontalPodAutoscalers(f.namespace).Get(f, "web", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "autoscaling/v1", live.ManagedFields[0].APIVersion)
	require.Len(t, live.Spec.Metrics, 1)

	_, err = scalers.Apply(f, f.key("web"), []byte(`{"apiVersion":"a/b/c"}`))
	require.ErrorContains(t, err, "a/b/c")
}
