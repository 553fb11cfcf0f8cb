package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/test/env"
)

var pendingRemovals = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "pendingremovals"}

// TestDeletionsCompleteWithoutAMember deletes objects, and a namespace of the host with all that is in it, while a member cannot
// be reached. When it is back, what was deleted is removed there, and what somebody gave up is let go.
func TestDeletionsCompleteWithoutAMember(t *testing.T) {
	f := setup(t)
	f.configure(`{"clusterHealthCheck":{"period":"1s","timeout":"2s","failureThreshold":2,"successThreshold":1},"removals":{"unreachableAfter":"1s"}}`)
	kept, doomed := f.namespace(cluster1, cluster3), f.namespace(cluster1, cluster3)
	names := []string{"removed", "given-up", "again"}
	uids := map[string]types.UID{}
	for _, name := range names {
		f.create(federatedConfigMaps, federatedConfigMap(kept, name, "before", cluster1, cluster3))
	}
	f.create(federatedConfigMaps, federatedConfigMap(doomed, "web", "before", cluster1, cluster3))
	for _, name := range names {
		f.awaitReady(federatedConfigMaps, kept, name)
		uids[name] = f.get(cluster3, configMaps, kept, name).GetUID()
	}
	f.awaitReady(federatedConfigMaps, doomed, "web")

	member := f.Member(cluster3)
	require.NoError(t, member.CutNetwork(f.ctx()))
	t.Cleanup(func() { assert.NoError(t, member.RestoreNetwork(context.Background())) })
	f.awaitCopy(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster3, isOffline, hasField("status", "lastSeenTime"))
	for _, name := range names {
		f.kubectl("delete", "-n", kept, "federatedconfigmap", name, timeoutFlag)
		f.awaitGone(cluster1, configMaps, kept, name)
	}
	f.kubectl("delete", "namespace", doomed, timeoutFlag)
	f.awaitGone(cluster1, namespaces, "", doomed)

	pending := f.pending(kept)
	require.Len(t, pending, len(names))
	for name, removal := range pending {
		spec := removal.Object["spec"].(map[string]any)
		assert.Equal(t, []any{map[string]any{"name": cluster3, "uid": string(uids[name])}}, spec["clusters"])
		by := spec["requestedBy"].(map[string]any)
		assert.NotEmpty(t, by["user"])
		assert.NotEmpty(t, by["auditID"])
	}
	require.Len(t, f.pending(doomed), 2, "its ConfigMap and itself")
	assert.Contains(t, f.kubectl("get", "pendingremovals", "-n", env.SystemNamespace), kept+"/removed")
	status := f.run("", "kubectl-fed", "status", "--host-cluster-context", "host", "--kubeconfig", f.JoinKubeconfig())
	assert.Contains(t, status.stdout, "TO REMOVE", status.stderr)

	f.kubectl("delete", "pendingremoval", "-n", env.SystemNamespace, pending["given-up"].GetName())
	f.create(federatedConfigMaps, federatedConfigMap(kept, "again", "after", cluster1, cluster3))
	f.awaitCopy(env.HostName, federatedConfigMaps, kept, "again", hasClusterStatus(cluster3, "ClusterNotReady"))
	f.awaitCopy(cluster1, configMaps, kept, "again", hasValue("after"))

	require.NoError(t, member.RestoreNetwork(f.ctx()))
	f.awaitGone(cluster3, configMaps, kept, "removed")
	f.awaitGone(cluster3, namespaces, "", doomed)
	f.awaitCopy(cluster3, configMaps, kept, "given-up", func(copy *unstructured.Unstructured) error {
		if _, labelled := copy.GetLabels()["kubefed.io/managed"]; labelled {
			return fmt.Errorf("the label is still there")
		}
		return nil
	})
	again := f.awaitCopy(cluster3, configMaps, kept, "again", hasValue("after"))
	assert.Equal(t, uids["again"], again.GetUID(), "it is taken over, not made anew")
	assert.Equal(t, uids["given-up"], f.get(cluster3, configMaps, kept, "given-up").GetUID())
	f.awaitReady(federatedConfigMaps, kept, "again")
	f.eventually("nothing to be left to remove", func() error {
		if rest := len(f.pending(kept)) + len(f.pending(doomed)); rest > 0 {
			return fmt.Errorf("%d removals are left", rest)
		}
		return nil
	})
}

// pending returns the PendingRemovals of a namespace by the name of their target.
func (f *federation) pending(namespace string) map[string]*unstructured.Unstructured {
	f.t.Helper()
	list, err := f.host(pendingRemovals, env.SystemNamespace).List(f.ctx(), metav1.ListOptions{})
	require.NoError(f.t, err)
	found := map[string]*unstructured.Unstructured{}
	for i := range list.Items {
		target, _, err := unstructured.NestedStringMap(list.Items[i].Object, "spec", "target")
		require.NoError(f.t, err)
		if target["namespace"] == namespace {
			found[target["name"]] = &list.Items[i]
		}
	}
	return found
}

func hasField(path ...string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		if _, found, err := unstructured.NestedFieldNoCopy(object.Object, path...); err != nil || !found {
			return fmt.Errorf("there is no %v: %w", path, err)
		}
		return nil
	}
}
