package server

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// setAside stops the environment's own server until the test ends, and lets host and
// cluster1 forget it: a server with another store would be taken for one that has lost
// its own, and write nothing to members.
func setAside(t *testing.T, e *env.Environment) {
	t.Helper()
	require.NoError(t, e.Federation().Stop(t.Context()))
	t.Cleanup(func() { require.NoError(t, e.Federation().Start(context.Background())) })
	for name, cluster := range map[string]*env.Cluster{"federation-hub": e.Host(), "federation-owner": e.Member("cluster1")} {
		client, err := kubernetes.NewForConfig(cluster.Config())
		require.NoError(t, err)
		leases := client.CoordinationV1().Leases(env.SystemNamespace)
		own, err := leases.Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		require.NoError(t, leases.Delete(t.Context(), name, metav1.DeleteOptions{}))
		t.Cleanup(func() {
			ctx := context.Background()
			if err := leases.Delete(ctx, name, metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
				require.NoError(t, err)
			}
			_, err := leases.Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: own.Annotations}, Spec: own.Spec}, metav1.CreateOptions{})
			require.NoError(t, err)
		})
	}
}
