// Package get is the command "kubectl fed get".
package get

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// FromClusters reads the copies in members, instead of the federated objects.
	FromClusters bool
	// Clusters to read from; none: all members.
	Clusters []string
	// AllNamespaces reads all of them.
	AllNamespaces bool
	// Output is json, yaml, wide or name; empty: a table.
	Output string
	// ShowSecrets shows the values of Secrets.
	ShowSecrets bool
}

const example = `  # The copies of a deployment, side by side
  kubectl fed get deployment web -n shop --clusters

  # All copies of the type in two clusters
  kubectl fed get deployments -n shop --cluster cluster1,cluster2`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:   "get TYPE [NAME]",
		Short: "Show the copies in the clusters side by side",
		Long: `Show federated objects, or with --clusters their copies as they are in the
clusters now, side by side.

Members are reached as the federation, if you may read their Secrets in the
system namespace of the host, or else by the context of your kubeconfig that has
the name of the cluster.`,
		Example: example,
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			return o.Run(command.Context(), args)
		},
	}
	set := command.Flags()
	set.BoolVar(&o.FromClusters, "clusters", false, "Show the copies in the clusters.")
	set.StringSliceVar(&o.Clusters, "cluster", nil, "Show the copies in these clusters, separated by commas.")
	set.BoolVarP(&o.AllNamespaces, "all-namespaces", "A", false, "In all namespaces.")
	set.StringVarP(&o.Output, "output", "o", "", "Format: json, yaml, wide or name. Default: a table.")
	set.BoolVar(&o.ShowSecrets, "show-secrets", false, "Show the values of Secrets.")
	return command
}

// Run shows the objects.
func (o *Options) Run(ctx context.Context, args []string) error {
	if err := output.Check(o.Output, output.JSON, output.YAML, output.Wide, output.Name); err != nil {
		return err
	}
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	named, err := o.find(ctx, client, args)
	if err != nil {
		return err
	}
	o.FromClusters = o.FromClusters || len(o.Clusters) > 0
	answers, kind, err := o.ask(ctx, client, named)
	if err != nil {
		return err
	}
	if err := o.print(answers, kind); err != nil {
		return err
	}
	var failed []error
	for _, answer := range answers {
		if answer.err != nil {
			failed = append(failed, answer.err)
		}
	}
	return errors.Join(failed...)
}

// find resolves TYPE [NAME].
func (o *Options) find(ctx context.Context, client *federation.Client, args []string) (*federation.Named, error) {
	if _, name, err := federation.SplitArgs(args); err == nil && name != "" {
		if o.AllNamespaces {
			return nil, errors.New("an object is in one namespace: leave --all-namespaces out")
		}
		return client.Find(ctx, args)
	}
	config, err := client.ResolveType(ctx, args[0])
	if err != nil {
		return nil, err
	}
	namespace, _, err := client.Namespace()
	if err != nil {
		return nil, err
	}
	if o.AllNamespaces || config.Spec.FederatedType.Scope != corev1beta1.NamespaceScoped {
		namespace = ""
	}
	return &federation.Named{Type: config, Namespace: namespace}, nil
}

// ask reads from the members, or from the host.
func (o *Options) ask(ctx context.Context, client *federation.Client, named *federation.Named) (answers []answer, kind string, err error) {
	if o.FromClusters {
		target := named.Type.Spec.TargetType
		q := &query{resource: federation.TargetResource(named.Type), namespace: named.Namespace, name: named.Name, selector: managed}
		if target.Scope != corev1beta1.NamespaceScoped {
			q.namespace = ""
		}
		answers, err = fromMembers(ctx, client, o.Clusters, q)
		return answers, singular(target.Kind, target.Group), err
	}
	config, err := o.ToRESTConfig()
	if err != nil {
		return nil, "", err
	}
	federated := named.Type.Spec.FederatedType
	table, err := fetch(ctx, config, &query{resource: federation.Resource(named.Type), namespace: named.Namespace, name: named.Name})
	if apierrors.IsNotFound(err) && named.Name != "" {
		return nil, "", fmt.Errorf("%s: %w", named, err)
	}
	if err != nil {
		return nil, "", federation.Explain(err, "reading %s", federated.PluralName)
	}
	return []answer{{table: table}}, singular(federated.Kind, federated.Group), nil
}

func (o *Options) print(answers []answer, kind string) error {
	if o.Output == "" || o.Output == output.Wide {
		printTable(o.Streams.Out, output.Colors(o.Streams.Out), answers, o.FromClusters, o.AllNamespaces, o.Output == output.Wide)
		return nil
	}
	found, err := items(answers, o.ShowSecrets)
	if err != nil {
		return err
	}
	if o.Output == output.Name {
		printNames(o.Streams.Out, kind, found)
		return nil
	}
	return output.Print(o.Streams.Out, o.Output, map[string]any{"items": found})
}
