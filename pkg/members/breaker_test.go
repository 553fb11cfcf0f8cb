package members

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
)

func newTestBreaker(c clock.PassiveClock) (b *breaker, changes *int) {
	changes = new(int)
	return &breaker{clock: c, min: time.Second, max: 8 * time.Second, changed: func() { *changes++ }}, changes
}

func TestBreakerKeepsRequestsFromAMemberThatDoesNotAnswer(t *testing.T) {
	cause := errors.New("connection refused")
	c := testingclock.NewFakePassiveClock(time.Unix(0, 0))
	b, changes := newTestBreaker(c)
	fail := func() {
		_, err := b.enter()
		require.NoError(t, err)
		b.failed(cause)
	}
	for range failuresToOpen {
		fail()
	}
	require.Equal(t, 1, *changes)

	for _, window := range []time.Duration{1, 2, 4, 8, 8} {
		window *= time.Second
		left, err := b.enter()
		require.ErrorIs(t, err, cause)
		require.Equal(t, window, left)
		c.SetTime(c.Now().Add(window))
		_, err = b.open()
		require.NoError(t, err, "after its time one request may try")
		fail()
	}
	require.Equal(t, 1, *changes, "it was open all the time")

	c.SetTime(c.Now().Add(8 * time.Second))
	_, err := b.enter()
	require.NoError(t, err)
	_, err = b.enter()
	require.ErrorIs(t, err, cause, "a second one waits for the first")
	b.abandoned()
	_, err = b.enter()
	require.NoError(t, err, "the first one was given up")
	b.answered()
	require.Equal(t, 2, *changes)
	for range 10 {
		_, err = b.enter()
		require.NoError(t, err)
	}
}

// A member that comes and goes is left alone for ever longer, until it has stayed.
func TestBreakerOfAMemberThatFlaps(t *testing.T) {
	c := testingclock.NewFakePassiveClock(time.Unix(1000, 0))
	b, changes := newTestBreaker(c)
	opened := func() time.Duration {
		for range failuresToOpen {
			_, err := b.enter()
			require.NoError(t, err)
			b.failed(errors.New("connection reset"))
		}
		left, err := b.enter()
		require.Error(t, err)
		c.SetTime(c.Now().Add(left))
		_, err = b.enter()
		require.NoError(t, err)
		b.answered()
		return left
	}
	for _, window := range []time.Duration{1, 2, 4, 8, 8} {
		require.Equal(t, window*time.Second, opened())
	}
	require.Equal(t, 10, *changes)
	c.SetTime(c.Now().Add(b.max + time.Second))
	require.Equal(t, time.Second, opened(), "it has stayed")
}

func TestBreakerNeedsFailuresInARow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := testingclock.NewFakePassiveClock(time.Unix(0, 0))
		b, _ := newTestBreaker(c)
		row := 0
		for _, answered := range rapid.SliceOf(rapid.Bool()).Draw(t, "answered") {
			if _, err := b.enter(); err != nil {
				require.GreaterOrEqual(t, row, failuresToOpen)
				c.SetTime(c.Now().Add(b.max))
				_, err := b.enter()
				require.NoError(t, err, "a time of the longest kind is over")
			}
			if answered {
				row = 0
				b.answered()
			} else {
				row++
				b.failed(errors.New("no answer"))
			}
			_, err := b.open()
			require.Equal(t, row >= failuresToOpen, err != nil)
		}
	})
}
