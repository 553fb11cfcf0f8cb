package etcd_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/kubefederation/federation-apiserver/pkg/etcd"
)

// A store is restored twice from the same backup. Nobody who has seen the store at
// any time is given a revision again that meant something else.
func TestRestoreDoesNotGoBack(t *testing.T) {
	dataDir, backup := shortDir(t), filepath.Join(t.TempDir(), "backup.db")
	server := start(t, dataDir)
	saved, err := client(t, dataDir).Put(t.Context(), "/kept", "saved")
	require.NoError(t, err)
	require.NoError(t, etcd.BackupFile(t.Context(), etcd.Source{Endpoints: []string{etcd.Endpoint(dataDir)}}, backup))
	info, err := os.Stat(backup)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	seen := saved.Header.Revision
	for range 2 {
		_, err := client(t, dataDir).Put(t.Context(), "/kept", "changed")
		require.NoError(t, err)
		lost, err := client(t, dataDir).Put(t.Context(), "/lost", "x")
		require.NoError(t, err)
		require.Greater(t, lost.Header.Revision, seen)
		seen = lost.Header.Revision
		_, err = etcd.Restore(dataDir, backup, time.Now())
		require.ErrorIs(t, err, etcd.ErrDataDirInUse)
		require.NoError(t, server.Stop())

		restored, err := etcd.Restore(dataDir, backup, time.Now())
		require.NoError(t, err)
		require.DirExists(t, restored.Previous)
		require.Equal(t, saved.Header.Revision, restored.Backup)
		require.Greater(t, restored.Revision, seen)
		server = start(t, dataDir)
		got, err := client(t, dataDir).Get(t.Context(), "/kept")
		require.NoError(t, err)
		require.Equal(t, "saved", string(got.Kvs[0].Value))
		require.GreaterOrEqual(t, got.Header.Revision, restored.Revision)
		gone, err := client(t, dataDir).Get(t.Context(), "/lost")
		require.NoError(t, err)
		require.Empty(t, gone.Kvs)
		answer := <-client(t, dataDir).Watch(t.Context(), "/kept", clientv3.WithRev(seen))
		require.ErrorIs(t, answer.Err(), rpctypes.ErrCompacted)
		seen = got.Header.Revision
	}
	require.NoError(t, server.Stop())
}

func TestRestoreRefusesWhatIsNoBackup(t *testing.T) {
	dataDir, dir := shortDir(t), t.TempDir()
	server := start(t, dataDir)
	_, err := client(t, dataDir).Put(t.Context(), "/key", "value")
	require.NoError(t, err)
	whole := filepath.Join(dir, "whole.db")
	require.NoError(t, etcd.BackupFile(t.Context(), etcd.Source{Endpoints: []string{etcd.Endpoint(dataDir)}}, whole))
	require.ErrorIs(t, etcd.BackupFile(t.Context(), etcd.Source{Endpoints: []string{etcd.Endpoint(dataDir)}}, whole), os.ErrExist)
	require.NoError(t, server.Stop())
	data, err := os.ReadFile(whole)
	require.NoError(t, err)

	altered := append([]byte(nil), data...)
	altered[len(altered)-1] ^= 1
	for what, content := range map[string][]byte{"altered": altered, "cut off": data[:len(data)/2], "text": []byte("text"), "empty": nil} {
		t.Run(what, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "backup.db")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			_, err := etcd.Restore(dataDir, path, time.Now())
			require.ErrorContains(t, err, path)
		})
	}
	server = start(t, dataDir)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	got, err := client(t, dataDir).Get(t.Context(), "/key")
	require.NoError(t, err)
	require.Len(t, got.Kvs, 1, "the store is as it was")
}

func TestBackupOfNobodyFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backup.db")
	err := etcd.BackupFile(t.Context(), etcd.Source{Endpoints: []string{etcd.Endpoint(shortDir(t))}}, path)
	require.Error(t, err)
	require.NoFileExists(t, path)
}
