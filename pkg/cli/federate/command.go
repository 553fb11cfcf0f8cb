// Package federate is the command "kubectl fed federate".
package federate

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// TypeName and Name are those of the object.
	TypeName, Name string
	// Output prints the federated objects as yaml or json and changes nothing.
	Output string
	// DryRun changes nothing.
	DryRun bool
	// EnableType enables types that are not yet federated.
	EnableType bool
	// Contents federates what is in a namespace too.
	Contents bool
	// Skip are names, short names or groups of resources that are not contents.
	Skip []string
}

const example = `  # Federate a deployment; its copy in the host, if that is a member, is taken over
  kubectl fed federate deployments.apps web -n shop

  # A namespace with all that is in it, and the types too
  kubectl fed federate namespace shop --contents --enable-type --skip-api-resources=pods,networking.k8s.io

  # Make federated manifests of manifests; nothing is asked or changed
  kubectl fed federate -f web.yaml > federated-web.yaml`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	var file string
	command := &cobra.Command{
		Use:   "federate (TYPE NAME | -f FILE)",
		Short: "Make a federated object of an object of the host",
		Long: `Make a federated object of an object of the host.

The template is the object as it is, without what the host has filled in. The
placement is every cluster. The object itself is left alone.`,
		Example: example,
		Args:    cobra.MaximumNArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			if err := output.Check(o.Output, output.YAML, output.JSON); err != nil {
				return err
			}
			switch {
			case file != "" && len(args) > 0:
				return errors.New("give either TYPE NAME or -f FILE")
			case file != "":
				return o.convert(file)
			case len(args) != 2:
				return errors.New("give TYPE NAME or -f FILE")
			}
			o.TypeName, o.Name = args[0], args[1]
			return o.Run(command.Context())
		},
	}
	set := command.Flags()
	set.StringVarP(&file, "filename", "f", "", "File with objects to print as federated objects; - is standard input. No cluster is asked.")
	set.StringVarP(&o.Output, "output", "o", "", "Print the federated objects, as yaml or json, and change nothing.")
	set.BoolVar(&o.DryRun, "dry-run", false, "Let the host judge them, and change nothing.")
	set.BoolVarP(&o.EnableType, "enable-type", "t", false, "Enable the types that are not federated yet.")
	set.BoolVarP(&o.Contents, "contents", "c", false, "Federate what is in the namespace too; for namespaces only.")
	set.StringSliceVarP(&o.Skip, "skip-api-resources", "s", nil, "Resources that --contents leaves out: names, short names or groups, separated by commas.")
	return command
}

// convert prints the objects of a file as federated objects.
func (o *Options) convert(file string) error {
	in := o.Streams.In
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("reading the objects: %w", err)
		}
		defer opened.Close()
		in = io.Reader(opened)
	}
	federated, err := Read(in)
	if err != nil {
		return fmt.Errorf("reading the objects in %s: %w", file, err)
	}
	if len(federated) == 0 {
		return fmt.Errorf("%s: no objects", file)
	}
	format := o.Output
	if format == "" {
		format = output.YAML
	}
	return output.PrintAll(o.Streams.Out, format, federated)
}
