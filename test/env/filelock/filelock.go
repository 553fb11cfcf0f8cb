// Package filelock makes processes take turns.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const pollInterval = 50 * time.Millisecond

// Lock is held until Release or until its process ends, however that happens.
type Lock struct {
	file *os.File
}

// AcquireAny waits for one of several locks, whichever is free first, and returns which it is.
func AcquireAny(ctx context.Context, paths ...string) (*Lock, int, error) {
	for {
		for i, path := range paths {
			lock, err := tryAcquire(path)
			if lock != nil || err != nil {
				return lock, i, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("lock one of %v: %w", paths, context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}

// Acquire waits for the lock. onWait, if not nil, is called once when another holds it.
func Acquire(ctx context.Context, path string, onWait func()) (*Lock, error) {
	var lock *Lock
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(context.Context) (bool, error) {
		var err error
		lock, err = tryAcquire(path)
		if lock == nil && err == nil && onWait != nil {
			onWait()
			onWait = nil
		}
		return lock != nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return lock, nil
}

// tryAcquire returns no lock if another holds it.
func tryAcquire(path string) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The descriptor is closed on exec: started processes do not inherit the lock.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &Lock{file: file}, nil
	}
	_ = file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// Release gives the lock up. The file stays: removing it would let two processes lock two files of one name.
func (l *Lock) Release() {
	// The lock ends with the descriptor, whatever closing says of the file that nobody wrote.
	_ = l.file.Close()
}
