package propagation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// take gets and finishes the next item.
func take[T comparable](t *testing.T, l *lane[T]) T {
	t.Helper()
	require.NotZero(t, l.Len(), "nothing waits")
	item, shutdown := l.Get()
	require.False(t, shutdown)
	l.Done(item)
	return item
}

func TestUrgentItemsGoFirst(t *testing.T) {
	l := newLane[string]("", time.Millisecond, time.Second)
	defer l.ShutDown()
	for _, item := range []string{"resync-1", "resync-2", "resync-3"} {
		l.AddBackground(item)
	}
	l.Add("user-1")
	l.Add("resync-3")
	l.AddBackground("user-1")

	var got []string
	for l.Len() > 0 {
		got = append(got, take(t, l))
	}
	require.Equal(t, []string{"user-1", "resync-3", "resync-1", "resync-2"}, got)
}

func TestBackgroundDoesNotStarve(t *testing.T) {
	l := newLane[int]("", time.Millisecond, time.Second)
	defer l.ShutDown()
	l.AddBackground(-1)
	for i := range 100 {
		l.Add(i)
	}
	for i := range 100 {
		if take(t, l) == -1 {
			require.LessOrEqual(t, i, backgroundShare)
			return
		}
	}
	t.Fatal("the item of the background was never served")
}

func TestItemAddedWhileProcessedComesBack(t *testing.T) {
	l := newLane[string]("", time.Millisecond, time.Second)
	defer l.ShutDown()
	l.Add("a")
	item, _ := l.Get()
	l.AddBackground("a")
	l.Add("b")
	l.Done(item)
	require.Equal(t, "b", take(t, l))
	require.Equal(t, "a", take(t, l))
	require.Zero(t, l.Len())
}

// Whatever the order of additions, each item that was added is served, and none
// that was not.
func TestLaneServesWhatWasAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLane[int]("", time.Millisecond, time.Second)
		defer l.ShutDown()
		waiting := map[int]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			item := rapid.IntRange(0, 5).Draw(t, "item")
			switch rapid.SampledFrom([]string{"add", "background", "take"}).Draw(t, "step") {
			case "add":
				l.Add(item)
				waiting[item] = true
			case "background":
				l.AddBackground(item)
				waiting[item] = true
			case "take":
				if len(waiting) == 0 {
					continue
				}
				got, _ := l.Get()
				l.Done(got)
				require.True(t, waiting[got], "%d was not waiting", got)
				delete(waiting, got)
			}
			require.Equal(t, len(waiting), l.Len())
		}
	})
}
