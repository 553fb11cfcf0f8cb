// Package kubeconfig is the command "kubectl fed kubeconfig".
package kubeconfig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// File is written; empty: the standard output, or with Merge the kubeconfig
	// that is in use.
	File string
	// Merge adds to what the file has.
	Merge bool
	// Prefix of the names of contexts.
	Prefix string
}

const example = `  # A context for each member, in a file of its own
  kubectl fed kubeconfig -o members.kubeconfig
  kubectl --kubeconfig=members.kubeconfig --context=cluster1 get pods

  # Contexts fed-cluster1 and fed-cluster2 in your kubeconfig
  kubectl fed kubeconfig cluster1 cluster2 --merge --prefix=fed-`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:   "kubeconfig [CLUSTER...]",
		Short: "Write contexts that reach members through the host",
		Long: `Write a kubeconfig with a context for each member, or for those that are
named, that reaches it through the host: under your own name, with the
credentials of the host's context, and without a way to the member of your own.

You need the right on kubefedclusters/proxy in the host; what you may do in a
member is said by its own rights. The member must have joined with --allow-proxy.`,
		Example: example,
		RunE: func(command *cobra.Command, args []string) error {
			return o.Run(command.Context(), args)
		},
	}
	flags := command.Flags()
	flags.StringVarP(&o.File, "output-file", "o", "", "File to write, which must not exist without --merge. Default: the standard output, or with --merge the kubeconfig in use.")
	flags.BoolVar(&o.Merge, "merge", false, "Add the contexts to those that the file has.")
	flags.StringVar(&o.Prefix, "prefix", "", "Prefix of the names of the contexts, before the name of the cluster.")
	return command
}

// Run writes the contexts.
func (o *Options) Run(ctx context.Context, names []string) error {
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	if names, err = clustersNamed(ctx, client, names); err != nil {
		return err
	}
	raw, err := o.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	host, err := o.Host()
	if err != nil {
		return err
	}
	namespace, _, err := o.Namespace()
	if err != nil {
		return err
	}
	contexts := contexts{host: host, server: host.Config.Host, systemNamespace: o.SystemNamespace, namespace: namespace, prefix: o.Prefix}
	if !o.Merge {
		return o.write(contexts.alone(&raw, names), names)
	}
	return o.merge(contexts, &raw, names)
}

// clustersNamed returns the members, or those that are named. A name is looked up
// if that is allowed.
func clustersNamed(ctx context.Context, client *federation.Client, names []string) ([]string, error) {
	if len(names) == 0 {
		clusters, err := client.Clusters(ctx)
		if apierrors.IsForbidden(err) {
			return nil, fmt.Errorf("%w; name the clusters that you want", err)
		}
		if err != nil {
			return nil, err
		}
		if len(clusters) == 0 {
			return nil, errors.New("no cluster has joined the federation")
		}
		for i := range clusters {
			names = append(names, clusters[i].Name)
		}
		return names, nil
	}
	for _, name := range names {
		_, err := client.Core.CoreV1beta1().KubeFedClusters(client.SystemNamespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil && !apierrors.IsForbidden(err) {
			return nil, federation.Explain(err, "reading cluster %s", name)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names))), nil
}

// write writes a kubeconfig that has nothing but the contexts.
func (o *Options) write(config *clientcmdapi.Config, names []string) error {
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	if o.File == "" {
		_, err := o.Streams.Out.Write(data)
		return err
	}
	// It may hold keys.
	file, err := os.OpenFile(o.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists: add to it with --merge, or name another file", o.File)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	o.tell(names, o.File)
	return nil
}

// merge adds the contexts to a file, or to the kubeconfig in use.
func (o *Options) merge(c contexts, raw *clientcmdapi.Config, names []string) error {
	access := clientcmd.NewDefaultPathOptions()
	if explicit := o.KubeconfigPath(); explicit != "" {
		access.LoadingRules.ExplicitPath = explicit
	}
	existing := raw
	if o.File != "" {
		access.LoadingRules.ExplicitPath = o.File
		var err error
		if existing, err = access.GetStartingConfig(); err != nil {
			return fmt.Errorf("reading %s: %w", o.File, err)
		}
	}
	merged, err := c.into(existing, raw, names)
	if err != nil {
		return err
	}
	if err := clientcmd.ModifyConfig(access, *merged, false); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	o.tell(names, access.GetDefaultFilename())
	return nil
}

func (o *Options) tell(names []string, file string) {
	for i, name := range names {
		names[i] = o.Prefix + name
	}
	fmt.Fprintf(o.Streams.Out, "%s: contexts %s\n", file, strings.Join(names, ", "))
}
