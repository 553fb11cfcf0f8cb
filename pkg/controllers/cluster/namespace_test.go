package cluster_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2/ktesting"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/cluster"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/settings"
	"github.com/kubefederation/federation-apiserver/test/env"
)

// elsewhere is a namespace of the host with clusters that only the controller of
// a test looks after.
type elsewhere struct {
	*fixture
	namespace string
	set       *members.Set
	spec      corev1beta1.KubeFedClusterSpec
	token     map[string][]byte
}

func setupElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	f := setup(t)
	namespace, err := f.host.CoreV1().Namespaces().Create(f.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "clusters-"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, f.host.CoreV1().Namespaces().Delete(context.Background(), namespace.Name, metav1.DeleteOptions{}))
	})
	model := f.until("cluster1", "Ready=True ClusterReady")
	secret, err := f.host.CoreV1().Secrets(env.SystemNamespace).Get(f.ctx, model.Spec.SecretRef.Name, metav1.GetOptions{})
	require.NoError(t, err)
	_, ctx := ktesting.NewTestContext(t)
	set := members.NewSet(ctx, members.Options{})
	t.Cleanup(set.Close)
	spec := model.Spec
	spec.SecretRef.Name = "token"
	return &elsewhere{fixture: f, namespace: namespace.Name, set: set, spec: spec, token: secret.Data}
}

// run runs the controller until the test ends.
func (e *elsewhere) run() {
	e.t.Helper()
	inForce, err := settings.Follow(e.federation, e.namespace)
	require.NoError(e.t, err)
	controller, err := cluster.New(cluster.Options{
		Namespace: e.namespace, Federation: e.federation, Host: e.host, Members: e.set, Settings: inForce,
	})
	require.NoError(e.t, err)
	_, ctx := ktesting.NewTestContext(e.t)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- controller.Run(ctx) }()
	e.t.Cleanup(func() {
		cancel()
		require.NoError(e.t, <-ended)
	})
}

func (e *elsewhere) create(name string) *corev1beta1.KubeFedCluster {
	e.t.Helper()
	made, err := e.federation.CoreV1beta1().KubeFedClusters(e.namespace).Create(e.ctx,
		&corev1beta1.KubeFedCluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: e.spec}, metav1.CreateOptions{})
	require.NoError(e.t, err)
	return made
}

func (e *elsewhere) createSecret() {
	e.t.Helper()
	_, err := e.host.CoreV1().Secrets(e.namespace).Create(e.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "token"}, Data: e.token}, metav1.CreateOptions{})
	require.NoError(e.t, err)
}

func (e *elsewhere) eventually(what string, condition func(t *assert.CollectT)) {
	e.t.Helper()
	require.EventuallyWithT(e.t, condition, patience, poll, what)
}

func TestTheSetIsCompleteOnlyWithAllClusters(t *testing.T) {
	e := setupElsewhere(t)
	e.create("a")
	e.create("b")
	select {
	case <-e.set.Complete():
		require.Fail(t, "complete before anything was read")
	default:
	}
	e.run()
	<-e.set.Complete()
	require.Len(t, e.set.List(), 2, "also those without a usable configuration")
	a, ok := e.set.Get("a")
	require.True(t, ok)
	require.False(t, a.Ready())

	e.createSecret()
	e.eventually("both are ready", func(t *assert.CollectT) {
		for _, member := range e.set.List() {
			assert.True(t, member.Ready(), member.Name())
		}
	})
}

func TestTheSetFollowsTheClusters(t *testing.T) {
	e := setupElsewhere(t)
	e.createSecret()
	e.run()
	<-e.set.Complete()
	require.Empty(t, e.set.List())

	clusters := e.federation.CoreV1beta1().KubeFedClusters(e.namespace)
	e.create("a")
	ready := func(t *assert.CollectT) {
		member, ok := e.set.Get("a")
		if assert.True(t, ok) {
			assert.True(t, member.Ready())
		}
	}
	e.eventually("ready", ready)
	first, _ := e.set.Get("a")
	e.eventually("its status is written", func(t *assert.CollectT) {
		a, err := clusters.Get(e.ctx, "a", metav1.GetOptions{})
		require.NoError(t, err)
		assert.Len(t, a.Status.Conditions, 1)
		assert.NotEmpty(t, a.Status.KubernetesVersion)
	})

	_, err := clusters.Patch(e.ctx, "a", "application/merge-patch+json", []byte(`{"metadata":{"labels":{"region":"eu"}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	e.eventually("labels are taken over", func(t *assert.CollectT) {
		assert.Equal(t, map[string]string{"region": "eu"}, first.Labels())
	})
	again, _ := e.set.Get("a")
	require.Same(t, first, again, "a change of a cluster is not another member")

	require.NoError(t, clusters.Delete(e.ctx, "a", metav1.DeleteOptions{}))
	made := e.create("a")
	e.eventually("a cluster that is made again is another member", func(t *assert.CollectT) {
		member, ok := e.set.Get("a")
		if assert.True(t, ok) {
			assert.NotSame(t, first, member)
			assert.True(t, member.Ready())
		}
		a, err := clusters.Get(e.ctx, "a", metav1.GetOptions{})
		require.NoError(t, err)
		assert.Equal(t, made.UID, a.UID)
		assert.NotEmpty(t, a.Status.Conditions)
	})

	require.NoError(t, clusters.Delete(e.ctx, "a", metav1.DeleteOptions{}))
	e.eventually("it leaves", func(t *assert.CollectT) {
		_, ok := e.set.Get("a")
		assert.False(t, ok)
	})
}
