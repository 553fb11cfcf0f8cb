package env

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/test/env/process"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

func TestOptionsAreValidated(t *testing.T) {
	require.NoError(t, Options{Members: []string{"master", "slave"}}.Validate())
	for _, members := range [][]string{{"Master"}, {"a", "a"}, {HostName}, {""}, {"a.b"}} {
		assert.Error(t, Options{Members: members}.Validate(), "%q", members)
	}
}

func TestStartOneMember(t *testing.T) {
	if testing.Short() {
		t.Skip("needs real clusters: not with -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	environment, err := Start(ctx, Options{
		Members:           []string{"one"},
		WithoutFederation: true,
		Progress:          progress.NewWriter(os.Stderr),
	})
	require.NoError(t, err)
	dir := environment.Dir()
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			assert.NoError(t, environment.Stop(context.Background()))
		}
	})
	member := environment.Member("one")
	require.NotNil(t, member)
	client, err := kubernetes.NewForConfig(member.Config())
	require.NoError(t, err)

	t.Run("kubectl reports the release of the control planes", func(t *testing.T) {
		output, err := environment.Command(ctx, "kubectl", "version", "-o", "json").Output()
		require.NoError(t, err)
		var version struct {
			ClientVersion, ServerVersion struct{ GitVersion string }
		}
		require.NoError(t, json.Unmarshal(output, &version))
		assert.Regexp(t, `^v1\.\d+\.\d+$`, version.ServerVersion.GitVersion)
		assert.Equal(t, version.ServerVersion.GitVersion, version.ClientVersion.GitVersion)
	})

	t.Run("a pod runs", func(t *testing.T) { runPod(ctx, t, environment, client, "first") })

	t.Run("a frozen member hangs and comes back", func(t *testing.T) {
		require.NoError(t, member.Freeze(ctx))
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := client.CoreV1().Namespaces().List(short, metav1.ListOptions{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, member.Thaw(ctx))
		_, err = client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		assert.NoError(t, err)
	})

	t.Run("the federation's network can be cut while the administrator's works", func(t *testing.T) {
		relayed := member.Config()
		relayed.Host = member.Endpoint()
		through, err := kubernetes.NewForConfig(relayed)
		require.NoError(t, err)
		_, err = through.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		require.NoError(t, err)
		require.NoError(t, member.CutNetwork(ctx))
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = through.CoreV1().Namespaces().List(short, metav1.ListOptions{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		assert.NoError(t, err)
		require.NoError(t, member.RestoreNetwork(ctx))
		_, err = through.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		assert.NoError(t, err)
	})

	t.Run("another program attaches and restarts the member", func(t *testing.T) {
		serving, stopServing := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- environment.Serve(serving) }()
		defer func() {
			stopServing()
			assert.NoError(t, <-done)
		}()
		require.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join(dir, controlSocket))
			return err == nil
		}, startLimit, pollInterval)
		attached, err := Attach(dir)
		require.NoError(t, err)
		require.ErrorContains(t, attached.Stop(ctx), "another program")
		other := attached.Member("one")
		require.NoError(t, other.Stop(ctx))
		require.Error(t, member.check(ctx))
		require.NoError(t, other.Start(ctx))
		_, err = client.CoreV1().Pods("default").Get(ctx, "first", metav1.GetOptions{})
		assert.NoError(t, err, "the data survives")
		require.NoError(t, other.Kill(ctx))
		require.NoError(t, environment.Host().Freeze(ctx))
		require.NoError(t, other.CutNetwork(ctx))
		require.NoError(t, attached.Restore(ctx))
		runPod(ctx, t, environment, client, "second")
	})

	identities := identitiesIn(t, dir)
	require.NotEmpty(t, identities)
	require.NoError(t, environment.Stop(ctx))
	stopped = true
	for _, identity := range identities {
		assert.False(t, identity.Alive(), "process %d is left", identity.PID)
	}
	assert.NoDirExists(t, dir)
}

func runPod(ctx context.Context, t *testing.T, environment *Environment, client kubernetes.Interface, name string) {
	t.Helper()
	output, err := environment.Command(ctx, "kubectl", "--context", "one", "run", name, "--image", "nginx").CombinedOutput()
	require.NoError(t, err, string(output))
	output, err = environment.Command(ctx, "kubectl", "--context", "one", "wait", "pod/"+name, "--for=condition=Ready", "--timeout=180s").CombinedOutput()
	require.NoError(t, err, string(output))
	pod, err := client.CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, corev1.PodRunning, pod.Status.Phase)
	assert.NotEmpty(t, pod.Spec.NodeName)
}

func identitiesIn(t *testing.T, dir string) []process.Identity {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, processesFile))
	require.NoError(t, err)
	var state struct {
		Processes []struct{ Identity *process.Identity }
	}
	require.NoError(t, json.Unmarshal(data, &state))
	var identities []process.Identity
	for _, p := range state.Processes {
		if p.Identity != nil {
			identities = append(identities, *p.Identity)
		}
	}
	return identities
}
