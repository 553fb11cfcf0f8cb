// Command kubectl-fed is the plugin "kubectl fed". Called as kubefedctl it is the
// same; called as kubectl_complete-fed it completes command lines for kubectl.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	code := cli.Run(ctx, os.Args, streams)
	stop()
	os.Exit(code)
}
