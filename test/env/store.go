package env

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kubefederation/federation-apiserver/test/env/pki"
	"github.com/kubefederation/federation-apiserver/test/env/process"
)

// storeMembers is how many an etcd needs to go on without one of them.
const storeMembers = 3

// storeMember is one member of the etcd that the replicas share.
type storeMember struct {
	ClientPort int `json:"clientPort"`
	PeerPort   int `json:"peerPort"`
}

// Store is the etcd that several replicas of the federation server share.
type Store struct {
	env *Environment
}

// Endpoints are the members' URLs for clients.
func (s *Store) Endpoints() []string {
	var endpoints []string
	for _, member := range s.env.layout.Store {
		endpoints = append(endpoints, loopbackURL(member.ClientPort))
	}
	return endpoints
}

// Peers are the members' URLs for each other.
func (s *Store) Peers() []string {
	var peers []string
	for _, member := range s.env.layout.Store {
		peers = append(peers, loopbackURL(member.PeerPort))
	}
	return peers
}

// CAFile, CertFile and KeyFile are what a client of the etcd needs.
func (s *Store) CAFile() string { return s.path("ca.crt") }

// CertFile is the certificate of the federation server as a client of the etcd.
func (s *Store) CertFile() string { return s.path("client.crt") }

// KeyFile is the key of CertFile.
func (s *Store) KeyFile() string { return s.path("client.key") }

// MemberName is the name of a member in its cluster.
func (s *Store) MemberName(i int) string { return "federation-etcd-" + strconv.Itoa(i+1) }

// DataDir is the folder of a member's data.
func (s *Store) DataDir(i int) string { return s.path(s.MemberName(i)) }

// InitialCluster says which members there are, as etcd wants it.
func (s *Store) InitialCluster() string {
	var members []string
	for i, peer := range s.Peers() {
		members = append(members, s.MemberName(i)+"="+peer)
	}
	return strings.Join(members, ",")
}

// Start starts a member.
func (s *Store) Start(ctx context.Context, i int) error {
	return s.env.backend.Start(ctx, s.MemberName(i))
}

// Kill ends a member with SIGKILL.
func (s *Store) Kill(ctx context.Context, i int) error {
	return s.env.backend.Kill(ctx, s.MemberName(i))
}

// Freeze makes a member hang, as on a disk that does not answer.
func (s *Store) Freeze(ctx context.Context, i int) error {
	return s.env.backend.Freeze(ctx, s.MemberName(i))
}

// Thaw ends Freeze.
func (s *Store) Thaw(ctx context.Context, i int) error {
	return s.env.backend.Thaw(ctx, s.MemberName(i))
}

// Members counts the members.
func (s *Store) Members() int { return len(s.env.layout.Store) }

func (s *Store) path(name string) string {
	return filepath.Join(s.env.dir, "federation", "etcd", name)
}

func (s *Store) specs() []process.Spec {
	var specs []process.Spec
	for i := range s.env.layout.Store {
		specs = append(specs, process.Spec{
			Name: s.MemberName(i),
			Path: filepath.Join(s.env.layout.Binaries, "etcd"),
			Args: []string{
				"--name=" + s.MemberName(i),
				"--data-dir=" + s.DataDir(i),
				"--listen-client-urls=" + s.Endpoints()[i],
				"--advertise-client-urls=" + s.Endpoints()[i],
				"--listen-peer-urls=" + s.Peers()[i],
				"--initial-advertise-peer-urls=" + s.Peers()[i],
				"--initial-cluster=" + s.InitialCluster(),
				"--client-cert-auth", "--trusted-ca-file=" + s.CAFile(),
				"--cert-file=" + s.path("server.crt"), "--key-file=" + s.path("server.key"),
				"--peer-client-cert-auth", "--peer-trusted-ca-file=" + s.CAFile(),
				"--peer-cert-file=" + s.path("peer.crt"), "--peer-key-file=" + s.path("peer.key"),
				"--unsafe-no-fsync",
				"--log-level=error",
				"--log-format=console",
			},
			Dir: s.path(""),
			Log: filepath.Join(s.env.LogDir(), s.MemberName(i)+".log"),
		})
	}
	return specs
}

// serverArgs make the federation server use the etcd.
func (s *Store) serverArgs() []string {
	return []string{
		"--etcd-servers=" + strings.Join(s.Endpoints(), ","),
		"--etcd-cafile=" + s.CAFile(),
		"--etcd-certfile=" + s.CertFile(),
		"--etcd-keyfile=" + s.KeyFile(),
	}
}

// write makes the files that the members and their clients read.
func (s *Store) write() error {
	if err := os.MkdirAll(s.path(""), 0o700); err != nil {
		return fmt.Errorf("make the folder of the shared etcd: %w", err)
	}
	authority, err := pki.NewAuthority("federation-etcd-ca")
	if err != nil {
		return err
	}
	for name, issue := range map[string]func() (pki.Pair, error){
		"server": func() (pki.Pair, error) { return authority.Server("etcd", "localhost", "127.0.0.1") },
		"peer":   func() (pki.Pair, error) { return authority.Peer("etcd", "localhost", "127.0.0.1") },
		"client": func() (pki.Pair, error) { return authority.Client("federation-apiserver") },
	} {
		pair, err := issue()
		if err != nil {
			return err
		}
		if err := pair.Write(s.path(""), name); err != nil {
			return err
		}
	}
	if err := os.WriteFile(s.CAFile(), authority.CertificatePEM(), 0o600); err != nil {
		return fmt.Errorf("write the authority of the shared etcd: %w", err)
	}
	return nil
}

func loopbackURL(port int) string {
	return "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
