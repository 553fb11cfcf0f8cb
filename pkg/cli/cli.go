// Package cli puts the commands of "kubectl fed" together.
package cli

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/kubefederation/federation-apiserver/pkg/cli/approve"
	"github.com/kubefederation/federation-apiserver/pkg/cli/complete"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/describe"
	"github.com/kubefederation/federation-apiserver/pkg/cli/diff"
	"github.com/kubefederation/federation-apiserver/pkg/cli/disable"
	"github.com/kubefederation/federation-apiserver/pkg/cli/enable"
	"github.com/kubefederation/federation-apiserver/pkg/cli/exit"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federate"
	"github.com/kubefederation/federation-apiserver/pkg/cli/get"
	"github.com/kubefederation/federation-apiserver/pkg/cli/join"
	"github.com/kubefederation/federation-apiserver/pkg/cli/kubeconfig"
	"github.com/kubefederation/federation-apiserver/pkg/cli/migrate"
	"github.com/kubefederation/federation-apiserver/pkg/cli/orphaning"
	"github.com/kubefederation/federation-apiserver/pkg/cli/recovery"
	"github.com/kubefederation/federation-apiserver/pkg/cli/render"
	"github.com/kubefederation/federation-apiserver/pkg/cli/status"
	"github.com/kubefederation/federation-apiserver/pkg/cli/unjoin"
	"github.com/kubefederation/federation-apiserver/pkg/cli/version"
)

const (
	// pluginName is what kubectl calls for "kubectl fed".
	pluginName = "kubectl-fed"
	// completionName is what kubectl calls to complete "kubectl fed".
	completionName = "kubectl_complete-fed"
)

// Run runs a command line, args[0] being the name that it was called by, and
// returns the exit status.
func Run(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	name, args := filepath.Base(args[0]), args[1:]
	if name == completionName {
		name, args = pluginName, append([]string{cobra.ShellCompRequestCmd}, args...)
	}
	command := New(name, streams)
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	code, quiet := exit.Status(err)
	if !quiet {
		fmt.Fprintln(streams.ErrOut, "error:", err)
	}
	return code
}

// New returns the root command. name is what it was called by.
func New(name string, streams genericiooptions.IOStreams) *cobra.Command {
	root := &cobra.Command{
		Use:   name,
		Short: "Work with a federation of Kubernetes clusters",
		Long: `Work with a federation of Kubernetes clusters.

The federation is reached through its host cluster: the current context of the
kubeconfig, or that of --host-cluster-context.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	if strings.HasPrefix(name, pluginName) {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl fed"}
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)

	var logging flag.FlagSet
	klog.InitFlags(&logging)
	root.PersistentFlags().AddGoFlag(logging.Lookup("v"))

	where := connect.NewFlags(streams.ErrOut)
	where.AddTo(root.PersistentFlags())
	root.AddCommand(
		join.New(where, streams),
		unjoin.New(where, streams),
		enable.New(where, streams),
		disable.New(where, streams),
		federate.New(where, streams),
		orphaning.New(where, streams),
		approve.New(where, streams),
		status.New(where, streams),
		describe.New(where, streams),
		render.New(where, streams),
		diff.New(where, streams),
		get.New(where, streams),
		kubeconfig.New(where, streams),
		recovery.New(where, streams),
		migrate.New(where, streams),
		version.New(streams),
	)
	complete.Register(root, where)
	return root
}
