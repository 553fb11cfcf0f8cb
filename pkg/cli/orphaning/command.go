// Package orphaning is the command "kubectl fed orphaning-deletion".
package orphaning

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
)

const example = `  # Keep the copies of a deployment when it is deleted from the federation
  kubectl fed orphaning-deletion enable federateddeployment web -n shop

  # What will happen to them?
  kubectl fed orphaning-deletion status federateddeployment web -n shop`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	command := &cobra.Command{
		Use:   "orphaning-deletion",
		Short: "Choose whether copies outlive their federated object",
		Long: `Choose whether copies in members outlive their federated object.

With orphaning deletion enabled, the copies are let go rather than deleted when
the federated object is deleted or does not select their cluster any more.`,
		Example: example,
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	for _, action := range []struct {
		name, short string
		run         func(ctx context.Context, client *federation.Client, object *federation.Named, dryRun bool) (string, error)
	}{
		{"enable", "Let the copies outlive the federated object", enable},
		{"disable", "Delete the copies with the federated object", disable},
		{"status", "Print Enabled or Disabled", status},
	} {
		dryRun := false
		sub := &cobra.Command{
			Use:   action.name + " FEDERATED-TYPE NAME",
			Short: action.short,
			Args:  cobra.RangeArgs(1, 2),
			RunE: func(command *cobra.Command, args []string) error {
				client, err := federation.New(where)
				if err != nil {
					return err
				}
				object, err := client.Find(command.Context(), args)
				if err != nil {
					return err
				}
				line, err := action.run(command.Context(), client, object, dryRun)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(streams.Out, line)
				return err
			},
		}
		if action.name != "status" {
			sub.Flags().BoolVar(&dryRun, "dry-run", false, "Let the host judge it, and change nothing.")
		}
		command.AddCommand(sub)
	}
	return command
}

func enable(ctx context.Context, client *federation.Client, object *federation.Named, dryRun bool) (string, error) {
	return set(ctx, client, object, "true", "enabled", dryRun)
}

func disable(ctx context.Context, client *federation.Client, object *federation.Named, dryRun bool) (string, error) {
	return set(ctx, client, object, nil, "disabled", dryRun)
}

// set gives the annotation a value, or takes it away for nil.
func set(ctx context.Context, client *federation.Client, object *federation.Named, value any, verb string, dryRun bool) (string, error) {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{typesv1beta1.OrphanAnnotation: value}}})
	if err != nil {
		return "", fmt.Errorf("%s: %w", object, err)
	}
	options := metav1.PatchOptions{FieldManager: federation.FieldManager}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
		verb += " (dry run)"
	}
	if _, err := client.Dynamic.Resource(federation.Resource(object.Type)).Namespace(object.Namespace).
		Patch(ctx, object.Name, types.MergePatchType, patch, options); err != nil {
		return "", federation.Explain(err, "annotating %s", object)
	}
	return fmt.Sprintf("orphaning deletion %s for %s", verb, object), nil
}

func status(ctx context.Context, client *federation.Client, object *federation.Named, _ bool) (string, error) {
	current, err := client.Object(ctx, object)
	if err != nil {
		return "", err
	}
	if current.Annotations[typesv1beta1.OrphanAnnotation] == "true" {
		return "Enabled", nil
	}
	return "Disabled", nil
}
