package env

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kubefederation/federation-apiserver/test/env/process"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// Attach returns the running environment in a folder, of which another program is the owner and serves it.
func Attach(dir string) (*Environment, error) {
	dir, l, err := locate(dir)
	if err != nil {
		return nil, err
	}
	return assemble(dir, l, newRemote(dir), progress.Discard)
}

// TakeOver returns the detached environment in a folder. Whoever takes it over may also end it.
func TakeOver(dir string, report progress.Reporter) (*Environment, error) {
	dir, l, err := locate(dir)
	if err != nil {
		return nil, err
	}
	if !l.Detached {
		return nil, fmt.Errorf("the environment in %s belongs to a running program", dir)
	}
	own, err := newLocal(dir, l)
	if err != nil {
		return nil, err
	}
	if report == nil {
		report = progress.Discard
	}
	e, err := assemble(dir, l, own, report)
	if err != nil {
		return nil, err
	}
	e.owned = own
	return e, nil
}

// Complete says whether the environment was usable once.
func (e *Environment) Complete() bool { return e.layout.Complete }

// Running fails if a process of the environment does not run.
func (e *Environment) Running(ctx context.Context) error {
	for _, c := range append([]*Cluster{e.host}, e.members...) {
		if err := c.check(ctx); err != nil {
			return err
		}
	}
	if e.federation == nil {
		return nil
	}
	return e.federation.each(ctx, e.backend.Check)
}

// Resume starts what no longer runs of an environment that was complete once, for example after a restart of the
// machine, and waits until it is usable.
func (e *Environment) Resume(ctx context.Context) error {
	if !e.layout.Complete {
		return fmt.Errorf("the environment in %s was never complete", e.dir)
	}
	if err := e.startClusters(ctx); err != nil {
		return err
	}
	if e.federation == nil {
		return nil
	}
	return e.federation.Start(ctx)
}

// Restore undoes what tests do to an environment: it mends networks, thaws what is frozen and starts what does not run.
func (e *Environment) Restore(ctx context.Context) error {
	for _, c := range append([]*Cluster{e.host}, e.members...) {
		if c.plan.Relay != "" {
			if err := c.RestoreNetwork(ctx); err != nil {
				return err
			}
		}
		// What does not run at all is started below.
		if c.backend.Check(ctx, c.control.APIServer()) == nil {
			if err := c.Thaw(ctx); err != nil {
				return err
			}
		}
	}
	if e.federation != nil {
		for _, r := range e.federation.replicas {
			if r.Running(ctx) == nil {
				if err := r.Thaw(ctx); err != nil {
					return err
				}
			}
		}
	}
	return e.Resume(ctx)
}

// Remove ends every process that an environment in a folder has recorded, also one that was never complete or whose owner
// crashed, and removes the folder. No environment is no error.
func Remove(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("remove the environment: %w", err)
	}
	supervisor, err := process.NewSupervisor(filepath.Join(dir, processesFile), process.Detached)
	if err != nil {
		return err
	}
	if err := supervisor.KillAll(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the environment: %w", err)
	}
	return nil
}

func locate(dir string) (string, *layout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, fmt.Errorf("find the environment: %w", err)
	}
	l, err := loadLayout(dir)
	return dir, l, err
}
