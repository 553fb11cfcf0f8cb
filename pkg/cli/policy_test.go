package cli_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// leaving has copies in cluster3, which may leave, until the test ends.
func leaving(t *testing.T) *fixture {
	t.Helper()
	f := setup(t)
	member := f.Member("cluster3")
	f.federatedNamespace("leaving")
	f.create("federatedconfigmaps", `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedConfigMap
metadata: {name: settings, namespace: leaving}
spec:
  template: {data: {key: value}}
  placement: {clusterSelector: {}}
`)
	f.awaitSync("leaving")
	t.Cleanup(func() {
		require.NoError(t, f.Join(context.Background(), member))
	})
	return f
}

func TestUnjoinKeepsCopiesWithoutTheLabel(t *testing.T) {
	f := leaving(t)
	before, err := f.member.CoreV1().ConfigMaps("leaving").Get(f.ctx, "settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "true", before.Labels["kubefed.io/managed"])

	require.Regexp(t, `\ncluster3: \d+ configmaps would be let go\n`, f.succeed("unjoin", "cluster3", "--dry-run"))
	out := f.succeed("unjoin", "cluster3")
	require.Regexp(t, `\ncluster3: \d+ configmaps let go\n`, out)
	require.Regexp(t, `\ncluster3: \d+ namespaces let go\n`, out)
	after, err := f.member.CoreV1().ConfigMaps("leaving").Get(f.ctx, "settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, before.UID, after.UID)
	require.NotContains(t, after.Labels, "kubefed.io/managed")
	require.Equal(t, before.Data, after.Data)
	// The other clusters are not concerned.
	kept, err := f.in("cluster1").CoreV1().ConfigMaps("leaving").Get(f.ctx, "settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "true", kept.Labels["kubefed.io/managed"])
}

func TestUnjoinRemovesCopies(t *testing.T) {
	f := leaving(t)
	// What is not in the federation's record stays, whatever its label says.
	_, err := f.member.CoreV1().ConfigMaps("leaving").Create(f.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "somebodys", Labels: map[string]string{"kubefed.io/managed": "true"}}}, metav1.CreateOptions{})
	require.NoError(t, err)
	f.eventually("the federation to let go what it has not made", func() error {
		object, err := f.member.CoreV1().ConfigMaps("leaving").Get(f.ctx, "somebodys", metav1.GetOptions{})
		if err == nil && object.Labels["kubefed.io/managed"] != "" {
			err = apierrors.NewInternalError(context.DeadlineExceeded)
		}
		return err
	})

	require.Contains(t, f.fail("unjoin", "cluster3", "--policy=delete"), `"delete" must be orphan or remove`)
	require.Regexp(t, `--policy=remove deletes \d+ configmaps, .*\d+ namespaces in cluster cluster3: confirm that with --yes. Nothing was changed`,
		f.fail("unjoin", "cluster3", "--policy=remove"))
	f.cluster("cluster3")
	out := f.succeed("unjoin", "cluster3", "--policy=remove", "--yes")
	require.Regexp(t, `\ncluster3: \d+ configmaps deleted\n`, out)
	require.Contains(t, out, "cluster3: Namespace leaving stays: in it are configmaps/somebodys\n")
	_, err = f.member.CoreV1().ConfigMaps("leaving").Get(f.ctx, "settings", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	namespace, err := f.member.CoreV1().Namespaces().Get(f.ctx, "leaving", metav1.GetOptions{})
	require.NoError(t, err)
	require.NotContains(t, namespace.Labels, "kubefed.io/managed")
	_, err = f.in("cluster1").CoreV1().ConfigMaps("leaving").Get(f.ctx, "settings", metav1.GetOptions{})
	require.NoError(t, err)
}

func TestUnjoinLeavesCopiesOfAnotherMembership(t *testing.T) {
	f := setup(t)
	f.joined("twin")
	out := f.succeed("unjoin", "twin", "--cluster-context", "cluster3", "--policy=remove", "--yes")
	require.Contains(t, out, "twin: copies are left as they are: the cluster is a member as cluster3 too\n")
}

// The context is that of another member, which has copies of the same names.
func TestUnjoinWithTheContextOfAnotherMember(t *testing.T) {
	f := leaving(t)
	before, err := f.in("cluster1").CoreV1().ConfigMaps("leaving").Get(f.ctx, "settings", metav1.GetOptions{})
	require.NoError(t, err)
	for _, policy := range []string{"remove", "orphan"} {
		message := f.fail("unjoin", "cluster3", "--cluster-context", "cluster1", "--policy="+policy, "--yes")
		require.Contains(t, message, `the cluster of the context "cluster1" has no ServiceAccount kube-federation-system/cluster3-host`)
		require.Contains(t, message, "Nothing was changed")
	}
	f.cluster("cluster3")
	kept, err := f.in("cluster1").CoreV1().ConfigMaps("leaving").Get(f.ctx, "settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, before.UID, kept.UID)
	require.Equal(t, "true", kept.Labels["kubefed.io/managed"])
}
