package env

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kubefederation/federation-apiserver/test/env/process"
)

const (
	serverName = "federation-apiserver"
	// serverUser is the server's identity in the host: that of its service account, so that the roles of the deployment
	// apply to the process as they do to a pod.
	serverUser = "system:serviceaccount:" + SystemNamespace + ":" + serverName
)

// Federation is the process of the federation server.
type Federation struct {
	env *Environment
}

// Start starts the server, if it does not run, and waits until the host finds its groups available.
func (f *Federation) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := f.env.backend.Start(ctx, serverName); err != nil {
		return err
	}
	if err := f.waitServing(ctx); err != nil {
		return err
	}
	return f.waitAvailable(ctx)
}

// Stop asks the server to end and waits for it.
func (f *Federation) Stop(ctx context.Context) error {
	return f.env.backend.Stop(ctx, serverName)
}

// Kill ends the server with SIGKILL.
func (f *Federation) Kill(ctx context.Context) error {
	return f.env.backend.Kill(ctx, serverName)
}

// Restart stops and starts the server.
func (f *Federation) Restart(ctx context.Context) error {
	if err := f.Stop(ctx); err != nil {
		return err
	}
	return f.Start(ctx)
}

// Freeze makes the server hang: connections stay open and nothing answers.
func (f *Federation) Freeze(ctx context.Context) error {
	return f.env.backend.Freeze(ctx, serverName)
}

// Thaw ends Freeze.
func (f *Federation) Thaw(ctx context.Context) error {
	return f.env.backend.Thaw(ctx, serverName)
}

// PID is the server's process id, for measuring it.
func (f *Federation) PID(ctx context.Context) (int, error) {
	return f.env.backend.PID(ctx, serverName)
}

// SetFlags adds flags to those that the environment gives the server, or overrides them, from its next start on. No
// flags are the environment's own again.
func (f *Federation) SetFlags(ctx context.Context, flags ...string) error {
	return f.env.backend.Define(ctx, f.spec(flags...))
}

// Endpoint is the server's own URL. Users reach it through the host.
func (f *Federation) Endpoint() string {
	return "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(f.env.layout.ServerPort))
}

// DataDir is the folder of the server's storage.
func (f *Federation) DataDir() string { return f.path("data") }

// Log is the path of the server's log.
func (f *Federation) Log() string { return filepath.Join(f.env.LogDir(), serverName+".log") }

// AuditLog is the path of the server's audit log.
func (f *Federation) AuditLog() string { return f.path("audit.log") }

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
func (f *Federation) Flags() []string {
	kubeconfig := serverKubeconfig(f.env.dir)
	return []string{
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(f.env.layout.ServerPort),
		"--tls-cert-file=" + f.path("serving.crt"),
		"--tls-private-key-file=" + f.path("serving.key"),
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--kubefed-namespace=" + SystemNamespace,
		"--data-dir=" + f.DataDir(),
		"--audit-policy-file=" + f.path("audit-policy.yaml"),
		"--audit-log-path=" + f.AuditLog(),
	}
}

func (f *Federation) spec(extra ...string) process.Spec {
	return process.Spec{
		Name: serverName,
		Path: f.Executable(),
		Args: append(f.Flags(), extra...),
		Dir:  f.path(""),
		Log:  f.Log(),
	}
}

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
