package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// patience is how long an interrupted command may take to end by itself.
const patience = 20 * time.Second

func newRun() *cobra.Command {
	return &cobra.Command{
		Use:   "run -- COMMAND [ARG...]",
		Short: "Run a command, such as go test, with an environment of its own that test packages share",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return run(command.Context(), args)
		},
	}
}

func run(ctx context.Context, args []string) (err error) {
	options := env.SharedOptions()
	options.Progress = progress.NewWriter(os.Stderr)
	environment, err := env.Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() {
		// The interrupt that ended the command must not end the cleaning up.
		err = errors.Join(err, environment.Stop(context.WithoutCancel(ctx)))
	}()
	serving, stopServing := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- environment.Serve(serving) }()
	defer func() {
		stopServing()
		err = errors.Join(err, <-served)
	}()

	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Env = append(os.Environ(), env.Variable+"="+environment.Dir())
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = patience
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}
