package server

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lease is a lock that answers as it is told.
type lease struct {
	resourcelock.Interface
	err  error
	took time.Duration
}

func (l *lease) Identity() string { return "me" }

func (l *lease) Create(context.Context, resourcelock.LeaderElectionRecord) error { return l.err }

func (l *lease) Update(context.Context, resourcelock.LeaderElectionRecord) error {
	time.Sleep(l.took)
	return l.err
}

func TestFenceIsOpenAsLongAsTheLeaseIsOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mine, nobody := resourcelock.LeaderElectionRecord{HolderIdentity: "me"}, resourcelock.LeaderElectionRecord{}
		f := newFence()
		require.NoError(t, f.check(), "without election there is nobody else")

		inner := &lease{}
		lock := f.lock(inner, 10*time.Second)
		require.ErrorIs(t, f.check(), errFenced)
		require.NoError(t, lock.Create(t.Context(), mine))
		require.NoError(t, f.check())
		time.Sleep(9 * time.Second)
		require.NoError(t, f.check())
		time.Sleep(time.Second)
		require.ErrorIs(t, f.check(), errFenced)

		inner.took = 4 * time.Second
		require.NoError(t, lock.Update(t.Context(), mine))
		time.Sleep(5 * time.Second)
		require.NoError(t, f.check())
		time.Sleep(time.Second)
		require.ErrorIs(t, f.check(), errFenced, "the time counts from before the request")

		inner.err = errors.New("no answer")
		require.Error(t, lock.Update(t.Context(), mine))
		require.ErrorIs(t, f.check(), errFenced)
		inner.err = nil
		require.NoError(t, lock.Update(t.Context(), mine))
		require.NoError(t, f.check())
		require.NoError(t, lock.Update(t.Context(), nobody))
		require.ErrorIs(t, f.check(), errFenced, "given up")
	})
}
