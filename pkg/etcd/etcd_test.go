package etcd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/kubefederation/federation-apiserver/pkg/etcd"
)

func start(t *testing.T, dataDir string) *etcd.Server {
	t.Helper()
	server, err := etcd.Start(t.Context(), etcd.Config{DataDir: dataDir, UnsafeNoFsync: true})
	require.NoError(t, err)
	return server
}

func client(t *testing.T, dataDir string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{etcd.Endpoint(dataDir)}, DialTimeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// shortDir is a directory whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "etcd")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(parent)) })
	return filepath.Join(parent, "data")
}

func TestKeepsDataOverRestart(t *testing.T) {
	dataDir := shortDir(t)

	first := start(t, dataDir)
	_, err := client(t, dataDir).Put(t.Context(), "/key", "value")
	require.NoError(t, err)
	require.NoError(t, first.Stop())

	second := start(t, dataDir)
	t.Cleanup(func() { require.NoError(t, second.Stop()) })
	got, err := client(t, dataDir).Get(t.Context(), "/key")
	require.NoError(t, err)
	require.Len(t, got.Kvs, 1)
	require.Equal(t, "value", string(got.Kvs[0].Value))
}

func TestDataDirIsItsOwnersOnly(t *testing.T) {
	dataDir := shortDir(t)
	require.NoError(t, os.MkdirAll(dataDir, 0o755))

	server := start(t, dataDir)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })

	info, err := os.Stat(dataDir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestRefusesDataDirInUse(t *testing.T) {
	dataDir := shortDir(t)
	server := start(t, dataDir)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })

	_, err := etcd.Start(t.Context(), etcd.Config{DataDir: dataDir, UnsafeNoFsync: true})
	require.ErrorIs(t, err, etcd.ErrDataDirInUse)
	require.ErrorContains(t, err, dataDir)
}

func TestRefusesPathTooLongForSocket(t *testing.T) {
	dataDir := filepath.Join(shortDir(t), strings.Repeat("x", 100))
	_, err := etcd.Start(t.Context(), etcd.Config{DataDir: dataDir})
	require.ErrorContains(t, err, "too long for a unix socket")
	require.NoDirExists(t, dataDir)
}
