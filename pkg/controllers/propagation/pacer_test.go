package propagation

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
)

func paced(name string) objectKey {
	return objectKey{kind: "configmaps", NamespacedName: types.NamespacedName{Name: name}}
}

// pacing runs p until the test ends, and sends what it lets through.
func pacing(t *testing.T, p *pacer, isStale func(objectKey) bool) <-chan objectKey {
	t.Helper()
	let := make(chan objectKey, 100)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.run(ctx, isStale, func(key objectKey) { let <- key }) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return let
}

func TestAPacerLetsKeysThroughInOrderAndOnce(t *testing.T) {
	p := newPacer(1000)
	p.add(paced("a"))
	p.add(paced("b"))
	p.addIfStale(paced("a"))
	p.addIfStale(paced("fresh"))
	p.addIfStale(paced("c"))
	let := pacing(t, p, func(key objectKey) bool { return key != paced("fresh") })
	for _, want := range []string{"a", "b", "c"} {
		require.Equal(t, paced(want), <-let)
	}
	require.Eventually(t, func() bool { return p.len() == 0 }, patience, poll)
	p.add(paced("a"))
	require.Equal(t, paced("a"), <-let, "it may be added again")
	require.Empty(t, let)
}

func TestAPacerIsNotFasterThanItsRate(t *testing.T) {
	const rate, keys = 1000, 300
	p := newPacer(rate)
	for i := range keys {
		p.add(objectKey{kind: string(rune('a' + i))})
	}
	began, let := time.Now(), make(chan objectKey, keys)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go p.run(ctx, nil, func(key objectKey) { let <- key })
	for range keys {
		<-let
	}
	require.GreaterOrEqual(t, time.Since(began).Seconds(), float64(keys-rate/10-1)/rate, "a tenth of a second's worth is let through at once")
}

func TestWhatWaitsForItsTurnIsTold(t *testing.T) {
	p := newPacer(2)
	require.True(t, p.take(paced("a")))
	require.False(t, p.take(paced("b")), "it is too much at once")
	require.Equal(t, paced("b"), <-pacing(t, p, nil))
	require.True(t, p.take(paced("b")), "it was its turn")
	p.forget(paced("b"))
	require.Empty(t, p.granted)
}

// What changes while it is looked at is looked at again.
func TestAKeyThatIsAddedWhileItIsLookedAtIsNotLost(t *testing.T) {
	p := newPacer(1000)
	looks := 0
	p.addIfStale(paced("a"))
	let := pacing(t, p, func(key objectKey) bool {
		looks++
		if looks == 1 {
			p.addIfStale(key)
			return false
		}
		return true
	})
	require.Equal(t, paced("a"), <-let)
}
