package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// patience is how long an interrupted command may take to end by itself.
const patience = 20 * time.Second

func newRun() *cobra.Command {
	environments := 1
	command := &cobra.Command{
		Use:   "run -- COMMAND [ARG...]",
		Short: "Run a command, such as go test, with environments of its own that test packages share",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return run(command.Context(), environments, args)
		},
	}
	command.Flags().IntVar(&environments, "environments", environments, "how many to start; each test package has one at a time")
	return command
}

func run(ctx context.Context, environments int, args []string) (failed error) {
	options := env.SharedOptions()
	options.Progress = progress.NewWriter(os.Stderr)
	var dirs []string
	for range environments {
		environment, err := env.Start(ctx, options)
		if err != nil {
			return err
		}
		defer func() {
			// The interrupt that ended the command must not end the cleaning up.
			if stopErr := environment.Stop(context.WithoutCancel(ctx)); stopErr != nil {
				failed = stopErr
			}
		}()
		serving, stopServing := context.WithCancel(ctx)
		served := make(chan error, 1)
		go func() { served <- environment.Serve(serving) }()
		defer func() {
			stopServing()
			if serveErr := <-served; serveErr != nil {
				failed = serveErr
			}
		}()
		dirs = append(dirs, environment.Dir())
	}

	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Env = append(os.Environ(), env.Variable+"="+strings.Join(dirs, string(os.PathListSeparator)))
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = patience
	err := command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return &FailedError{Code: exit.ExitCode()}
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", args[0], err)
	}
	return nil
}

// FailedError is the failure of the command that was run. The command has said why.
type FailedError struct {
	// Code is its exit code.
	Code int
}

// Error names the exit code.
func (e *FailedError) Error() string {
	return fmt.Sprintf("exit code %d", e.Code)
}
