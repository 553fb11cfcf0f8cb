package command

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCollectionLeavesSlack(t *testing.T) {
	for live, percent := range map[uint64]int{
		0:          6400,
		4 << 20:    6400,
		64 << 20:   400,
		128 << 20:  200,
		256 << 20:  100,
		1024 << 20: 100,
	} {
		require.Equal(t, percent, collectionPercent(live), "with %d live bytes", live)
	}
}

func TestCollectionIsTheOperators(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(defaultPercent))
	t.Setenv("GOGC", "100")
	collectLessOften()
	require.Equal(t, defaultPercent, debug.SetGCPercent(defaultPercent))
}

func TestCollectionOfASmallHeap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(defaultPercent))
	adjustCollection(&cycle{})
	require.Greater(t, debug.SetGCPercent(defaultPercent), defaultPercent)
	require.Eventually(t, func() bool {
		runtime.GC()
		before := debug.SetGCPercent(defaultPercent)
		return before > defaultPercent
	}, time.Minute, time.Millisecond)
}
