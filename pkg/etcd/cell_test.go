package etcd_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/kubefederation/federation-apiserver/pkg/etcd"
)

func TestCellAndWhatAroundItIsWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	store, err := etcd.Start(t.Context(), etcd.Config{DataDir: dir, UnsafeNoFsync: true})
	require.NoError(t, err)
	source := etcd.Source{Endpoints: []string{etcd.Endpoint(dir)}}
	cell, err := etcd.OpenCell(t.Context(), source, "/federation/identity", "/federation/clusters/")
	require.NoError(t, err)
	client, err := clientv3.New(clientv3.Config{Endpoints: source.Endpoints})
	require.NoError(t, err)
	put := func(key string) {
		_, err := client.Put(t.Context(), key, "value")
		require.NoError(t, err)
	}
	written := func() int64 {
		n, err := cell.Written(t.Context())
		require.NoError(t, err)
		return n
	}

	value, revision, err := cell.Load(t.Context())
	require.NoError(t, err)
	require.Nil(t, value)
	require.Zero(t, revision)
	put("/federation/clusters/one")
	before := written()
	revision, err = cell.Save(t.Context(), []byte("a"), revision)
	require.NoError(t, err)
	_, err = cell.Save(t.Context(), []byte("b"), 0)
	require.ErrorIs(t, err, etcd.ErrCellChanged)
	next, err := cell.Save(t.Context(), []byte("c"), revision)
	require.NoError(t, err)
	require.Greater(t, next, revision)
	put("/federation/clusters/one")
	require.Equal(t, before, written(), "its own writes and quiet ones are none")
	put("/federation/clusters/two")
	require.Greater(t, written(), before, "a key that is new is a write")
	before = written()
	put("/federation/objects/one")
	require.Greater(t, written(), before)

	for range 50 {
		put("/federation/objects/one")
	}
	term, index, err := cell.Position(t.Context())
	require.NoError(t, err)
	require.Positive(t, term)
	require.Greater(t, index, uint64(50))
	require.False(t, restored(t, dir))
	backup := filepath.Join(t.TempDir(), "backup.db")
	require.NoError(t, etcd.BackupFile(t.Context(), source, backup))
	require.NoError(t, client.Close())
	require.NoError(t, cell.Close())
	require.NoError(t, store.Stop())

	_, err = etcd.Restore(dir, backup, time.Now())
	require.NoError(t, err)
	require.True(t, restored(t, dir))
	store, err = etcd.Start(t.Context(), etcd.Config{DataDir: dir, UnsafeNoFsync: true})
	require.NoError(t, err)
	cell, err = etcd.OpenCell(t.Context(), source, "/federation/identity")
	require.NoError(t, err)
	value, _, err = cell.Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, "c", string(value))
	afterTerm, afterIndex, err := cell.Position(t.Context())
	require.NoError(t, err)
	require.True(t, afterTerm < term || afterTerm == term && afterIndex < index, "%d/%d after %d/%d: a restored store begins anew", afterTerm, afterIndex, term, index)
	require.NoError(t, etcd.ForgetRestored(dir))
	require.False(t, restored(t, dir))
	require.NoError(t, cell.Close())
	require.NoError(t, store.Stop())
}

func restored(t *testing.T, dir string) bool {
	t.Helper()
	was, err := etcd.WasRestored(dir)
	require.NoError(t, err)
	return was
}
