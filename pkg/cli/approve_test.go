package cli_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli"
)

func TestApprove(t *testing.T) {
	f := setup(t)
	f.federatedNamespace("approval")
	objects := f.objects(federated("federatedconfigmaps")).Namespace("approval")
	for _, name := range []string{"one", "two", "three"} {
		f.create("federatedconfigmaps", fmt.Sprintf(`
apiVersion: types.kubefed.io/v1beta1
kind: FederatedConfigMap
metadata: {name: %s, namespace: approval, labels: {app: %[1]s}}
spec:
  template: {data: {key: value}}
  placement: {clusterSelector: {}}
`, name))
	}
	f.awaitSync("approval")
	require.Equal(t, "No removal is paused.\n", f.succeed("approve", "--list", "-n", "approval"))
	require.Contains(t, f.fail("approve", "fcm", "one", "-n", "approval"), "FederatedConfigMap approval/one: no removal is paused")

	// pause changes placements and waits until that is noticed.
	pause := func(placement string, names ...string) {
		t.Helper()
		for _, name := range names {
			_, err := objects.Patch(f.ctx, name, types.MergePatchType, []byte(`{"spec":{"placement":`+placement+`}}`), metav1.PatchOptions{})
			require.NoError(t, err)
		}
		for _, name := range names {
			f.eventually(name+" to be paused", func() error {
				object, err := objects.Get(f.ctx, name, metav1.GetOptions{})
				if err != nil {
					return err
				}
				if _, found, _ := unstructured.NestedMap(object.Object, "status", "pausedRemoval"); !found {
					return fmt.Errorf("status is %v", object.Object["status"])
				}
				return nil
			})
		}
	}
	copies := func(member, name string) int {
		t.Helper()
		list, err := f.in(member).CoreV1().ConfigMaps("approval").List(f.ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
		require.NoError(t, err)
		return len(list.Items)
	}
	awaitGone := func(name string, members ...string) {
		t.Helper()
		for _, member := range members {
			f.eventually(name+" to leave "+member, func() error {
				if copies(member, name) > 0 {
					return fmt.Errorf("it is there still")
				}
				return nil
			})
		}
	}
	pause(`{"clusters":[]}`, "one", "three")
	pause(`{"clusters":[{"name":"cluster1"}]}`, "two")

	list := f.succeed("approve", "--list", "-n", "approval")
	require.Regexp(t, `^TYPE +NAMESPACE +NAME +REASON +CLUSTERS +SINCE\n`+
		`configmaps +approval +one +EmptyPlacement +cluster1, cluster2, cluster3 +\S+\n`+
		`configmaps +approval +three +EmptyPlacement +cluster1, cluster2, cluster3 +\S+\n`+
		`configmaps +approval +two +BlastRadiusExceeded +cluster2, cluster3 +\S+\n$`, list)
	// The ages go on meanwhile.
	ages := regexp.MustCompile(` +\S+\n`)
	require.Equal(t, ages.ReplaceAllString(list, "\n"), ages.ReplaceAllString(f.succeed("approve", "configmaps", "--list"), "\n"), "of all namespaces, nothing else is paused")
	require.Equal(t, 3, strings.Count(f.succeed("approve", "--list", "--cluster", "cluster1,cluster9"), "\n"))
	require.Equal(t, 2, strings.Count(f.succeed("approve", "--list", "-l", "app=two"), "\n"))

	// Who does not say yes approves nothing, and neither does a dry run.
	require.Contains(t, f.fail("approve", "--all", "-n", "approval"), "nothing was approved; --yes approves without asking")
	require.Contains(t, f.succeed("approve", "--all", "-n", "approval", "--dry-run"), "FederatedConfigMap approval/two: removal from cluster2, cluster3 approved (dry run)\n")
	for _, args := range [][]string{{"approve"}, {"approve", "fcm", "one", "--all"}, {"approve", "--list", "-l", "a b"}, {"approve", "nothing", "--list"}} {
		require.NotEmpty(t, f.fail(args...))
	}
	for _, name := range []string{"one", "two", "three"} {
		require.Equal(t, 1, copies("cluster3", name))
		object, err := objects.Get(f.ctx, name, metav1.GetOptions{})
		require.NoError(t, err)
		require.Empty(t, object.GetAnnotations())
	}

	require.Contains(t, f.succeed("approve", "fcm/two", "-n", "approval"), "FederatedConfigMap approval/two: removal from cluster2, cluster3 approved\n")
	awaitGone("two", "cluster2", "cluster3")
	require.Equal(t, 1, copies("cluster1", "two"))
	require.Equal(t, 1, copies("cluster1", "one"))

	// The rest, by the number of copies.
	var out, errOut bytes.Buffer
	code := cli.Run(f.ctx, []string{"kubectl-fed", "approve", "--cluster", "cluster3", "-n", "approval", "--kubeconfig", f.JoinKubeconfig()},
		genericiooptions.IOStreams{In: strings.NewReader("6\n"), Out: &out, ErrOut: &errOut})
	require.Zero(t, code, errOut.String())
	require.Contains(t, out.String(), "6 copies of 2 objects are removed. Type the number of copies to approve that: ")
	for _, name := range []string{"one", "three"} {
		awaitGone(name, "cluster1", "cluster2", "cluster3")
	}
	f.eventually("nothing to be paused", func() error {
		if out := f.succeed("approve", "--list", "-n", "approval"); out != "No removal is paused.\n" {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
}
