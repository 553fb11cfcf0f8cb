package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// statuses are the statuses of clusters by their names.
func statuses(t *testing.T, object *unstructured.Unstructured) map[string]string {
	clusters, _, err := unstructured.NestedSlice(object.Object, "status", "clusters")
	require.NoError(t, err)
	byName := map[string]string{}
	for _, item := range clusters {
		cluster := item.(map[string]any)
		status, _ := cluster["status"].(string)
		byName[cluster["name"].(string)] = status
	}
	return byName
}

// TestAWriteRecordsWhereItGoes: the answer to a write names the clusters that the object is for, so that no second
// write is needed before the members are written to. Dry runs leave that out: kubectl diff would show it.
func TestAWriteRecordsWhereItGoes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	objects := f.host(federatedConfigMaps, namespace)
	tries := 0
	f.eventually("the namespace to be known where writes are answered", func() error {
		tries++
		object := federatedConfigMap(namespace, fmt.Sprintf("try-%d", tries), "1", cluster1, cluster3)
		answer, err := objects.Create(f.ctx(), object, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if recorded := statuses(t, answer); len(recorded) != 1 || recorded[cluster1] != "Pending" {
			return fmt.Errorf("recorded: %v", recorded)
		}
		return nil
	})

	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "1", cluster1))
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	move := fmt.Appendf(nil, `{"spec":{"placement":{"clusters":[{"name":%q}]}}}`, cluster2)
	answer, err := objects.Patch(f.ctx(), "settings", types.MergePatchType, move, metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{cluster1: ""}, statuses(t, answer))
	answer, err = objects.Patch(f.ctx(), "settings", types.MergePatchType, move, metav1.PatchOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{cluster1: "", cluster2: "Pending"}, statuses(t, answer), "what was there before stays recorded")
}
