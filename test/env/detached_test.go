package env

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDetachedEnvironmentIsTakenOverResumedAndRemoved(t *testing.T) {
	if testing.Short() {
		t.Skip("needs real clusters: not with -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	dir := t.TempDir()
	_, err := Start(ctx, Options{Dir: dir, Detached: true, WithoutFederation: true})
	t.Cleanup(func() { assert.NoError(t, Remove(context.Background(), dir)) })
	require.NoError(t, err)

	found, err := TakeOver(dir, nil)
	require.NoError(t, err)
	require.True(t, found.Complete())
	require.NoError(t, found.Running(ctx))
	require.ErrorContains(t, found.Host().CutNetwork(ctx), "no network to disturb")

	require.NoError(t, found.Host().Kill(ctx))
	require.Error(t, found.Running(ctx))
	require.NoError(t, found.Resume(ctx))
	require.NoError(t, found.Running(ctx))

	identities := identitiesIn(t, dir)
	require.NotEmpty(t, identities)
	require.NoError(t, Remove(ctx, dir))
	for _, identity := range identities {
		assert.False(t, identity.Alive(), "process %d is left", identity.PID)
	}
	assert.NoDirExists(t, dir)
	require.NoError(t, Remove(ctx, dir), "removing nothing is no error")
	_, err = TakeOver(dir, nil)
	assert.ErrorIs(t, err, ErrNoEnvironment)
}
