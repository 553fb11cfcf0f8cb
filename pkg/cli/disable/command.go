// Package disable is the command "kubectl fed disable".
package disable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/enable"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
)

const (
	// patience is how long the propagation may take to stop, as in KubeFed, and how
	// long the deletion may take.
	patience     = 10 * time.Second
	pollInterval = 100 * time.Millisecond
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// Name of the type.
	Name string
	// DeleteCRD requires that no federated objects of the type exist.
	DeleteCRD bool
	// DryRun changes nothing.
	DryRun bool
}

const example = `  # Federate deployments no more; federated objects and copies stay
  kubectl fed disable deployments.apps

  # Only if there are no federated objects any more
  kubectl fed disable deployments.apps --delete-crd`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	var file, group, version string
	command := &cobra.Command{
		Use:   "disable (NAME | -f FILE)",
		Short: "Federate a type no more",
		Long: `Federate a type no more.

Stops the propagation of the type and deletes its FederatedTypeConfig. Copies in
members stay as they are. So do federated objects: they are in storage but are
not served, until the type is enabled again. With --delete-crd there must be none.`,
		Example: example,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			switch {
			case file != "" && len(args) > 0:
				return errors.New("give either NAME or -f FILE")
			case file != "":
				directive, err := enable.ReadDirective(file, streams.In)
				if err != nil {
					return err
				}
				o.Name = directive.Name
			case len(args) == 1:
				o.Name = args[0]
			default:
				return errors.New("give NAME or -f FILE")
			}
			return o.Run(command.Context())
		},
	}
	set := command.Flags()
	set.StringVarP(&file, "filename", "f", "", "File with an EnableTypeDirective instead of NAME; - is standard input.")
	set.BoolVar(&o.DeleteCRD, "delete-crd", false, "Require that no federated objects of the type exist. (The name is KubeFed's: there is no CRD.)")
	set.BoolVar(&o.DryRun, "dry-run", false, "Check what can be checked, and change nothing.")
	// KubeFed needed these to find the CRD. A FederatedTypeConfig is found by its name alone.
	set.StringVar(&group, "federated-group", typesv1beta1.GroupName, "Not needed; accepted for KubeFed's scripts.")
	set.StringVar(&version, "version", "", "Not needed; accepted for KubeFed's scripts.")
	return command
}

// Run disables the type.
func (o *Options) Run(ctx context.Context) error {
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	if err := client.CheckSystemNamespace(ctx); err != nil {
		return err
	}
	config, err := client.ResolveType(ctx, o.Name)
	if err != nil {
		return err
	}
	count := 0
	if err := client.Each(ctx, config, "", func(*typesv1beta1.FederatedObject) { count++ }); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if o.DeleteCRD && count > 0 {
		return fmt.Errorf("%d objects of %s exist: delete them first, or leave --delete-crd out, which leaves them in storage and their copies in the members",
			count, federation.Resource(config).GroupResource())
	}
	if o.DryRun {
		fmt.Fprintln(o.Streams.Out, enable.Line(config.Name, "disabled and deleted", client.SystemNamespace, true))
		return nil
	}
	stopped, err := o.stop(ctx, client, config)
	if err != nil {
		return err
	}
	fmt.Fprintln(o.Streams.Out, enable.Line(config.Name, "disabled", client.SystemNamespace, false))
	if err := remove(ctx, client, stopped); err != nil {
		return err
	}
	fmt.Fprintln(o.Streams.Out, enable.Line(config.Name, "deleted", client.SystemNamespace, false))
	if count > 0 {
		fmt.Fprintf(o.Streams.ErrOut, "%d objects of %s stay in storage, unserved, until the type is enabled again; their copies stay in the members\n",
			count, federation.Resource(config).GroupResource())
	}
	return nil
}

// stop ends the propagation of the type and waits until it has ended.
func (o *Options) stop(ctx context.Context, client *federation.Client, config *corev1beta1.FederatedTypeConfig) (*corev1beta1.FederatedTypeConfig, error) {
	spec := map[string]any{"propagation": corev1beta1.PropagationDisabled}
	if config.Spec.StatusCollection != nil {
		spec["statusCollection"] = corev1beta1.StatusCollectionDisabled
	}
	// Without --delete-crd objects may exist: in KubeFed they stayed. With it an
	// object that comes now is to stop the deletion.
	annotation := any("true")
	if o.DeleteCRD {
		annotation = nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": config.UID, "annotations": map[string]any{corev1beta1.OrphanObjectsAnnotation: annotation}},
		"spec":     spec,
	})
	if err != nil {
		return nil, fmt.Errorf("disabling %s: %w", config.Name, err)
	}
	configs := client.Core.CoreV1beta1().FederatedTypeConfigs(client.SystemNamespace)
	patched, err := configs.Patch(ctx, config.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: federation.FieldManager})
	if err != nil {
		return nil, federation.Explain(err, "disabling %s", config.Name)
	}
	generation := patched.Generation
	err = wait.PollUntilContextTimeout(ctx, pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		patched, err = configs.Get(ctx, config.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		status := patched.Status
		return status.ObservedGeneration >= generation && status.PropagationController == corev1beta1.ControllerStatusNotRunning &&
			(status.StatusController == nil || *status.StatusController == corev1beta1.ControllerStatusNotRunning), nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return nil, fmt.Errorf("the propagation of %s has not stopped within %s; its FederatedTypeConfig says Disabled and was not deleted", config.Name, patience)
	}
	if err != nil {
		return nil, federation.Explain(err, "waiting for the propagation of %s to stop", config.Name)
	}
	return patched, nil
}

// remove deletes the type config and waits until it is gone.
func remove(ctx context.Context, client *federation.Client, config *corev1beta1.FederatedTypeConfig) error {
	configs := client.Core.CoreV1beta1().FederatedTypeConfigs(client.SystemNamespace)
	err := configs.Delete(ctx, config.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(config.UID))})
	if err != nil && !apierrors.IsNotFound(err) {
		return federation.Explain(err, "deleting FederatedTypeConfig %s, whose propagation is Disabled now", config.Name)
	}
	err = wait.PollUntilContextTimeout(ctx, pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		current, err := configs.Get(ctx, config.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return err == nil && current.UID != config.UID, err
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return fmt.Errorf("FederatedTypeConfig %s is being deleted, but is not gone after %s", config.Name, patience)
	}
	return err
}
