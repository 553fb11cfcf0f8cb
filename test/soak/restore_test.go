package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// saved is a backup of the store, and what the clients had asked for at that moment.
type saved struct {
	file     string
	objects  map[key]value
	clusters map[string]membership
}

// turnBack takes the store back, after each second round, to what it was a round ago. A cluster that has joined anew since has
// another token by now: then it is left out.
func (s *soak) turnBack(ctx context.Context, round int) error {
	if round%2 == 1 {
		return s.backup(ctx)
	}
	if s.saved == nil || s.rejoined {
		s.rejoined = false
		return nil
	}
	s.history.begin(round)
	return s.restore(ctx)
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
	if err := s.await(ctx, "the recovery", func(ctx context.Context) error {
		var exit *exec.ExitError
		output, err := s.Command(ctx, "kubectl-fed", "recovery").CombinedOutput()
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			return fmt.Errorf("kubectl fed recovery: %w: %s", err, output)
		}
		return nil
	}); err != nil {
		return err
	}
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
	s.revert()
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
	s.history.answered(e, "confirmed")
	s.faults.count("restore the store")
	if err := s.await(ctx, "members to equal the restored intent", s.converge); err != nil {
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
