package env

import (
	"context"
	"net"
	"path/filepath"
	"strconv"

	"github.com/kubefederation/federation-apiserver/test/env/process"
)

// Replica is one process of the federation server.
type Replica struct {
	federation *Federation
	name       string
	port       int
}

// Endpoint is its own URL.
func (r *Replica) Endpoint() string {
	return "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port))
}

// Start starts it, if it does not run, and waits until it is ready.
func (r *Replica) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := r.backend().Start(ctx, r.name); err != nil {
		return err
	}
	return r.waitServing(ctx)
}

// Stop asks it to end and waits for it.
func (r *Replica) Stop(ctx context.Context) error { return r.backend().Stop(ctx, r.name) }

// Kill ends it with SIGKILL.
func (r *Replica) Kill(ctx context.Context) error { return r.backend().Kill(ctx, r.name) }

// Freeze makes it hang: connections stay open and nothing answers.
func (r *Replica) Freeze(ctx context.Context) error { return r.backend().Freeze(ctx, r.name) }

// Thaw ends Freeze.
func (r *Replica) Thaw(ctx context.Context) error { return r.backend().Thaw(ctx, r.name) }

// Running fails if it does not run.
func (r *Replica) Running(ctx context.Context) error { return r.backend().Check(ctx, r.name) }

// PID is its process id.
func (r *Replica) PID(ctx context.Context) (int, error) { return r.backend().PID(ctx, r.name) }

// Component is its process, which can be killed and started without waiting for anything.
func (r *Replica) Component() Component { return Component{r.name, r.backend()} }

// SetFlags adds flags to those that the environment gives it, or overrides them, from its next start on.
func (r *Replica) SetFlags(ctx context.Context, flags ...string) error {
	return r.backend().Define(ctx, r.spec(flags...))
}

// Log is the path of its log.
func (r *Replica) Log() string { return filepath.Join(r.federation.env.LogDir(), r.name+".log") }

// AuditLog is the path of its audit log.
func (r *Replica) AuditLog() string {
	if r.name == serverName {
		return r.federation.path("audit.log")
	}
	return r.federation.path(r.name + "-audit.log")
}

func (r *Replica) backend() backend { return r.federation.env.backend }

func (r *Replica) flags() []string {
	f := r.federation
	kubeconfig := serverKubeconfig(f.env.dir)
	flags := []string{
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(r.port),
		"--tls-cert-file=" + f.path("serving.crt"),
		"--tls-private-key-file=" + f.path("serving.key"),
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--kubefed-namespace=" + SystemNamespace,
		"--audit-policy-file=" + f.path("audit-policy.yaml"),
		"--audit-log-path=" + r.AuditLog(),
	}
	if f.store == nil {
		return append(flags, "--data-dir="+f.DataDir())
	}
	// The delay is longer than it takes the balancer to notice that the replica is ending.
	return append(append(flags, f.store.serverArgs()...), "--shutdown-delay-duration=2s")
}

func (r *Replica) spec(extra ...string) process.Spec {
	return process.Spec{
		Name: r.name,
		Path: r.federation.Executable(),
		Args: append(r.flags(), extra...),
		Dir:  r.federation.path(""),
		Log:  r.Log(),
	}
}
