package env

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

const (
	serverName = "federation-apiserver"
	// serverUser is the server's identity in the host: that of its service account, so that the roles of the deployment
	// apply to the process as they do to a pod.
	serverUser = "system:serviceaccount:" + SystemNamespace + ":" + serverName
)

// Federation is the federation server: one process, or several replicas that share an etcd.
type Federation struct {
	env      *Environment
	replicas []*Replica
	store    *Store
}

func newFederation(e *Environment) *Federation {
	f := &Federation{env: e}
	for i, port := range e.layout.ReplicaPorts {
		name := serverName
		if i > 0 {
			name += "-" + strconv.Itoa(i+1)
		}
		f.replicas = append(f.replicas, &Replica{federation: f, name: name, port: port})
	}
	if len(e.layout.Store) > 0 {
		f.store = &Store{env: e}
	}
	return f
}

// Replicas are the processes of the server, of which there is one unless the options say otherwise.
func (f *Federation) Replicas() []*Replica { return append([]*Replica(nil), f.replicas...) }

// Store is the etcd that the replicas share, or nil: a single server has its own.
func (f *Federation) Store() *Store { return f.store }

// Start starts the server, if it does not run, and waits until the host finds its groups available.
func (f *Federation) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := f.startServing(ctx); err != nil {
		return err
	}
	return f.waitAvailable(ctx)
}

// startServing starts what does not run and waits until every replica is ready.
func (f *Federation) startServing(ctx context.Context) error {
	if f.store != nil {
		for i := range f.store.Members() {
			if err := f.store.Start(ctx, i); err != nil {
				return err
			}
		}
	}
	for _, r := range f.replicas {
		if err := f.env.backend.Start(ctx, r.name); err != nil {
			return err
		}
	}
	for _, r := range f.replicas {
		if err := r.waitServing(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Stop asks the server to end and waits for it.
func (f *Federation) Stop(ctx context.Context) error { return f.each(ctx, f.env.backend.Stop) }

// Kill ends the server with SIGKILL.
func (f *Federation) Kill(ctx context.Context) error { return f.each(ctx, f.env.backend.Kill) }

// Restart stops and starts the server.
func (f *Federation) Restart(ctx context.Context) error {
	if err := f.Stop(ctx); err != nil {
		return err
	}
	return f.Start(ctx)
}

// Freeze makes the server hang: connections stay open and nothing answers.
func (f *Federation) Freeze(ctx context.Context) error { return f.each(ctx, f.env.backend.Freeze) }

// Thaw ends Freeze.
func (f *Federation) Thaw(ctx context.Context) error { return f.each(ctx, f.env.backend.Thaw) }

func (f *Federation) each(ctx context.Context, do func(context.Context, string) error) error {
	for _, r := range f.replicas {
		if err := do(ctx, r.name); err != nil {
			return err
		}
	}
	return nil
}

// PID is the server's process id, for measuring it; of several, the first one's.
func (f *Federation) PID(ctx context.Context) (int, error) { return f.replicas[0].PID(ctx) }

// SetFlags adds flags to those that the environment gives the server, or overrides them, from its next start on. No
// flags are the environment's own again.
func (f *Federation) SetFlags(ctx context.Context, flags ...string) error {
	for _, r := range f.replicas {
		if err := r.SetFlags(ctx, flags...); err != nil {
			return err
		}
	}
	return nil
}

// Endpoint is the server's own URL, or that which leads to its replicas. Users reach it through the host.
func (f *Federation) Endpoint() string {
	return "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(f.env.layout.ServerPort))
}

// DataDir is the folder of the server's storage.
func (f *Federation) DataDir() string { return f.path("data") }

// Log is the path of the server's log; of several, the first one's.
func (f *Federation) Log() string { return f.replicas[0].Log() }

// AuditLog is the path of the server's audit log; of several, the first one's.
func (f *Federation) AuditLog() string { return f.replicas[0].AuditLog() }

// CAFile is the path of the authority that signed the server's certificate.
func (f *Federation) CAFile() string { return f.path("ca.crt") }

func (f *Federation) path(name string) string {
	return filepath.Join(f.env.dir, "federation", name)
}

func serverKubeconfig(dir string) string {
	return filepath.Join(dir, "federation", "host.kubeconfig")
}

// Executable is the path of the server's executable.
func (f *Federation) Executable() string { return filepath.Join(f.env.layout.Project, serverName) }

// Flags are those that the environment gives the server: the deployment's, with the files and addresses of this machine.
func (f *Federation) Flags() []string { return f.replicas[0].flags() }

// write makes the files that the server reads. auditPolicy is that of the deployment.
func (f *Federation) write(hosts []string, auditPolicy string) (caBundle []byte, err error) {
	authority, err := newServerAuthority()
	if err != nil {
		return nil, err
	}
	serving, err := authority.Server(serverName, append(hosts, "localhost", "127.0.0.1")...)
	if err != nil {
		return nil, err
	}
	if err := serving.Write(f.path(""), "serving"); err != nil {
		return nil, err
	}
	if f.store != nil {
		if err := f.store.write(); err != nil {
			return nil, err
		}
	}
	caBundle = authority.CertificatePEM()
	policy, err := os.ReadFile(auditPolicy)
	if err != nil {
		return nil, fmt.Errorf("read the audit policy: %w", err)
	}
	for path, data := range map[string][]byte{f.CAFile(): caBundle, f.path("audit-policy.yaml"): policy} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, fmt.Errorf("write a file of the federation server: %w", err)
		}
	}
	return caBundle, nil
}
