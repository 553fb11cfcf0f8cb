// Package enable is the command "kubectl fed enable".
package enable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// Directive says what to enable.
	Directive *Directive
	// Output prints the FederatedTypeConfig as yaml or json and changes nothing.
	Output string
	// DryRun changes nothing.
	DryRun bool
	// Wait bounds the wait for the type to be served; 0: no wait.
	Wait time.Duration
}

const example = `  # Federate deployments
  kubectl fed enable deployments.apps

  # By a short name, with another version than the host prefers
  kubectl fed enable hpa --version=v1

  # See the FederatedTypeConfig
  kubectl fed enable crontabs.example.com -o yaml

  # As an EnableTypeDirective in a file says
  kubectl fed enable -f directive.yaml`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	var file string
	flags := *NewDirective("")
	command := &cobra.Command{
		Use:   "enable (NAME | -f FILE)",
		Short: "Federate a type",
		Long: `Federate a type of the host.

NAME is a plural, singular or short name, or PLURAL.GROUP. This writes a
FederatedTypeConfig and waits until the host serves the federated type. There
is no CRD: the federation serves the type itself.`,
		Example: example,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			switch {
			case file != "" && len(args) > 0:
				return errors.New("give either NAME or -f FILE")
			case file != "":
				directive, err := ReadDirective(file, streams.In)
				if err != nil {
					return err
				}
				o.Directive = directive
			case len(args) == 1:
				o.Directive = NewDirective(args[0])
				o.Directive.Spec = flags.Spec
			default:
				return errors.New("give NAME or -f FILE")
			}
			return o.Run(command.Context())
		},
	}
	set := command.Flags()
	set.StringVarP(&file, "filename", "f", "", "File with an EnableTypeDirective instead of NAME and the flags about the type; - is standard input.")
	set.StringVar(&flags.Spec.FederatedGroup, "federated-group", flags.Spec.FederatedGroup, "API group of the federated type.")
	set.StringVar(&flags.Spec.FederatedVersion, "federated-version", flags.Spec.FederatedVersion, "API version of the federated type.")
	set.StringVar(&flags.Spec.TargetVersion, "version", "", "API version of the type. Default: the one that the host prefers.")
	set.StringVarP(&o.Output, "output", "o", "", "Print the FederatedTypeConfig, as yaml or json, and change nothing.")
	set.BoolVar(&o.DryRun, "dry-run", false, "Let the host judge it, and change nothing.")
	set.DurationVar(&o.Wait, "wait", 30*time.Second, "How long to wait until the host serves the federated type; 0 does not wait.")
	return command
}

// Run enables the type.
func (o *Options) Run(ctx context.Context) error {
	if err := output.Check(o.Output, output.YAML, output.JSON); err != nil {
		return err
	}
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	if err := client.CheckSystemNamespace(ctx); err != nil {
		return err
	}
	config, err := Resolve(ctx, client, o.Directive)
	if err != nil {
		return err
	}
	if o.Output != "" {
		manifest, err := output.Manifest(config)
		if err != nil {
			return err
		}
		return output.Print(o.Streams.Out, o.Output, manifest)
	}
	verb, err := Apply(ctx, client, config, o.DryRun)
	if err != nil {
		return err
	}
	fmt.Fprintln(o.Streams.Out, Line(config.Name, verb, client.SystemNamespace, o.DryRun))
	if o.DryRun {
		return nil
	}
	NoteRights(ctx, client, config, o.Streams.ErrOut)
	if o.Wait <= 0 {
		return nil
	}
	return AwaitServed(ctx, client, config, o.Wait)
}

// Line says what was done to a FederatedTypeConfig.
func Line(name, verb, namespace string, dryRun bool) string {
	line := fmt.Sprintf("federatedtypeconfig.core.kubefed.io/%s %s in namespace %s", name, verb, namespace)
	if dryRun {
		line += " (dry run)"
	}
	return line
}
