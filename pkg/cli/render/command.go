// Package render is the command "kubectl fed render".
package render

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
	"github.com/kubefederation/federation-apiserver/pkg/cli/plan"
	"github.com/kubefederation/federation-apiserver/pkg/cli/secret"
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// Clusters to render for; none: all that are selected.
	Clusters []string
	// Output is yaml (default) or json.
	Output string
	// ShowSecrets shows the values of Secrets.
	ShowSecrets bool
}

const example = `  # What is written to cluster1
  kubectl fed render federateddeployment web -n shop --cluster cluster1

  # ... and to all
  kubectl fed render fdeploy/web -n shop`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:   "render TYPE NAME",
		Short: "Print what is written to a cluster",
		Long: `Print what the federation writes to a cluster for a federated object: the
template with its overrides, made by the code that the server uses.

Fields that others own in the copy, such as replicas of an autoscaler with
retainReplicas, are not in it.`,
		Example: example,
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			return o.Run(command.Context(), args)
		},
	}
	set := command.Flags()
	set.StringSliceVar(&o.Clusters, "cluster", nil, "Clusters to print for, separated by commas. Default: all that are selected.")
	set.StringVarP(&o.Output, "output", "o", output.YAML, "Format: yaml or json.")
	set.BoolVar(&o.ShowSecrets, "show-secrets", false, "Show the values of Secrets.")
	return command
}

// Run prints the objects.
func (o *Options) Run(ctx context.Context, args []string) error {
	if err := output.Check(o.Output, output.YAML, output.JSON); err != nil {
		return err
	}
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	named, made, err := client.PlanOf(ctx, args)
	if err != nil {
		return err
	}
	chosen, err := choose(made, o.Clusters)
	if err != nil {
		return err
	}
	for i, cluster := range chosen {
		object, err := decode(cluster, o.ShowSecrets)
		if err != nil {
			return fmt.Errorf("%s in %s: %w", named, cluster.Name, err)
		}
		if o.Output == output.YAML && len(chosen) > 1 {
			if i > 0 {
				fmt.Fprintln(o.Streams.Out, "---")
			}
			fmt.Fprintln(o.Streams.Out, "# "+cluster.Name)
		}
		if err := output.Print(o.Streams.Out, o.Output, object); err != nil {
			return err
		}
	}
	return nil
}

// choose returns the clusters with these names, or all that are selected. One
// that is not selected is an error that says why.
func choose(made *plan.Plan, names []string) ([]*plan.Cluster, error) {
	var chosen []*plan.Cluster
	for i := range made.Clusters {
		cluster := &made.Clusters[i]
		if slices.Contains(names, cluster.Name) || len(names) == 0 && cluster.Selected {
			if !cluster.Selected {
				return nil, fmt.Errorf("nothing is written: %s", made.Unplaced(cluster))
			}
			chosen = append(chosen, cluster)
		}
	}
	for _, name := range names {
		if made.Find(name) == nil {
			return nil, fmt.Errorf("there is no cluster %q", name)
		}
	}
	if len(chosen) == 0 {
		if made.Impediment != "" {
			return nil, fmt.Errorf("nothing is written to any cluster: %s", made.Impediment)
		}
		return nil, fmt.Errorf("nothing is written to any cluster: none is selected")
	}
	return chosen, nil
}

func decode(cluster *plan.Cluster, showSecrets bool) (map[string]any, error) {
	if cluster.Err != nil {
		return nil, cluster.Err
	}
	var object map[string]any
	if err := json.Unmarshal(cluster.Rendered.JSON, &object); err != nil {
		return nil, fmt.Errorf("reading what was rendered: %w", err)
	}
	if !showSecrets {
		secret.Mask(object)
	}
	return object, nil
}
