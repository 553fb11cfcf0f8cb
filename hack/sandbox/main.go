// Command sandbox starts and ends federations of real control planes on this machine: one for a person to try, or one for
// a run of tests.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubefederation/federation-apiserver/hack/sandbox/commands"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := commands.New().ExecuteContext(ctx)
	stop()
	var failed *commands.FailedError
	if errors.As(err, &failed) {
		os.Exit(failed.Code)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
