// Package describe is the command "kubectl fed describe".
package describe

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

// shownEvents is how many events are told of.
const shownEvents = 10

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// Clusters to tell of; none: all.
	Clusters []string
	// Output is json or yaml; empty: for a person.
	Output string
	// ShowSecrets shows the values of Secrets.
	ShowSecrets bool
}

const example = `  # Why is it where it is, and how does it fare there?
  kubectl fed describe federateddeployment web -n shop

  # In one cluster
  kubectl fed explain fdeploy/web -n shop --cluster cluster2`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:     "describe TYPE NAME",
		Aliases: []string{"explain"},
		Short:   "Say where a federated object is, why, and how it fares",
		Long: `Say where a federated object is and why: for each cluster the rules of placement
that decided, what each override changed, the state of the copy and its last
error, and its health.`,
		Example: example,
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			return o.Run(command.Context(), args)
		},
	}
	set := command.Flags()
	set.StringSliceVar(&o.Clusters, "cluster", nil, "Clusters to tell of, separated by commas. Default: all.")
	set.StringVarP(&o.Output, "output", "o", "", "Format: json or yaml. Default: for a person.")
	set.BoolVar(&o.ShowSecrets, "show-secrets", false, "Show what overrides change in Secrets.")
	return command
}

// Run describes the object.
func (o *Options) Run(ctx context.Context, args []string) error {
	if err := output.Check(o.Output, output.JSON, output.YAML); err != nil {
		return err
	}
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	_, made, err := client.PlanOf(ctx, args)
	if err != nil {
		return err
	}
	for _, name := range o.Clusters {
		if made.Find(name) == nil {
			return fmt.Errorf("there is no cluster %q", name)
		}
	}
	report := reportOf(made, o.Clusters, o.ShowSecrets)
	if report.Events, err = events(ctx, client, made.Object); err != nil {
		// Who may read the object need not be allowed to read events.
		fmt.Fprintf(o.Streams.ErrOut, "without events: %v\n", err)
	}
	if o.Output != "" {
		return output.Print(o.Streams.Out, o.Output, report)
	}
	report.print(o.Streams.Out, output.Colors(o.Streams.Out), time.Now())
	return nil
}

// events returns the last events about an object, oldest first.
func events(ctx context.Context, client *federation.Client, object *typesv1beta1.FederatedObject) ([]Event, error) {
	list, err := client.Kube.CoreV1().Events(object.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "involvedObject.uid=" + string(object.UID),
	})
	if err != nil {
		return nil, err
	}
	var found []Event
	for i := range list.Items {
		event := &list.Items[i]
		found = append(found, Event{
			Type: event.Type, Reason: event.Reason, Message: event.Message, Count: max(event.Count, 1),
			Last: eventTime(event.LastTimestamp, metav1.Time{Time: event.EventTime.Time}, event.CreationTimestamp),
		})
	}
	slices.SortStableFunc(found, func(a, b Event) int { return a.Last.Compare(b.Last) })
	return found[max(0, len(found)-shownEvents):], nil
}
