// Package command is the command line of the server: flags → options → run.
package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/term"
	"k8s.io/klog/v2"

	"github.com/kubefederation/federation-apiserver/pkg/etcd"
	"github.com/kubefederation/federation-apiserver/pkg/release"
	"github.com/kubefederation/federation-apiserver/pkg/server"
	"github.com/kubefederation/federation-apiserver/pkg/server/options"
)

// New returns the command of the server. It runs until the process is told to
// end by SIGINT or SIGTERM.
func New() *cobra.Command {
	o := options.NewOptions(server.StorageCodec)
	command := &cobra.Command{
		Use:   "federation-apiserver",
		Short: "Serve one Kubernetes API for many clusters",
		Long: "federation-apiserver is an aggregated API server. It serves KubeFed's API in a host cluster, " +
			"stores its objects in its own etcd, and keeps what they ask for in the member clusters.",
		Version: release.Describe("federation-apiserver"),
		Args:    cobra.NoArgs,
		// The caller prints the error, and usage does not help with a wrong value.
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := o.ServerRun.ComponentGlobalsRegistry.Set(); err != nil {
				return fmt.Errorf("--feature-gates, --emulated-version: %w", err)
			}
			if err := logsapi.ValidateAndApply(o.Logs, utilfeature.DefaultFeatureGate); err != nil {
				return fmt.Errorf("--logging-format, --log-*, --v, --vmodule: %w", err)
			}
			leaveOutBodies(utilfeature.DefaultFeatureGate.Enabled(logsapi.ContextualLogging))
			completed, err := o.Complete()
			if err != nil {
				return err
			}
			if err := completed.Validate(); err != nil {
				return err
			}
			return Run(genericapiserver.SetupSignalContext(), completed)
		},
	}

	command.SetVersionTemplate("{{.Version}}\n")

	groups := o.Flags()
	// A flag of this name makes cobra print Version and end.
	groups.FlagSet("global").Bool("version", false, "Print the version and exit.")
	// The options have the flags of logging; of two flags of a name the wrong one might be set.
	globalflag.AddGlobalFlags(groups.FlagSet("global"), command.Name(), logs.SkipLoggingConfigurationFlags())
	for _, group := range groups.FlagSets {
		command.Flags().AddFlagSet(group)
	}
	columns, _, _ := term.TerminalSize(command.OutOrStdout())
	cliflag.SetUsageAndHelpFunc(command, groups, columns)
	addStoreCommands(command, o)
	return command
}

// Run runs the server with completed options until ctx ends or it fails. The
// embedded etcd starts before the server and ends after it.
func Run(ctx context.Context, o options.CompletedOptions) (err error) {
	collectLessOften()
	if o.EmbeddedEtcd.Enabled {
		// What is stored must stay reachable until the last request is answered.
		store, err := etcd.Start(context.WithoutCancel(ctx), o.EmbeddedEtcd.Config)
		if err != nil {
			return err
		}
		klog.FromContext(ctx).Info("Embedded etcd serves", "dataDir", o.EmbeddedEtcd.Config.DataDir)
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		watched := make(chan struct{})
		kept := make(chan struct{})
		go func() {
			defer close(kept)
			store.KeepSpace(ctx)
		}()
		go func() {
			defer close(watched)
			select {
			case failure := <-store.Err():
				cancel(fmt.Errorf("embedded etcd: %w", failure))
			case <-ctx.Done():
			}
		}()
		defer func() {
			cancel(nil)
			<-watched
			<-kept
			if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
				err = errors.Join(err, cause)
			}
			err = errors.Join(err, store.Stop())
		}()
	}

	config, err := server.NewConfig(ctx, o)
	if err != nil {
		return err
	}
	s, err := config.Complete().New()
	if err != nil {
		return err
	}
	return s.PrepareRun().RunWithContext(ctx)
}
