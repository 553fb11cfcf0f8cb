package cluster_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/credentials"
	"github.com/kubefederation/federation-apiserver/test/env"
)

// secretOf returns the Secret of a cluster.
func (f *fixture) secretOf(name string) *corev1.Secret {
	f.t.Helper()
	cluster, err := f.federation.CoreV1beta1().KubeFedClusters(env.SystemNamespace).Get(f.ctx, name, metav1.GetOptions{})
	require.NoError(f.t, err)
	secret, err := f.host.CoreV1().Secrets(env.SystemNamespace).Get(f.ctx, cluster.Spec.SecretRef.Name, metav1.GetOptions{})
	require.NoError(f.t, err)
	return secret
}

func (f *fixture) patchSecret(name, patch string) {
	f.t.Helper()
	_, err := f.host.CoreV1().Secrets(env.SystemNamespace).Patch(f.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(f.t, err)
}

// renewNow asks for another token.
func (f *fixture) renewNow(secret *corev1.Secret) {
	f.t.Helper()
	f.patchSecret(secret.Name, fmt.Sprintf(`{"metadata":{"annotations":{%q:"2020-01-01T00:00:00Z"}}}`, corev1beta1.RenewTokenAtAnnotation))
}

func (f *fixture) untilRenewed(cluster string, before *corev1.Secret) *corev1.Secret {
	f.t.Helper()
	var after *corev1.Secret
	require.Eventually(f.t, func() bool {
		after = f.secretOf(cluster)
		return string(after.Data["token"]) != string(before.Data["token"])
	}, patience, poll)
	return after
}

func TestATokenIsRenewed(t *testing.T) {
	f := setup(t)
	f.probeFast()
	f.until("cluster1", "Ready=True ClusterReady")
	before := f.secretOf("cluster1")
	f.renewNow(before)
	after := f.untilRenewed("cluster1", before)
	require.NotContains(t, after.Annotations, corev1beta1.RenewTokenAtAnnotation)
	require.Equal(t, before.Annotations[corev1beta1.TokenLifetimeAnnotation], after.Annotations[corev1beta1.TokenLifetimeAnnotation])
	was, is := credentials.Read(string(before.Data["token"])), credentials.Read(string(after.Data["token"]))
	require.Equal(t, was.ServiceAccount, is.ServiceAccount)
	require.True(t, is.Expires.After(was.Expires), "%s, then %s", was.Expires, is.Expires)
	f.until("cluster1", "Ready=True ClusterReady")

	// A Secret that does not ask for it is left alone.
	f.patchSecret(after.Name, fmt.Sprintf(`{"metadata":{"annotations":{%q:null}}}`, corev1beta1.TokenLifetimeAnnotation))
	f.t.Cleanup(func() {
		f.ctx = context.Background()
		f.patchSecret(after.Name, fmt.Sprintf(`{"metadata":{"annotations":{%q:%q,%q:null}}}`,
			corev1beta1.TokenLifetimeAnnotation, after.Annotations[corev1beta1.TokenLifetimeAnnotation], corev1beta1.RenewTokenAtAnnotation))
	})
	f.renewNow(after)
	other := f.secretOf("cluster2")
	f.renewNow(other)
	f.untilRenewed("cluster2", other) // meanwhile the first would have been
	require.Equal(t, after.Data["token"], f.secretOf("cluster1").Data["token"])
}

func TestATokenThatCannotBeRenewedIsToldOf(t *testing.T) {
	f := setup(t)
	f.probeFast()
	f.until("cluster1", "Ready=True ClusterReady")
	member, err := kubernetes.NewForConfig(f.env.Member("cluster1").Config())
	require.NoError(t, err)
	require.NoError(t, member.RbacV1().RoleBindings(env.SystemNamespace).Delete(f.ctx, "kubefed-controller-manager:cluster1-host:token", metav1.DeleteOptions{}))
	rejoin := func() { require.NoError(t, f.env.Join(context.Background(), f.env.Member("cluster1"))) }
	t.Cleanup(rejoin)
	// The member takes its time to see that.
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		before := f.secretOf("cluster1")
		f.renewNow(before)
		cluster, err := f.federation.CoreV1beta1().KubeFedClusters(env.SystemNamespace).Get(f.ctx, "cluster1", metav1.GetOptions{})
		require.NoError(c, err)
		require.Len(c, cluster.Status.Conditions, 2)
	}, patience, time.Second)
	cluster := f.until("cluster1", "Ready=True ClusterReady", "CredentialsAtRisk=True TokenNotRenewed")
	message := *cluster.Status.Conditions[1].Message
	require.Contains(t, message, "cannot create resource \"serviceaccounts/token\"")
	require.Contains(t, message, "kubectl fed join cluster1")
	require.NotContains(t, message, string(f.secretOf("cluster1").Data["token"]))
	rejoin()
	f.until("cluster1", "Ready=True ClusterReady")
}

func TestATokenThatIsNotAcceptedIsToldOf(t *testing.T) {
	f := setup(t)
	f.probeFast()
	f.until("cluster2", "Ready=True ClusterReady")
	before := f.secretOf("cluster2")
	restore := fmt.Sprintf(`{"data":{"token":%q}}`, base64.StdEncoding.EncodeToString(before.Data["token"]))
	t.Cleanup(func() {
		f.ctx = context.Background()
		f.patchSecret(before.Name, restore)
		f.until("cluster2", "Ready=True ClusterReady")
	})
	claims := fmt.Sprintf(`{"sub":"system:serviceaccount:%s:cluster2-host","iat":1,"exp":3601}`, env.SystemNamespace)
	expired := "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	for token, reason := range map[string]string{"garbage": corev1beta1.ReasonCredentialsRefused, expired: corev1beta1.ReasonCredentialsExpired} {
		f.patchSecret(before.Name, fmt.Sprintf(`{"stringData":{"token":%q}}`, token))
		cluster := f.until("cluster2", "Ready=False ClusterNotReady", "Offline=False ClusterReachable", "CredentialsAtRisk=True "+reason)
		require.Contains(t, *cluster.Status.Conditions[2].Message, "kubectl fed join cluster2")
		f.patchSecret(before.Name, restore)
		f.until("cluster2", "Ready=True ClusterReady")
	}
}
