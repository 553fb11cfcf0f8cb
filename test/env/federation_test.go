package env

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func TestFederationIsKilledStartedAndGivenFlags(t *testing.T) {
	environment := Shared(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	federation := environment.Federation()
	client, err := dynamic.NewForConfig(environment.Host().Config())
	require.NoError(t, err)
	members := func() int {
		t.Helper()
		list, err := client.Resource(KubeFedClusters).Namespace(SystemNamespace).List(ctx, metav1.ListOptions{})
		require.NoError(t, err)
		return len(list.Items)
	}
	pid := func() int {
		t.Helper()
		pid, err := federation.PID(ctx)
		require.NoError(t, err)
		return pid
	}
	require.Equal(t, len(environment.Members()), members())

	first := pid()
	require.NoError(t, federation.Kill(ctx))
	_, err = federation.PID(ctx)
	require.Error(t, err)
	require.NoError(t, federation.Start(ctx))
	assert.NotEqual(t, first, pid())
	require.Equal(t, len(environment.Members()), members(), "the host reaches the server as soon as Start returns")

	require.NoError(t, federation.SetFlags(ctx, "--no-such-flag"))
	t.Cleanup(func() {
		require.NoError(t, federation.SetFlags(context.Background()))
		require.NoError(t, federation.Restart(context.Background()))
	})
	assert.ErrorContains(t, federation.Restart(ctx), "no-such-flag", "a failed start shows what the server said")
}
