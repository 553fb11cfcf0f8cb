package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	pollInterval = 10 * time.Millisecond
	tailLines    = 15
	// grace is how long a process may take to end by itself.
	grace = 20 * time.Second
)

// Lifetime says how long started processes live.
type Lifetime int

const (
	// Bound processes die with the process that started them, however that one ends.
	Bound Lifetime = iota
	// Detached processes outlive it, in sessions of their own.
	Detached
)

// Supervisor starts and ends named processes and records them in a state file.
type Supervisor struct {
	path     string
	lifetime Lifetime

	mu    sync.Mutex
	state *state
	// children are the goroutines that reap the processes started here; each lasts as long as its process.
	children sync.WaitGroup
}

// NewSupervisor reads the state file, if there is one: processes recorded there by another supervisor, also one that
// crashed, are managed like its own.
func NewSupervisor(stateFile string, lifetime Lifetime) (*Supervisor, error) {
	loaded, err := loadState(stateFile)
	if err != nil {
		return nil, err
	}
	return &Supervisor{path: stateFile, lifetime: lifetime, state: loaded}, nil
}

// Define records how to start a process. A running one keeps running as it was started.
func (s *Supervisor) Define(spec Spec) error {
	if err := spec.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.state.find(spec.Name); known != nil {
		known.Spec = spec
	} else {
		s.state.Processes = append(s.state.Processes, &record{Spec: spec})
	}
	return s.state.save(s.path)
}

// Spec returns how a process is started.
func (s *Supervisor) Spec(name string) (Spec, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.state.find(name)
	if known == nil {
		return Spec{}, fmt.Errorf("unknown process %s", name)
	}
	return known.Spec, nil
}

// Names lists the processes in the order in which they were defined.
func (s *Supervisor) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.state.Processes))
	for _, r := range s.state.Processes {
		names = append(names, r.Spec.Name)
	}
	return names
}

// Start starts a process that does not run; one that runs is left alone.
func (s *Supervisor) Start(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.state.find(name)
	if known == nil {
		return fmt.Errorf("unknown process %s", name)
	}
	if known.Identity != nil && known.Identity.Alive() {
		return nil
	}
	pid, err := s.spawn(known.Spec)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	identity, err := Identify(pid)
	if errors.Is(err, errNoProcess) {
		return exitError(known.Spec)
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	known.Identity = &identity
	return s.state.save(s.path)
}

// Check returns an ExitError if the process does not run.
func (s *Supervisor) Check(name string) error {
	known, err := s.lookup(name)
	if err != nil {
		return err
	}
	if known.Identity == nil || !known.Identity.Alive() {
		return exitError(known.Spec)
	}
	return nil
}

// Stop asks a process to end and waits for it. One that takes too long, or longer than the context, is killed.
func (s *Supervisor) Stop(ctx context.Context, name string) error {
	known, err := s.lookup(name)
	if err != nil {
		return err
	}
	if known.Identity == nil {
		return nil
	}
	if err := known.Identity.signal(syscall.SIGTERM); err != nil {
		return ignoreGone(err)
	}
	// A frozen process would never see the request.
	if err := known.Identity.signal(syscall.SIGCONT); err != nil {
		return ignoreGone(err)
	}
	patient, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if awaitEnd(patient, *known.Identity) == nil {
		return nil
	}
	return s.Kill(context.WithoutCancel(ctx), name)
}

// Kill ends a process at once and waits until it is gone.
func (s *Supervisor) Kill(ctx context.Context, name string) error {
	known, err := s.lookup(name)
	if err != nil {
		return err
	}
	if known.Identity == nil {
		return nil
	}
	if err := known.Identity.signal(syscall.SIGKILL); err != nil {
		return ignoreGone(err)
	}
	if err := awaitEnd(ctx, *known.Identity); err != nil {
		return fmt.Errorf("wait for the end of %s: %w", name, err)
	}
	return nil
}

// Freeze stops a process from running without ending it; its connections stay open.
func (s *Supervisor) Freeze(_ context.Context, name string) error {
	return s.signal(name, syscall.SIGSTOP)
}

// Thaw lets a frozen process go on.
func (s *Supervisor) Thaw(_ context.Context, name string) error {
	return s.signal(name, syscall.SIGCONT)
}

// KillAll ends every process, the youngest first, and waits until all are gone. What cannot be ended is reported and
// does not keep the others alive.
func (s *Supervisor) KillAll(ctx context.Context) error {
	names := s.Names()
	var failed []error
	for i := len(names) - 1; i >= 0; i-- {
		if err := s.Kill(ctx, names[i]); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) == 0 {
		s.children.Wait()
	}
	return errors.Join(failed...)
}

func (s *Supervisor) signal(name string, signal os.Signal) error {
	known, err := s.lookup(name)
	if err != nil {
		return err
	}
	if known.Identity == nil {
		return exitError(known.Spec)
	}
	err = known.Identity.signal(signal)
	if errors.Is(err, errNoProcess) {
		return exitError(known.Spec)
	}
	return err
}

func (s *Supervisor) lookup(name string) (record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.state.find(name)
	if known == nil {
		return record{}, fmt.Errorf("unknown process %s", name)
	}
	return *known, nil
}

func awaitEnd(ctx context.Context, identity Identity) error {
	return wait.PollUntilContextCancel(ctx, pollInterval, true, func(context.Context) (bool, error) {
		return !identity.Alive(), nil
	})
}

func exitError(spec Spec) error {
	return &ExitError{Name: spec.Name, Log: spec.Log, Tail: Tail(spec.Log, tailLines)}
}

func ignoreGone(err error) error {
	if errors.Is(err, errNoProcess) {
		return nil
	}
	return err
}

// PID returns the id of a running process, for measuring it.
func (s *Supervisor) PID(name string) (int, error) {
	known, err := s.lookup(name)
	if err != nil {
		return 0, err
	}
	if known.Identity == nil || !known.Identity.Alive() {
		return 0, exitError(known.Spec)
	}
	return known.Identity.PID, nil
}
