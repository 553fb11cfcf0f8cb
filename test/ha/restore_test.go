package ha

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

// The procedure of docs/operations.md for an external etcd: everything is killed,
// and restored to a moment before much was changed. Clients that watched all along
// see what is stored now. Members are not written to until an operator has confirmed
// the store, and lose nothing of which it does not know.
func TestStoreIsRestored(t *testing.T) {
	f := setup(t)
	for _, name := range []string{"changed", "deleted"} {
		f.create(name, "saved")
		f.awaitCopy(name, "saved")
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	store := f.Federation().Store()
	command := exec.CommandContext(f.ctx(), f.Federation().Executable(), "backup", "-",
		"--etcd-servers="+strings.Join(store.Endpoints(), ","), "--etcd-cafile="+store.CAFile(), "--etcd-certfile="+store.CertFile(), "--etcd-keyfile="+store.KeyFile())
	var complaint bytes.Buffer
	command.Stderr = &complaint
	data, err := command.Output()
	require.NoError(t, err, complaint.String())
	require.NoError(t, os.WriteFile(backup, data, 0o600))

	// Members note the second of a change.
	written := f.awaitCopy("changed", "saved").GetManagedFields()[0].Time
	f.eventually("another second", func(context.Context) error {
		if now := time.Now(); !now.Truncate(time.Second).After(written.Time) {
			return fmt.Errorf("it is %s", now)
		}
		return nil
	})
	f.setValue("changed", "later")
	f.awaitCopy("changed", "later")
	require.NoError(t, f.in(federatedConfigMaps, namespace).Delete(f.ctx(), "deleted", metav1.DeleteOptions{}))
	f.awaitNoCopy("deleted")
	f.create("unknown", "later")
	unknown := f.awaitCopy("unknown", "later")
	require.NotEmpty(t, unknown.GetLabels())

	informers := dynamicinformer.NewFilteredDynamicSharedInformerFactory(f.host, 0, namespace, nil)
	informer := informers.ForResource(federatedConfigMaps).Informer()
	informers.Start(f.ctx().Done())
	require.True(t, cache.WaitForCacheSync(f.ctx().Done(), informer.HasSynced))
	seen := informer.LastSyncResourceVersion()

	require.NoError(t, f.Federation().Kill(f.ctx()))
	for i := range store.Members() {
		require.NoError(t, store.Kill(f.ctx(), i))
	}
	manager := snapshot.NewV3(zap.NewNop())
	status, err := manager.Status(backup)
	require.NoError(t, err)
	// The same for all, or they are no cluster.
	bump := uint64(time.Now().UnixMilli() - status.Revision)
	for i, peer := range store.Peers() {
		require.NoError(t, os.Rename(store.DataDir(i), store.DataDir(i)+".before"))
		require.NoError(t, manager.Restore(snapshot.RestoreConfig{
			SnapshotPath: backup, Name: store.MemberName(i), OutputDataDir: store.DataDir(i),
			PeerURLs: []string{peer}, InitialCluster: store.InitialCluster(), InitialClusterToken: "etcd-cluster",
			RevisionBump: bump, MarkCompacted: true,
		}))
	}
	before := f.copies()
	require.NoError(t, f.Federation().Start(f.ctx()))

	for _, name := range []string{"changed", "deleted"} {
		f.awaitStatus(name, "RecoveryPending")
	}
	// What is asked for meanwhile waits too.
	f.create("meanwhile", "meanwhile")
	f.awaitStatus("meanwhile", "RecoveryPending")
	state := f.awaitRecovery(map[string][]string{
		"MadeAgain": {namespace + "/deleted"}, "Changed": {namespace + "/changed"}, "Released": {namespace + "/unknown"}, "Created": {namespace + "/meanwhile"},
	})
	require.Contains(t, []string{"StoreOlder", "StoreRestored"}, state.reason)
	require.Equal(t, before, f.copies(), "a member was written to in a recovery")
	f.confirm(state.hash)

	f.awaitCopy("deleted", "saved")
	f.awaitCopy("meanwhile", "meanwhile")
	f.eventually("the informer to know what is stored", func(ctx context.Context) error {
		list, err := f.in(federatedConfigMaps, namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		stored := map[string]string{}
		for _, item := range list.Items {
			stored[item.GetName()] = item.GetResourceVersion()
		}
		known := map[string]string{}
		for _, item := range informer.GetStore().List() {
			object := item.(*unstructured.Unstructured)
			known[object.GetName()] = object.GetResourceVersion()
		}
		if !assert.ObjectsAreEqual(stored, known) {
			return fmt.Errorf("%v instead of %v", known, stored)
		}
		if newer, err := strictlyNewer(list.GetResourceVersion(), seen); err != nil || !newer {
			return fmt.Errorf("versions went back from %s to %s: %w", seen, list.GetResourceVersion(), err)
		}
		return nil
	})
	_, err = f.in(federatedConfigMaps, namespace).Get(f.ctx(), "unknown", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	f.eventually("what the store does not know to be let go", func(ctx context.Context) error {
		left, err := f.member.Resource(configMaps).Namespace(namespace).Get(ctx, "unknown", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if left.GetUID() != unknown.GetUID() || len(left.GetLabels()) > 0 {
			return fmt.Errorf("%s has the labels %v", left.GetUID(), left.GetLabels())
		}
		return nil
	})
	f.awaitCopy("changed", "saved")
	f.setValue("changed", "after")
	f.awaitCopy("changed", "after")
	for _, server := range f.servers {
		log := string(readFile(t, server.Log()))
		assert.NotContains(t, log, "panic: ")
	}
	require.NoError(t, f.member.Resource(configMaps).Namespace(namespace).Delete(f.ctx(), "unknown", metav1.DeleteOptions{}))
}

func strictlyNewer(a, b string) (bool, error) {
	var x, y uint64
	if _, err := fmt.Sscan(a, &x); err != nil {
		return false, err
	}
	if _, err := fmt.Sscan(b, &y); err != nil {
		return false, err
	}
	return x > y, nil
}
