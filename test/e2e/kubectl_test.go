package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// result is what a command came back with.
type result struct {
	stdout, stderr string
	err            error
}

func (f *federation) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := f.Command(ctx, name, args...)
	command.Env = append(command.Env, "KUBECACHEDIR="+f.cacheDir())
	return command
}

// run runs a command of the environment.
func (f *federation) run(stdin, name string, args ...string) result {
	f.t.Helper()
	command := f.command(f.ctx(), name, args...)
	var stdout, stderr bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := command.Run()
	return result{stdout: stdout.String(), stderr: stderr.String(), err: err}
}

// kubectl runs kubectl against the host, or against a member with --context, and returns what it printed. It has to
// succeed.
func (f *federation) kubectl(args ...string) string {
	f.t.Helper()
	return f.succeed("", args...).stdout
}

// succeed runs kubectl, which has to succeed.
func (f *federation) succeed(stdin string, args ...string) result {
	f.t.Helper()
	r := f.run(stdin, "kubectl", args...)
	require.NoError(f.t, r.err, "kubectl %s\n%s%s", strings.Join(args, " "), r.stdout, r.stderr)
	return r
}

// refused runs kubectl, which has to fail, and returns what it complained about.
func (f *federation) refused(stdin string, args ...string) string {
	f.t.Helper()
	r := f.run(stdin, "kubectl", args...)
	require.Error(f.t, r.err, "kubectl %s\n%s%s", strings.Join(args, " "), r.stdout, r.stderr)
	return r.stderr
}

// fed runs kubectl fed, which has to succeed.
func (f *federation) fed(args ...string) string {
	f.t.Helper()
	r := f.run("", "kubectl-fed", append(args, "--host-cluster-context", "host", "--kubeconfig", f.JoinKubeconfig())...)
	require.NoError(f.t, r.err, "kubectl fed %s\n%s%s", strings.Join(args, " "), r.stdout, r.stderr)
	return r.stdout
}

// apply applies an object with kubectl.
func (f *federation) apply(object *unstructured.Unstructured, args ...string) result {
	f.t.Helper()
	return f.succeed(f.manifest(object), append([]string{"apply", "-f", "-"}, args...)...)
}

func (f *federation) manifest(object *unstructured.Unstructured) string {
	f.t.Helper()
	data, err := json.Marshal(object)
	require.NoError(f.t, err)
	return string(data)
}

func testdata(elements ...string) string {
	return filepath.Join(append([]string{"testdata"}, elements...)...)
}

// kubectlAfter runs kubectl when the test has ended.
func (f *federation) kubectlAfter(args ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	output, err := f.command(ctx, "kubectl", args...).CombinedOutput()
	assert.NoError(f.t, err, "kubectl %s\n%s", strings.Join(args, " "), output)
}
