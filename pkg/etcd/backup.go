package etcd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

const (
	backupDialTimeout = 10 * time.Second
	// revisionStep is the least by which a restored store is ahead of its backup.
	revisionStep = 1_000_000_000
	// blockBytes is what the size of a database is a multiple of; its checksum
	// follows it.
	blockBytes = 512
)

// Source is a running etcd.
type Source struct {
	// Endpoints of its members; the first that answers is asked.
	Endpoints []string
	// CAFile, CertFile and KeyFile are for TLS, and empty without it.
	CAFile, CertFile, KeyFile string
}

// config is that of a client of the etcd.
func (s Source) config(ctx context.Context) (clientv3.Config, error) {
	config := clientv3.Config{Endpoints: s.Endpoints, DialTimeout: backupDialTimeout, Logger: zap.NewNop(), Context: ctx}
	if s.CAFile != "" || s.CertFile != "" {
		var err error
		info := transport.TLSInfo{TrustedCAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile}
		if config.TLS, err = info.ClientConfig(); err != nil {
			return config, fmt.Errorf("TLS with etcd: %w", err)
		}
	}
	return config, nil
}

// Backup writes the whole store, as of one moment, to w: etcd's snapshot format,
// which ends with a checksum. Other clients go on meanwhile.
func Backup(ctx context.Context, source Source, w io.Writer) error {
	config, err := source.config(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, endpoint := range source.Endpoints {
		one := config
		one.Endpoints = []string{endpoint}
		written, err := stream(ctx, one, w)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", endpoint, err))
		if written > 0 {
			break // what follows would be another moment
		}
	}
	return fmt.Errorf("back up etcd: %w", errors.Join(errs...))
}

func stream(ctx context.Context, config clientv3.Config, w io.Writer) (size int64, err error) {
	client, err := clientv3.New(config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	// A stream to a member that is down would wait for it.
	status, cancel := context.WithTimeout(ctx, backupDialTimeout)
	defer cancel()
	if _, err := client.Status(status, config.Endpoints[0]); err != nil {
		return 0, err
	}
	snapshot, err := client.SnapshotWithVersion(ctx)
	if err != nil {
		return 0, err
	}
	defer snapshot.Snapshot.Close()
	written, err := io.Copy(w, snapshot.Snapshot)
	if err == nil && written%blockBytes != sha256.Size {
		err = fmt.Errorf("it ended after %d bytes, without its checksum", written)
	}
	return written, err
}

// BackupFile writes a backup to a new file that only its owner may read.
func BackupFile(ctx context.Context, source Source, path string) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make the backup: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			// Half a backup must not be taken for one.
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err := Backup(ctx, source, file); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return nil
}

// Restored says what a Restore has done.
type Restored struct {
	// Backup is the revision of the backup, Revision that of the restored store.
	Backup, Revision int64
	// Previous is where the store that was there is now; empty if there was none.
	Previous string
}

// Restore makes the embedded etcd of a data directory anew from a backup, while no
// server runs. What was there is kept beside it. The error wraps ErrDataDirInUse
// where a server runs.
//
// Clients of before have seen revisions that are newer than the backup, and a
// restored store must not give them to other states: it goes on at the time in
// milliseconds, or further, which no earlier restore can have reached, and all
// before is marked as compacted, so that every watch begins anew with a list.
func Restore(dataDir, backup string, now time.Time) (*Restored, error) {
	dataDir, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, fmt.Errorf("data directory %q: %w", dataDir, err)
	}
	// A database that is not whole is not opened: it would end the process.
	if err := verify(backup); err != nil {
		return nil, fmt.Errorf("read backup %s: %w", backup, err)
	}
	manager := snapshot.NewV3(zap.NewNop())
	status, err := manager.Status(backup)
	if err != nil {
		return nil, fmt.Errorf("read backup %s: %w", backup, err)
	}
	if err := prepareDataDir(dataDir); err != nil {
		return nil, err
	}
	lock, err := lockDataDir(dataDir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()

	result := &Restored{Backup: status.Revision, Revision: max(now.UnixMilli(), status.Revision+revisionStep)}
	restoring := filepath.Join(dataDir, "etcd.restoring")
	if err := os.RemoveAll(restoring); err != nil {
		return nil, fmt.Errorf("remove what an interrupted restore left: %w", err)
	}
	if err := manager.Restore(snapshot.RestoreConfig{
		SnapshotPath: backup, Name: memberName, OutputDataDir: restoring,
		PeerURLs: []string{advertisedPeerURL}, InitialCluster: memberName + "=" + advertisedPeerURL, InitialClusterToken: "etcd-cluster",
		RevisionBump: uint64(result.Revision - result.Backup), MarkCompacted: true,
	}); err != nil {
		return nil, errors.Join(fmt.Errorf("restore backup %s: %w", backup, err), os.RemoveAll(restoring))
	}
	if err := markRestored(restoring); err != nil {
		return nil, errors.Join(err, os.RemoveAll(restoring))
	}
	current := storeDir(dataDir)
	if _, err := os.Stat(current); errors.Is(err, os.ErrNotExist) {
		if err := os.Rename(restoring, current); err != nil {
			return nil, fmt.Errorf("put the restored store in place: %w", err)
		}
		return result, nil
	}
	// In one step: a server that starts between two would begin with nothing.
	if err := unix.Renameat2(unix.AT_FDCWD, restoring, unix.AT_FDCWD, current, unix.RENAME_EXCHANGE); err != nil {
		return nil, fmt.Errorf("put the restored store in place of %s: %w", current, err)
	}
	result.Previous = filepath.Join(dataDir, "etcd.before-"+now.UTC().Format("20060102T150405.000Z"))
	if err := os.Rename(restoring, result.Previous); err != nil {
		return nil, fmt.Errorf("keep the store of before: %w", err)
	}
	return result, nil
}

// verify compares a backup with the checksum at its end.
func verify(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	database := info.Size() - sha256.Size
	if database <= 0 || database%blockBytes != 0 {
		return fmt.Errorf("%d bytes are not a whole backup, which ends with a checksum", info.Size())
	}
	hash := sha256.New()
	if _, err := io.CopyN(hash, file, database); err != nil {
		return err
	}
	want, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(hash.Sum(nil), want) {
		return errors.New("it does not match the checksum at its end")
	}
	return nil
}

// storeDir is where the etcd of a data directory stores.
func storeDir(dataDir string) string { return filepath.Join(dataDir, "etcd") }
