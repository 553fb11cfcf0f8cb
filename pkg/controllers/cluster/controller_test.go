package cluster_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/test/env"
)

func TestMain(m *testing.M) { os.Exit(env.Run(m)) }

const (
	patience = time.Minute
	poll     = 20 * time.Millisecond
)

// fixture is a running federation, in which the controller runs.
type fixture struct {
	t          *testing.T
	ctx        context.Context
	env        *env.Environment
	host       kubernetes.Interface
	federation versioned.Interface
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, ctx: t.Context(), env: env.Shared(t)}
	var err error
	f.host, err = kubernetes.NewForConfig(f.env.Host().Config())
	require.NoError(t, err)
	f.federation, err = versioned.NewForConfig(f.env.Host().Config())
	require.NoError(t, err)
	return f
}

// probeFast makes the federation probe its members often, until the test ends.
func (f *fixture) probeFast() {
	f.t.Helper()
	configs := f.federation.CoreV1beta1().KubeFedConfigs(env.SystemNamespace)
	before, err := configs.Get(f.ctx, "kubefed", metav1.GetOptions{})
	require.NoError(f.t, err)
	patch := func(ctx context.Context, period time.Duration) error {
		_, err := configs.Patch(ctx, "kubefed", types.MergePatchType, fmt.Appendf(nil,
			`{"spec":{"clusterHealthCheck":{"period":%q}}}`, period), metav1.PatchOptions{})
		return err
	}
	require.NoError(f.t, patch(f.ctx, 200*time.Millisecond))
	f.t.Cleanup(func() {
		require.NoError(f.t, patch(context.Background(), before.Spec.ClusterHealthCheck.Period.Duration))
	})
}

// until waits until the conditions of a cluster are these, as "Type=Status
// Reason", in this order.
func (f *fixture) until(name string, want ...string) *corev1beta1.KubeFedCluster {
	f.t.Helper()
	var cluster *corev1beta1.KubeFedCluster
	require.EventuallyWithT(f.t, func(t *assert.CollectT) {
		var err error
		cluster, err = f.federation.CoreV1beta1().KubeFedClusters(env.SystemNamespace).Get(context.Background(), name, metav1.GetOptions{})
		require.NoError(t, err)
		got := []string{}
		for _, c := range cluster.Status.Conditions {
			got = append(got, fmt.Sprintf("%s=%s %s", c.Type, c.Status, *c.Reason))
		}
		require.Equal(t, want, got)
	}, patience, poll)
	return cluster
}

// events counts the events about a cluster by reason.
func (f *fixture) events(cluster *corev1beta1.KubeFedCluster) map[string]int32 {
	f.t.Helper()
	list, err := f.host.CoreV1().Events(env.SystemNamespace).List(f.ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("involvedObject.uid", string(cluster.UID)).String(),
	})
	require.NoError(f.t, err)
	counts := map[string]int32{}
	for _, event := range list.Items {
		counts[event.Reason] += max(event.Count, 1)
		if event.Series != nil {
			counts[event.Reason] += event.Series.Count
		}
	}
	return counts
}

func TestStatusOfAReadyMember(t *testing.T) {
	f := setup(t)
	cluster := f.until("cluster1", "Ready=True ClusterReady")
	require.Equal(t, "/healthz responded with ok", *cluster.Status.Conditions[0].Message)
	member := f.env.Member("cluster1")
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		cluster, err := f.federation.CoreV1beta1().KubeFedClusters(env.SystemNamespace).Get(context.Background(), "cluster1", metav1.GetOptions{})
		require.NoError(t, err)
		assert.Regexp(t, `^v1\.\d+\.\d+`, cluster.Status.KubernetesVersion)
		if assert.NotNil(t, cluster.Status.Region) {
			assert.Equal(t, member.Region(), *cluster.Status.Region)
		}
		assert.Contains(t, cluster.Status.Zones, member.Zone())
		assert.IsIncreasing(t, cluster.Status.Zones)
	}, patience, poll)
}

func TestAMemberGoesAndComesBack(t *testing.T) {
	f := setup(t)
	f.probeFast()
	before := f.until("cluster2", "Ready=True ClusterReady")
	member := f.env.Member("cluster2")
	t.Cleanup(func() { require.NoError(t, member.RestoreNetwork(context.Background())) })
	for _, disturb := range []func(context.Context) error{member.RefuseNetwork, member.CutNetwork} {
		require.NoError(t, disturb(f.ctx))
		gone := f.until("cluster2", "Ready=Unknown ClusterNotReachable", "Offline=True ClusterNotReachable")
		require.Contains(t, *gone.Status.Conditions[0].Message, "cluster is not reachable: ")
		require.Equal(t, before.Status.KubernetesVersion, gone.Status.KubernetesVersion, "what was last seen stays")
		require.NotNil(t, gone.Status.LastSeenTime)
		require.False(t, gone.Status.Conditions[0].LastTransitionTime.Before(gone.Status.LastSeenTime), "it was seen before it was gone")
		f.until("cluster1", "Ready=True ClusterReady")
		require.NoError(t, member.RestoreNetwork(f.ctx))
		require.Nil(t, f.until("cluster2", "Ready=True ClusterReady").Status.LastSeenTime)
	}
	output, err := f.env.Command(f.ctx, "kubectl", "wait", "-n", env.SystemNamespace, "kubefedcluster/cluster2", "--for=condition=Ready", "--timeout=10s").CombinedOutput()
	require.NoError(t, err, "%s", output)
}

func TestAMemberThatHangsIsOffline(t *testing.T) {
	f := setup(t)
	f.probeFast()
	f.until("cluster2", "Ready=True ClusterReady")
	member := f.env.Member("cluster2")
	t.Cleanup(func() {
		require.NoError(t, member.Thaw(context.Background()))
		f.until("cluster2", "Ready=True ClusterReady")
	})
	require.NoError(t, member.Freeze(f.ctx))
	gone := f.until("cluster2", "Ready=Unknown ClusterNotReachable", "Offline=True ClusterNotReachable")
	require.Regexp(t, "^cluster is not reachable: it did not answer within [0-9]+s$", *gone.Status.Conditions[1].Message)
}

func TestAConfigurationIsMendedWithoutARestart(t *testing.T) {
	f := setup(t)
	f.probeFast()
	first := f.until("cluster1", "Ready=True ClusterReady")
	clusters := f.federation.CoreV1beta1().KubeFedClusters(env.SystemNamespace)
	secrets := f.host.CoreV1().Secrets(env.SystemNamespace)
	good, err := secrets.Get(f.ctx, first.Spec.SecretRef.Name, metav1.GetOptions{})
	require.NoError(t, err)

	cluster, err := clusters.Create(f.ctx, &corev1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "by-hand"},
		Spec: corev1beta1.KubeFedClusterSpec{
			APIEndpoint: first.Spec.APIEndpoint, CABundle: first.Spec.CABundle,
			SecretRef: corev1beta1.LocalSecretReference{Name: "by-hand-token"},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, clusters.Delete(context.Background(), "by-hand", metav1.DeleteOptions{}))
	})
	malformed := f.until("by-hand", "Ready=False ClusterConfigMalformed", "ConfigMalformed=True ClusterConfigMalformed")
	require.Contains(t, *malformed.Status.Conditions[1].Message, `cluster's configuration may be malformed: spec.secretRef.name: there is no Secret "by-hand-token"`)

	secret, err := secrets.Create(f.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "by-hand-token"}, Data: good.Data}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, secrets.Delete(context.Background(), "by-hand-token", metav1.DeleteOptions{}))
	})
	f.until("by-hand", "Ready=True ClusterReady")

	secret.Data = map[string][]byte{"token": []byte("wrong")}
	secret, err = secrets.Update(f.ctx, secret, metav1.UpdateOptions{})
	require.NoError(t, err)
	refused := f.until("by-hand", "Ready=False ClusterNotReady", "Offline=False ClusterReachable", "CredentialsAtRisk=True CredentialsRefused")
	require.Equal(t, "/healthz responded without ok: 401 Unauthorized", *refused.Status.Conditions[0].Message)

	secret.Data = good.Data
	_, err = secrets.Update(f.ctx, secret, metav1.UpdateOptions{})
	require.NoError(t, err)
	ready := f.until("by-hand", "Ready=True ClusterReady")
	require.Equal(t, cluster.Generation, ready.Generation)

	require.EventuallyWithT(t, func(t *assert.CollectT) {
		require.Equal(t, map[string]int32{
			"MalformedClusterConfig": 1, "ClusterReady": 2, "ClusterNotReady": 1,
		}, f.events(cluster), "one event for each change")
	}, patience, poll)
}
