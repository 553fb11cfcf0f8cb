// Package approve is the command "kubectl fed approve".
package approve

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// List shows what is paused, and approves nothing.
	List bool
	// All approves everything that is paused, or of it what is about one of Clusters
	// and whose object has labels that match Selector.
	All      bool
	Clusters []string
	Selector string
	// Yes does not ask.
	Yes bool
	// DryRun lets the host judge it, and changes nothing.
	DryRun bool
}

const example = `  # What is paused?
  kubectl fed approve --list

  # Let the copies of a config map go that are listed
  kubectl fed approve configmaps web -n shop

  # A label of cluster3 was meant to change
  kubectl fed approve --all --cluster cluster3`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:   "approve [TYPE NAME]",
		Short: "Let removals go on that are paused",
		Long: `Let removals go on that are paused.

When placements or labels of clusters change so that more copies would go than
may without anybody's word, they stay, and the federated object has the condition
RemovalPaused. The command shows which copies would go, and approves that list
and nothing else: if it has changed in the meantime, nothing is approved.`,
		Example: example,
		Args:    cobra.MaximumNArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			return o.Run(command.Context(), args)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&o.List, "list", false, "Show what is paused, in all namespaces or in that of -n.")
	flags.BoolVar(&o.All, "all", false, "Approve all that is paused, in all namespaces or in that of -n.")
	flags.StringSliceVar(&o.Clusters, "cluster", nil, "Approve, or list, what is paused in one of these clusters, separated by commas; of each object the whole list.")
	flags.StringVarP(&o.Selector, "selector", "l", "", "Approve, or list, what is paused of objects with these labels.")
	flags.BoolVar(&o.Yes, "yes", false, "Do not ask.")
	flags.BoolVar(&o.DryRun, "dry-run", false, "Let the host judge it, and change nothing.")
	return command
}

// Run approves, or lists.
func (o *Options) Run(ctx context.Context, args []string) error {
	many := o.List || o.All || len(o.Clusters) > 0 || o.Selector != ""
	selector, err := labels.Parse(o.Selector)
	if err != nil {
		return fmt.Errorf("--selector: %w", err)
	}
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	if !many {
		if len(args) == 0 {
			return errors.New("name one object, TYPE NAME, or choose: --list, --all, --cluster or --selector")
		}
		return o.one(ctx, client, args)
	}
	found, err := o.find(ctx, client, args, selector)
	if len(found) == 0 && err == nil {
		fmt.Fprintln(o.Streams.Out, "No removal is paused.")
	}
	if o.List || len(found) == 0 {
		show(o.Streams.Out, found)
		return err
	}
	// What cannot be seen is not approved; what can be is shown before anybody asks.
	if err != nil {
		return fmt.Errorf("nothing was approved: %w", err)
	}
	show(o.Streams.Out, found)
	return o.approve(ctx, client, found)
}

// one approves what is paused of one object. Its name was typed: nobody is asked.
func (o *Options) one(ctx context.Context, client *federation.Client, args []string) error {
	named, err := client.Find(ctx, args)
	if err != nil {
		return err
	}
	object, err := client.Object(ctx, named)
	if err != nil {
		return err
	}
	if object.Status.PausedRemoval == nil {
		return fmt.Errorf("%s: no removal is paused", named)
	}
	found := []paused{{named: *named, PausedRemoval: object.Status.PausedRemoval}}
	show(o.Streams.Out, found)
	return o.set(ctx, client, found)
}

// approve asks, and approves.
func (o *Options) approve(ctx context.Context, client *federation.Client, found []paused) error {
	if !o.Yes && !o.DryRun {
		if err := o.confirm(found); err != nil {
			return err
		}
	}
	return o.set(ctx, client, found)
}
