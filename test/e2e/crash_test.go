package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// TestServerIsKilledAmidCreates sends SIGKILL while many clients create objects.
func TestServerIsKilledAmidCreates(t *testing.T) {
	const creates, writers, killAfter = 500, 16, 250
	f := setup(t)
	members := []string{cluster1, cluster2, cluster3}
	namespace := f.namespace(members...)

	var (
		next         atomic.Int64
		mu           sync.Mutex
		acknowledged = sets.New[string]()
		refused      = sets.New[string]()
		enough       = make(chan struct{})
		running      sync.WaitGroup
	)
	client := f.host(federatedConfigMaps, namespace)
	for range writers {
		running.Go(func() {
			for i := next.Add(1); i <= creates; i = next.Add(1) {
				name := fmt.Sprintf("object-%03d", i)
				_, err := client.Create(f.ctx(), federatedConfigMap(namespace, name, name, members...), metav1.CreateOptions{})
				mu.Lock()
				if err == nil {
					acknowledged.Insert(name)
				} else {
					refused.Insert(name)
				}
				if err == nil && acknowledged.Len() == killAfter {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	require.NoError(t, f.Federation().Kill(f.ctx()))
	running.Wait()
	require.NotZero(t, refused.Len(), "the server was killed in the middle")
	t.Logf("%d creates were acknowledged, %d were not", acknowledged.Len(), refused.Len())
	before := map[string]map[string]types.UID{}
	for _, member := range members {
		before[member] = f.copies(member, namespace)
	}

	require.NoError(t, f.Federation().Start(f.ctx()))
	list, err := client.List(f.ctx(), metav1.ListOptions{})
	require.NoError(t, err)
	stored := sets.New[string]()
	for _, item := range list.Items {
		stored.Insert(item.GetName())
	}
	assert.Empty(t, acknowledged.Difference(stored), "acknowledged and lost")
	assert.Empty(t, stored.Difference(acknowledged.Union(refused)))
	f.awaitAllReady(federatedConfigMaps, namespace)
	for _, member := range members {
		after := f.copies(member, namespace)
		assert.Equal(t, stored, sets.KeySet(after), "copies in %s", member)
		for name, uid := range before[member] {
			assert.Equal(t, uid, after[name], "%s in %s was made anew", name, member)
		}
	}
}

// TestServerRestartIsSilent restarts the server: nobody is told that a kind does not exist, and nothing is written to
// the members.
func TestServerRestartIsSilent(t *testing.T) {
	const objects = 100
	f := setup(t)
	members := []string{cluster1, cluster2, cluster3}
	namespace := f.namespace(members...)
	for i := range objects {
		name := fmt.Sprintf("object-%03d", i)
		f.create(federatedConfigMaps, override(federatedConfigMap(namespace, name, name, members...), cluster2,
			map[string]any{"op": "add", "path": "/data/only", "value": "here"}))
	}
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, members...))
	f.awaitReady(federatedDeployments, namespace, "web")
	f.awaitAllReady(federatedConfigMaps, namespace)
	for _, member := range members {
		f.kubectl("--context", member, "-n", namespace, "rollout", "status", "deployment/web", timeoutFlag)
	}
	states := map[string]map[string]string{}
	for _, member := range members {
		states[member] = f.versions(member, namespace)
	}
	stored := f.versions(env.HostName, namespace)
	writes := f.memberApplies()

	asking := f.askFor(federatedConfigMaps, namespace, "object-000")
	require.NoError(t, f.Federation().Restart(f.ctx()))
	// Only a server whose controllers work does this.
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "after", "restart", members...))
	f.awaitReady(federatedConfigMaps, namespace, "after")
	f.drift(namespace, "object-000")
	assert.Empty(t, asking.stop(), "answers that an existing kind does not exist")

	for _, member := range members {
		after := f.versions(member, namespace)
		delete(after, "after")
		delete(after, "object-000")
		delete(states[member], "object-000")
		assert.Equal(t, states[member], after, "copies in %s", member)
	}
	after := f.versions(env.HostName, namespace)
	for _, name := range []string{"after", "object-000"} {
		delete(stored, name)
		delete(after, name)
	}
	assert.Equal(t, stored, after, "the restart wrote to the federation's own storage")
	for member, count := range f.memberApplies() {
		want := writes[member] + 1
		if member == cluster1 {
			want++ // the drift
		}
		assert.Equal(t, want, count, "writes to %s", member)
	}
}

// TestMembersChangeWhileTheServerIsDown changes and deletes copies that nobody watches.
func TestMembersChangeWhileTheServerIsDown(t *testing.T) {
	f := setup(t)
	members := []string{cluster1, cluster2}
	namespace := f.namespace(members...)
	for _, name := range []string{"changed", "deleted", "untouched"} {
		f.create(federatedConfigMaps, federatedConfigMap(namespace, name, name, members...))
	}
	f.awaitAllReady(federatedConfigMaps, namespace)
	untouched := f.get(cluster1, configMaps, namespace, "untouched")

	require.NoError(t, f.Federation().Kill(f.ctx()))
	t.Cleanup(func() { assert.NoError(t, f.Federation().Start(context.Background())) })
	f.patch(cluster1, configMaps, namespace, "changed", `{"data":{"key":"drift"}}`)
	require.NoError(t, f.on(cluster1, configMaps, namespace).Delete(f.ctx(), "deleted", metav1.DeleteOptions{}))
	leftover := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "leftover", "namespace": namespace, "labels": map[string]any{"kubefed.io/managed": "true"}},
		"data":     map[string]any{"key": "precious"},
	}}
	_, err := f.on(cluster1, configMaps, namespace).Create(f.ctx(), leftover, metav1.CreateOptions{})
	require.NoError(t, err)

	require.NoError(t, f.Federation().Start(f.ctx()))
	f.awaitCopy(cluster1, configMaps, namespace, "changed", hasValue("changed"))
	f.awaitCopy(cluster1, configMaps, namespace, "deleted", hasValue("deleted"))
	released := f.awaitCopy(cluster1, configMaps, namespace, "leftover", func(object *unstructured.Unstructured) error {
		if _, ok := object.GetLabels()["kubefed.io/managed"]; ok {
			return errors.New("it is labelled still")
		}
		return nil
	})
	assert.NoError(t, hasValue("precious")(released), "what has no federated object is let go, not deleted")
	assert.Equal(t, untouched.GetResourceVersion(), f.get(cluster1, configMaps, namespace, "untouched").GetResourceVersion())
}

// drift changes a copy in cluster1 and waits until it is repaired.
func (f *federation) drift(namespace, name string) {
	f.t.Helper()
	f.patch(cluster1, configMaps, namespace, name, `{"data":{"key":"drift"}}`)
	f.awaitCopy(cluster1, configMaps, namespace, name, hasValue(name))
	f.awaitReady(federatedConfigMaps, namespace, name)
}
