package deploy

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const (
	member = "cluster1"
	// startLimit is for an environment, patience for what it does.
	startLimit = 20 * time.Minute
	patience   = 2 * time.Minute
)

// installation is the environment of this package, and whether the federation is in its host now. Installing and removing
// is the subject here, so the shared environments are of no use.
var installation struct {
	once      sync.Once
	env       *env.Environment
	err       error
	installed bool
}

func TestMain(m *testing.M) {
	code := m.Run()
	if installation.env != nil {
		if err := installation.env.Stop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "end the test environment:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// host is a host and a member, with or without the federation.
type host struct {
	t *testing.T
	*env.Environment
	// context is the cluster that kubectl acts on.
	context string
}

func environment(t *testing.T) *host {
	t.Helper()
	if testing.Short() {
		t.Skip("needs real clusters: not with -short")
	}
	installation.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		installation.env, installation.err = env.Start(ctx, env.Options{Members: []string{member}, WithoutJoin: true, Progress: progress.NewWriter(os.Stderr)})
		installation.installed = installation.err == nil
	})
	require.NoError(t, installation.err)
	return &host{t: t, Environment: installation.env, context: env.HostName}
}

// withFederation gives the host a federation that has the member and nothing stored.
func withFederation(t *testing.T) *host {
	h := environment(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	if !installation.installed {
		require.NoError(t, os.RemoveAll(h.Federation().DataDir()))
		require.NoError(t, h.Reinstall(ctx))
		installation.installed = true
		// It was removed without unjoin, and to another one the member is somebody's.
		h.kubectl("--context", member, "-n", systemNamespace, "delete", "lease", "federation-owner", "--ignore-not-found")
	}
	require.NoError(t, h.Join(ctx, h.Member(member)))
	return h
}

// freshHost is a cluster that can become a host: the member, which has nodes.
func freshHost(t *testing.T) *host {
	h := environment(t)
	h.context = member
	return h
}

// kubectl runs kubectl and returns what it printed.
func (h *host) kubectl(args ...string) string {
	h.t.Helper()
	output, err := h.try(args...)
	require.NoError(h.t, err, "kubectl %s\n%s", strings.Join(args, " "), output)
	return output
}

func (h *host) try(args ...string) (string, error) {
	return h.run("", args...)
}

func (h *host) apply(manifest string) {
	h.t.Helper()
	output, err := h.run(manifest, "apply", "--server-side", "-f", "-")
	require.NoError(h.t, err, output)
}

func (h *host) run(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	command := h.Command(ctx, "kubectl", append([]string{"--context", h.context}, args...)...)
	command.Stdin = strings.NewReader(stdin)
	output, err := command.CombinedOutput()
	return string(output), err
}

// until asks again and again until try finds nothing missing.
func (h *host) until(what string, try func() error) {
	h.t.Helper()
	var last error
	require.Eventually(h.t, func() bool { last = try(); return last == nil }, patience, 200*time.Millisecond, "%s: %v", what, lazily{&last})
}

// lazily prints an error as it is when it is printed.
type lazily struct{ err *error }

func (l lazily) String() string { return fmt.Sprint(*l.err) }
