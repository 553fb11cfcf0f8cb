// Package etcd runs an etcd inside this process, for installations that do not
// bring one. It has no TCP port: clients reach it through a unix socket in the
// data directory, which nobody but its owner may enter.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"golang.org/x/sys/unix"
)

const (
	// DefaultQuotaBytes bounds the database file; etcd refuses writes beyond it.
	DefaultQuotaBytes = 8 << 30

	memberName = "federation-apiserver"
	// etcd wants URLs of host:port form to advertise, though nobody dials them:
	// the only member has no peers, and its client is in this process.
	advertisedClientURL = "http://localhost:2379"
	advertisedPeerURL   = "http://localhost:2380"

	// maxSocketPath is what sockaddr_un holds on Linux, without the final zero.
	maxSocketPath = 107
	startTimeout  = 2 * time.Minute
)

// ErrDataDirInUse means that another process has the data directory.
var ErrDataDirInUse = errors.New("another process uses this data directory")

// Config says where and how the embedded etcd runs.
type Config struct {
	// DataDir is the directory of the database. It is made if missing, and only
	// its owner may have access.
	DataDir string
	// QuotaBytes bounds the size of the database; 0 means DefaultQuotaBytes.
	QuotaBytes int64
	// UnsafeNoFsync leaves out syncing to disk. A crash of the machine then loses
	// data, so it is for tests only.
	UnsafeNoFsync bool
}

// SocketPath is the unix socket that the etcd of a data directory serves clients on.
func SocketPath(dataDir string) string {
	return filepath.Join(dataDir, "etcd.sock")
}

// Endpoint is the address of the etcd of a data directory, as etcd clients take it.
func Endpoint(dataDir string) string {
	return "unix://" + SocketPath(dataDir)
}

// Server is a running etcd.
type Server struct {
	embedded *embed.Etcd
	lock     *os.File
	endpoint string
	closing  *atomic.Bool
}

// Start runs etcd until Stop is called; it returns when etcd serves. The
// context bounds only the start: etcd must outlive the API server that it
// stores for. An error wraps ErrDataDirInUse where another process has the
// directory.
func Start(ctx context.Context, config Config) (*Server, error) {
	dataDir, err := filepath.Abs(config.DataDir)
	if err != nil {
		return nil, fmt.Errorf("data directory %q: %w", config.DataDir, err)
	}
	if err := prepareDataDir(dataDir); err != nil {
		return nil, err
	}
	lock, err := lockDataDir(dataDir)
	if err != nil {
		return nil, err
	}
	closing := &atomic.Bool{}
	embedded, err := start(ctx, dataDir, config, closing)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	registerMetrics()
	server := &Server{embedded: embedded, lock: lock, endpoint: Endpoint(dataDir), closing: closing}
	running.Store(server)
	return server, nil
}

// Err yields an error when etcd fails while it runs.
func (s *Server) Err() <-chan error {
	return s.embedded.Err()
}

// Stop ends etcd and gives the data directory free.
func (s *Server) Stop() error {
	s.closing.Store(true)
	running.CompareAndSwap(s, nil)
	s.embedded.Close()
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("unlock data directory: %w", err)
	}
	return nil
}

func start(ctx context.Context, dataDir string, config Config, closing *atomic.Bool) (*embed.Etcd, error) {
	// A crashed predecessor leaves its sockets behind, and a bound path cannot be
	// bound again. The lock says that no one listens on them.
	grpcSocket, httpSocket := SocketPath(dataDir), filepath.Join(dataDir, "etcd-http.sock")
	for _, socket := range []string{grpcSocket, httpSocket} {
		if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("remove stale socket: %w", err)
		}
	}

	cfg := embed.NewConfig()
	cfg.Name = memberName
	cfg.Dir = storeDir(dataDir)
	cfg.ListenClientUrls = []url.URL{{Scheme: "unix", Path: grpcSocket}}
	// On one socket for both, gRPC clients first meet the HTTP server and log an
	// error before they reconnect.
	cfg.ListenClientHttpUrls = []url.URL{{Scheme: "unix", Path: httpSocket}}
	cfg.ListenPeerUrls = nil
	cfg.AdvertiseClientUrls = []url.URL{mustParse(advertisedClientURL)}
	cfg.AdvertisePeerUrls = []url.URL{mustParse(advertisedPeerURL)}
	cfg.InitialCluster = memberName + "=" + advertisedPeerURL
	// The API server compacts by itself; two compactors would get in each other's way.
	cfg.AutoCompactionRetention = "0"
	cfg.WatchProgressNotifyInterval = 5 * time.Second
	cfg.QuotaBackendBytes = config.QuotaBytes
	if cfg.QuotaBackendBytes == 0 {
		cfg.QuotaBackendBytes = DefaultQuotaBytes
	}
	cfg.MaxConcurrentStreams = math.MaxUint32
	// Entries kept in memory for members that lag behind, of which there are none.
	cfg.SnapshotCatchUpEntries = 1
	cfg.UnsafeNoFsync = config.UnsafeNoFsync
	// No users, so no tokens: the default kind warns of itself.
	cfg.AuthToken = ""
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(newLogger(ctx, closing))

	embedded, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, fmt.Errorf("start embedded etcd in %s: %w", dataDir, err)
	}
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-embedded.Server.ReadyNotify():
		return embedded, nil
	case err := <-embedded.Err():
		embedded.Close()
		return nil, fmt.Errorf("start embedded etcd in %s: %w", dataDir, err)
	case <-timeout.C:
		// Close would wait for a server that never became ready.
		embedded.Server.Stop()
		return nil, fmt.Errorf("embedded etcd in %s was not ready within %s", dataDir, startTimeout)
	case <-ctx.Done():
		embedded.Server.Stop()
		return nil, fmt.Errorf("start embedded etcd in %s: %w", dataDir, context.Cause(ctx))
	}
}

func prepareDataDir(dataDir string) error {
	if socket := SocketPath(dataDir) + "-http"; len(socket) > maxSocketPath {
		return fmt.Errorf("data directory %s: the path is too long for a unix socket in it: at most %d bytes, got %d",
			dataDir, maxSocketPath-(len(socket)-len(dataDir)), len(dataDir))
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	// An existing directory may be open to others; the database must not be.
	if err := os.Chmod(dataDir, 0o700); err != nil {
		return fmt.Errorf("close data directory to others: %w", err)
	}
	return nil
}

// lockDataDir takes the directory for this process. The lock goes with the
// process, however it ends.
func lockDataDir(dataDir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dataDir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of data directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrDataDirInUse
		}
		return nil, errors.Join(fmt.Errorf("lock data directory %s: %w", dataDir, err), lock.Close())
	}
	return lock, nil
}

func mustParse(raw string) url.URL {
	parsed, err := url.Parse(raw)
	if err != nil {
		panic(fmt.Sprintf("constant URL %q: %v", raw, err))
	}
	return *parsed
}
