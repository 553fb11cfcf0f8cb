package filelock

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "lock")
	first, err := Acquire(context.Background(), path, func() { t.Error("nobody else holds it") })
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(context.Background(), 3*pollInterval)
	defer cancel()
	waits := 0
	_, err = Acquire(ctx, path, func() { waits++ })
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, 1, waits)

	first.Release()
	again, cancelAgain := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancelAgain()
	second, err := Acquire(again, path, nil)
	require.NoError(t, err)
	second.Release()
}

func TestWhicheverIsFree(t *testing.T) {
	paths := []string{filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "other")}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	first, i, err := AcquireAny(ctx, paths...)
	require.NoError(t, err)
	assert.Equal(t, 0, i)
	second, i, err := AcquireAny(ctx, paths...)
	require.NoError(t, err)
	assert.Equal(t, 1, i)
	defer second.Release()

	short, cancelShort := context.WithTimeout(context.Background(), 3*pollInterval)
	defer cancelShort()
	_, _, err = AcquireAny(short, paths...)
	assert.ErrorIs(t, err, context.DeadlineExceeded)

	first.Release()
	third, i, err := AcquireAny(ctx, paths...)
	require.NoError(t, err)
	assert.Equal(t, 0, i)
	third.Release()
}
