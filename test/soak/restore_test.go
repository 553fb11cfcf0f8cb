package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// saved is a backup of the store, and what the clients had asked for at that moment.
type saved struct {
	file     string
	objects  map[key]value
	clusters map[string]membership
}

// turnBack takes the store, of four rounds, back to what it was a round ago after one, and to nothing after another. Where the
// first is depends on the seed. What has another token by now, as it joined anew, cannot be taken back.
func (s *soak) turnBack(ctx context.Context, round int) error {
	switch (s.seed + uint64(round)) % 4 {
	case 0:
		s.history.begin(round)
		return s.wipe(ctx, round)
	case 1:
		return s.backup(ctx)
	case 2:
		if s.saved != nil && !s.rejoined {
			s.history.begin(round)
			return s.restore(ctx)
		}
	}
	return nil
}

// backup saves the store, when nothing is in doubt.
func (s *soak) backup(ctx context.Context) error {
	file := filepath.Join(s.Dir(), "soak-backup.db")
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if output, err := exec.CommandContext(ctx, s.Federation().Executable(), "backup", file, "--data-dir="+s.Federation().DataDir()).CombinedOutput(); err != nil {
		return fmt.Errorf("backup: %w: %s", err, output)
	}
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	s.rejoined = false
	s.saved = &saved{file, map[key]value{}, map[string]membership{}}
	for k := range s.model.objects {
		s.saved.objects[k] = *s.model.now(k)
	}
	for name, cluster := range s.model.actual {
		s.saved.clusters[name] = *cluster
	}
	return nil
}

// restore takes the store back to the backup. Until somebody confirms that, nothing may be written to members; then they
// come to what was asked for at the time of the backup, and what the store does not know is let go.
func (s *soak) restore(ctx context.Context) error {
	e := s.history.note("fault", "restore the store", "federation-apiserver", nil)
	if err := s.Federation().Kill(ctx); err != nil {
		return err
	}
	if output, err := exec.CommandContext(ctx, s.Federation().Executable(), "restore", s.saved.file, "--data-dir="+s.Federation().DataDir()).CombinedOutput(); err != nil {
		return fmt.Errorf("restore: %w: %s", err, output)
	}
	if err := s.await(ctx, "the server to start", s.Federation().Start); err != nil {
		return err
	}
	if err := s.awaitRecovery(ctx, "StoreRestored", "StoreOlder"); err != nil {
		return err
	}
	if err := s.checkReadOnly(ctx); err != nil {
		return err
	}
	s.revert()
	return s.confirm(ctx, e)
}

// awaitRecovery waits until the server says that it does nothing for one of the reasons.
func (s *soak) awaitRecovery(ctx context.Context, reasons ...string) error {
	return s.await(ctx, "the recovery", func(ctx context.Context) error {
		var exit *exec.ExitError
		output, err := s.Command(ctx, "kubectl-fed", "recovery").CombinedOutput()
		isReason := func(reason string) bool { return bytes.Contains(output, []byte(reason)) }
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !slices.ContainsFunc(reasons, isReason) {
			return fmt.Errorf("kubectl fed recovery, for one of %v: %w: %s", reasons, err, output)
		}
		return nil
	})
}

// checkReadOnly says what has been written to members since the audit logs were read last, when all of them are reached.
func (s *soak) checkReadOnly(ctx context.Context) error {
	for _, name := range s.names {
		if err := s.AwaitReady(ctx, clusterResource, env.SystemNamespace, name); err != nil {
			return err
		}
	}
	for _, l := range s.audits {
		events, err := l.read()
		if err != nil {
			return err
		}
		for _, event := range events {
			if !isOwn(event.ObjectRef) {
				return fmt.Errorf("%s was written to before the store was confirmed: %s", l.member, describe(event))
			}
		}
	}
	return nil
}

// confirm says that the store is the right one, and ends a fault: members must come to equal the model.
func (s *soak) confirm(ctx context.Context, fault *entry) error {
	// What would be done changes until everything has been looked at, and what was shown before is not taken then.
	if err := s.await(ctx, "the confirmation", func(ctx context.Context) error {
		output, err := s.Command(ctx, "kubectl-fed", "recovery", "confirm", "--yes").CombinedOutput()
		if err != nil && s.Command(ctx, "kubectl-fed", "recovery").Run() != nil {
			return fmt.Errorf("kubectl fed recovery confirm: %w: %s", err, output)
		}
		return nil
	}); err != nil {
		return err
	}
	s.history.answered(fault, "confirmed")
	s.faults.count(fault.What)
	if err := s.await(ctx, "members to equal the intent of the store", s.converge); err != nil {
		return err
	}
	return s.conclude(ctx, false)
}

// revert makes what was asked for that of the backup.
func (s *soak) revert() {
	s.model.begin()
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	s.model.restored = true
	for k, t := range s.model.objects {
		if v, ok := s.saved.objects[k]; ok {
			t.settle(v, time.Now())
		} else {
			t.settle(value{Absent: true}, time.Now())
		}
	}
	for name, t := range s.model.clusters {
		t.settle(s.saved.clusters[name], time.Now())
	}
	s.saved = nil
}
