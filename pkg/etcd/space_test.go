package etcd_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/kubefederation/federation-apiserver/pkg/etcd"
)

const smallQuota = 4 << 20

// startSmall starts an etcd with a quota, that looks after its space.
func startSmall(t *testing.T, dataDir string, quota int64) (stop func()) {
	t.Helper()
	server, err := etcd.Start(t.Context(), etcd.Config{DataDir: dataDir, QuotaBytes: quota, UnsafeNoFsync: true})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var keeping sync.WaitGroup
	keeping.Go(func() { server.KeepSpace(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		keeping.Wait()
		require.NoError(t, server.Stop())
	})
	t.Cleanup(stop)
	return stop
}

var value = strings.Repeat("x", 256<<10)

// The history of a few objects fills the database. Writes go on by themselves.
func TestSpaceOfOldRevisionsIsGivenBack(t *testing.T) {
	dataDir := shortDir(t)
	startSmall(t, dataDir, smallQuota)
	c := client(t, dataDir)
	refused := false
	// Room can be made before anybody is refused.
	for i := 0; i < 40 || !refused; i++ {
		require.Less(t, i, 1000, "the quota is never reached")
		_, err := c.Put(t.Context(), "/key", value)
		if err == nil {
			continue
		}
		require.ErrorIs(t, err, rpctypes.ErrNoSpace)
		refused = true
		got, err := c.Get(t.Context(), "/key")
		require.NoError(t, err, "reads go on")
		require.Len(t, got.Kvs, 1)
		require.Eventually(t, func() bool {
			_, err := c.Put(t.Context(), "/key", value)
			return err == nil
		}, time.Minute, 50*time.Millisecond)
	}
}

// What is stored fills the database. Nothing of it is lost, and with a larger
// quota it goes on.
func TestFullStoreNeedsALargerQuota(t *testing.T) {
	dataDir := shortDir(t)
	stop := startSmall(t, dataDir, smallQuota)
	c := client(t, dataDir)
	stored := 0
	require.Eventually(t, func() bool {
		_, err := c.Put(t.Context(), fmt.Sprintf("/key-%d", stored), value)
		if err == nil {
			stored++
			return false
		}
		return stored*len(value) > smallQuota/2
	}, time.Minute, time.Millisecond)
	stop()

	startSmall(t, dataDir, 4*smallQuota)
	c = client(t, dataDir)
	require.Eventually(t, func() bool {
		_, err := c.Put(t.Context(), "/after", value)
		return err == nil
	}, time.Minute, 50*time.Millisecond)
	for i := range stored {
		got, err := c.Get(t.Context(), fmt.Sprintf("/key-%d", i))
		require.NoError(t, err)
		require.Len(t, got.Kvs, 1)
	}
}
