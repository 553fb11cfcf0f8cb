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
