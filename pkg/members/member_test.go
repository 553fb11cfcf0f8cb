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
