package members_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2/ktesting"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// patience bounds every wait; a busy machine needs a part of it.
const patience = time.Minute

var (
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// environment is one without a federation, which would take the objects of these
// tests for copies that it has forgotten.
var environment = sync.OnceValues(func() (*env.Environment, error) {
	return env.Start(context.Background(), env.Options{
		Members: []string{"cluster1"}, WithoutFederation: true, Progress: progress.NewWriter(os.Stderr),
	})
})

// started says that environment has been asked for.
var started bool

func TestMain(m *testing.M) {
	code := m.Run()
	if started {
		if e, err := environment(); err == nil {
			if err := e.Stop(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, "end the test environment:", err)
				code = max(code, 1)
			}
		}
	}
	os.Exit(code)
}

// fixture is a member that is a real cluster, in a Set of its own.
type fixture struct {
	context.Context
	t         *testing.T
	cluster   *env.Cluster
	admin     kubernetes.Interface
	namespace string
	set       *members.Set
	kubefed   *corev1beta1.KubeFedCluster
	secret    *corev1.Secret
	member    *members.Member
}

func newFixture(t *testing.T, options members.Options) *fixture {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real cluster: not with -short")
	}
	started = true
	e, err := environment()
	require.NoError(t, err)
	_, ctx := ktesting.NewTestContext(t)
	f := &fixture{t: t, Context: ctx, cluster: e.Member("cluster1")}
	admin, err := kubernetes.NewForConfig(f.cluster.Config())
	require.NoError(t, err)
	f.admin = admin
	namespace, err := f.admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "members-"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	f.namespace = namespace.Name
	t.Cleanup(func() {
		ctx := context.Background()
		require.NoError(t, f.cluster.RestoreNetwork(ctx))
		require.NoError(t, f.admin.CoreV1().Namespaces().Delete(ctx, f.namespace, metav1.DeleteOptions{}))
	})

	f.kubefed = &corev1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "one", Labels: map[string]string{"region": "eu"}},
		Spec: corev1beta1.KubeFedClusterSpec{
			APIEndpoint: f.cluster.Endpoint(), CABundle: f.cluster.Config().CAData,
			SecretRef: corev1beta1.LocalSecretReference{Name: "one"},
		},
	}
	f.secret = &corev1.Secret{Data: map[string][]byte{members.TokenKey: []byte(f.token())}}
	options.MinBackoff, options.MaxBackoff = 10*time.Millisecond, 200*time.Millisecond
	f.set = members.NewSet(ctx, options)
	t.Cleanup(f.set.Close)
	require.NoError(t, f.set.Update(f.kubefed, f.secret))
	f.set.SetReady("one", true, nil)
	member, ok := f.set.Get("one")
	require.True(t, ok)
	f.member = member
	return f
}

// token returns one of a new service account that may do everything.
func (f *fixture) token() string {
	f.t.Helper()
	account, err := f.admin.CoreV1().ServiceAccounts(f.namespace).Create(f, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{GenerateName: "federation-"}}, metav1.CreateOptions{})
	require.NoError(f.t, err)
	binding, err := f.admin.RbacV1().ClusterRoleBindings().Create(f, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "members-test-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: account.Namespace, Name: account.Name}},
	}, metav1.CreateOptions{})
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		require.NoError(f.t, f.admin.RbacV1().ClusterRoleBindings().Delete(context.Background(), binding.Name, metav1.DeleteOptions{}))
	})
	request, err := f.admin.CoreV1().ServiceAccounts(f.namespace).CreateToken(f, account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(f.t, err)
	return request.Status.Token
}

func (f *fixture) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: f.namespace, Name: name}
}

// configMap is what is applied: data and the label.
func (f *fixture) configMap(name string, data map[string]string) []byte {
	f.t.Helper()
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{
			"name": name, "namespace": f.namespace,
			"labels": map[string]string{typesv1beta1.ManagedLabel: "true"},
		},
		"data": data,
	})
	require.NoError(f.t, err)
	return body
}

func (f *fixture) eventually(what string, condition func() bool) {
	f.t.Helper()
	require.Eventually(f.t, condition, patience, 5*time.Millisecond, what)
}

func (f *fixture) synced(t *members.Type) {
	f.t.Helper()
	f.eventually("synced", func() bool {
		state, err := t.State()
		return state == members.Synced && err == nil
	})
}

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
	})
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
	require.Equal(t, made.Owned, healed.Owned)
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

func TestATypeThatTheMemberLacksIsItsOwnAffair(t *testing.T) {
	f := newFixture(t, members.Options{})
	widgets := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}
	missing := f.member.Type(widgets, true)
	states := make(chan members.State, 100)
	missing.AddStateHandler(func() {
		state, _ := missing.State()
		states <- state
	})
	f.synced(f.member.Type(configMaps, true))
	f.synced(f.member.Type(namespaces, false))
	f.eventually("not available", func() bool {
		state, err := missing.State()
		var notAvailable *members.NotAvailableError
		return state == members.NotAvailable && errors.As(err, &notAvailable)
	})
	_, err := missing.Apply(f, f.key("a"), []byte(fmt.Sprintf(`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a","namespace":%q}}`, f.namespace)))
	var notAvailable *members.NotAvailableError
	require.ErrorAs(t, err, &notAvailable)
	_, _, err = missing.GetLive(f, f.key("a"))
	require.ErrorAs(t, err, &notAvailable)

	// A namespace that is not there is another matter than a resource that is not.
	elsewhere := types.NamespacedName{Namespace: "not-there", Name: "a"}
	_, err = f.member.Type(configMaps, true).Apply(f, elsewhere, []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"not-there"}}`))
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	require.NotErrorAs(t, err, &notAvailable)

	definition := []byte(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"widgets.example.com"},
		"spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"widgets","kind":"Widget"},
		"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`)
	definitions := f.admin.CoreV1().RESTClient()
	const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	require.NoError(t, definitions.Post().AbsPath(path).SetHeader("Content-Type", "application/json").Body(definition).Do(f).Error())
	removed := false
	remove := func() {
		if !removed {
			removed = true
			require.NoError(t, definitions.Delete().AbsPath(path, "widgets.example.com").Do(context.Background()).Error())
		}
	}
	t.Cleanup(remove)
	f.synced(missing)
	made, err := missing.Apply(f, f.key("a"), []byte(fmt.Sprintf(`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a","namespace":%q,"labels":{"kubefed.io/managed":"true"}},"spec":{"x":1}}`, f.namespace)))
	require.NoError(t, err)
	require.NotEmpty(t, made.Owned)
	gone, err := missing.Delete(f, f.key("a"), made.UID, metav1.DeleteOptions{})
	require.NoError(t, err)
	require.True(t, gone)

	remove()
	f.eventually("not available again", func() bool {
		state, _ := missing.State()
		return state == members.NotAvailable
	})
	require.Equal(t, members.NotAvailable, <-states)
	require.Equal(t, members.Synced, <-states)
	f.synced(f.member.Type(configMaps, true))
}

func TestAnUnreachableMemberFailsFastAndComesBack(t *testing.T) {
	f := newFixture(t, members.Options{RequestTimeout: time.Second})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	_, err := configs.Apply(f, f.key("web"), f.configMap("web", nil))
	require.NoError(t, err)

	require.NoError(t, f.cluster.RefuseNetwork(f))
	var notReady *members.NotReadyError
	f.eventually("fails fast", func() bool {
		_, _, err := configs.GetLive(f, f.key("web"))
		require.Error(t, err)
		return errors.As(err, &notReady)
	})
	require.Positive(t, notReady.RetryAfter)
	f.eventually("not synced", func() bool {
		state, err := configs.State()
		return state == members.Syncing && errors.As(err, &notReady)
	})
	_, ok := configs.Get(f.key("web"))
	require.True(t, ok, "the last known copies are kept")
	_, _, err = f.member.Probe(f)
	require.Error(t, err)
	require.NotErrorAs(t, err, &notReady, "a probe goes out all the same")

	// What happens meanwhile is seen afterwards.
	require.NoError(t, f.admin.CoreV1().ConfigMaps(f.namespace).Delete(f, "web", metav1.DeleteOptions{}))
	require.NoError(t, f.cluster.RestoreNetwork(f))
	f.synced(configs)
	f.eventually("seen", func() bool {
		_, ok := configs.Get(f.key("web"))
		return !ok
	})
	_, err = configs.Apply(f, f.key("web"), f.configMap("web", nil))
	require.NoError(t, err)
}

func TestAMemberThatHangsTimesOut(t *testing.T) {
	f := newFixture(t, members.Options{RequestTimeout: 200 * time.Millisecond})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	require.NoError(t, f.cluster.Freeze(f))
	thawed := false
	thaw := func() {
		if !thawed {
			thawed = true
			require.NoError(t, f.cluster.Thaw(context.Background()))
		}
	}
	t.Cleanup(thaw)
	_, err := configs.Apply(f, f.key("web"), f.configMap("web", nil))
	var timeout *members.TimeoutError
	require.ErrorAs(t, err, &timeout)
	ctx, cancel := context.WithCancel(f)
	cancel()
	_, err = configs.Apply(ctx, f.key("web"), f.configMap("web", nil))
	require.ErrorIs(t, err, context.Canceled, "the caller's own end is not the member's fault")
	probing, cancel := context.WithTimeout(f, 100*time.Millisecond)
	defer cancel()
	_, _, err = f.member.Probe(probing)
	require.ErrorAs(t, err, &timeout)

	thaw()
	f.eventually("answers again", func() bool {
		_, err := configs.Apply(f, f.key("web"), f.configMap("web", nil))
		return err == nil
	})
	f.synced(configs)
}

func TestARotatedTokenIsTakenUp(t *testing.T) {
	f := newFixture(t, members.Options{})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	bad := f.secret.DeepCopy()
	bad.Data[members.TokenKey] = []byte("not-a-token")
	require.NoError(t, f.set.Update(f.kubefed, bad))
	f.eventually("refused", func() bool {
		state, err := configs.State()
		return state == members.Failed && apierrors.IsUnauthorized(err)
	})
	healthy, answer, err := f.member.Probe(f)
	require.NoError(t, err)
	require.False(t, healthy)
	require.Equal(t, "401 Unauthorized", answer)

	require.NoError(t, f.set.Update(f.kubefed, f.secret))
	f.synced(configs)
	healthy, _, err = f.member.Probe(f)
	require.NoError(t, err)
	require.True(t, healthy)
}

func TestAnotherAddressMayBeAnotherCluster(t *testing.T) {
	f := newFixture(t, members.Options{})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	_, err := configs.Apply(f, f.key("web"), f.configMap("web", nil))
	require.NoError(t, err)

	moved := f.kubefed.DeepCopy()
	moved.Spec.APIEndpoint = "https://127.0.0.1:1"
	require.NoError(t, f.set.Update(moved, f.secret))
	f.eventually("nothing listens there", func() bool {
		state, err := configs.State()
		return state == members.Syncing && err != nil
	})
	f.eventually("what was elsewhere is forgotten", func() bool { return configs.Len() == 0 })

	moved.Spec.APIEndpoint = f.cluster.Config().Host // without the relay
	require.NoError(t, f.set.Update(moved, f.secret))
	f.synced(configs)
	_, ok := configs.Get(f.key("web"))
	require.True(t, ok)
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

func TestTheSetTellsWhatHappensToMembers(t *testing.T) {
	f := newFixture(t, members.Options{})
	var events []string
	f.set.AddEventHandler(func(e members.Event) {
		events = append(events, fmt.Sprintf("%s %s ready=%t", e.Type, e.Member.Name(), e.Member.Ready()))
	})
	heard := func() []string {
		defer func() { events = nil }()
		return events
	}
	require.Equal(t, []string{"Added one ready=true"}, heard())
	require.NoError(t, f.set.Update(f.kubefed, f.secret))
	require.Empty(t, heard(), "nothing changed")
	relabelled := f.kubefed.DeepCopy()
	relabelled.Labels = map[string]string{"region": "us"}
	require.NoError(t, f.set.Update(relabelled, f.secret))
	require.Equal(t, []string{"Changed one ready=true"}, heard())
	require.Equal(t, relabelled.Labels, f.member.Labels())
	f.set.SetReady("one", false, errors.New("cluster is not reachable"))
	require.Equal(t, []string{"Changed one ready=false"}, heard())
	_, _, err := f.member.Type(configMaps, true).GetLive(f, f.key("a"))
	require.ErrorContains(t, err, "cluster is not reachable")
	f.set.SetReady("one", true, nil)
	require.Equal(t, []string{"Changed one ready=true"}, heard())
	require.ErrorContains(t, f.set.Update(relabelled, nil), "there is no Secret")
	require.Equal(t, []string{"Changed one ready=false"}, heard())
	require.NoError(t, f.set.Update(relabelled, f.secret))
	require.Equal(t, []string{"Changed one ready=true"}, heard())

	second := f.kubefed.DeepCopy()
	second.Name = "another"
	second.Status.Conditions = []corev1beta1.ClusterCondition{{Type: corev1beta1.ClusterReady, Status: corev1.ConditionTrue}}
	require.NoError(t, f.set.Update(second, f.secret))
	require.Equal(t, []string{"Added another ready=true"}, heard(), "ready as it was last known to be")
	require.Equal(t, "another", f.set.List()[0].Name())
	configs := f.member.Type(configMaps, true)
	f.set.Remove("one")
	require.Equal(t, []string{"Removed one ready=true"}, heard())
	_, _, err = configs.GetLive(f, f.key("a"))
	var notReady *members.NotReadyError
	require.ErrorAs(t, err, &notReady)
	require.Len(t, f.set.List(), 1)
}

func TestVersionAndPlacesOfAMember(t *testing.T) {
	f := newFixture(t, members.Options{})
	version, err := f.member.Version(f)
	require.NoError(t, err)
	require.Regexp(t, `^v1\.\d+\.\d+`, version)
	region, zones, err := f.member.Topology(f)
	require.NoError(t, err)
	require.Equal(t, f.cluster.Region(), region)
	require.Contains(t, zones, f.cluster.Zone())
	require.IsIncreasing(t, zones)
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
