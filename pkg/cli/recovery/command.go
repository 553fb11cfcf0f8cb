// Package recovery is the command "kubectl fed recovery".
package recovery

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/exit"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
)

// Exit statuses.
const (
	recovering = 1
	failed     = 2
)

// patience bounds the wait for the server to take a confirmation.
const patience = time.Minute

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// Output is json or yaml; empty: a screen.
	Output string
	// Yes confirms without a question.
	Yes bool
	// Hash is that of the report that was looked at; empty: that of now.
	Hash string
}

const example = `  # Does the federation write to its clusters, and if not, what would it do there?
  kubectl fed recovery

  # Look at that, and let it
  kubectl fed recovery confirm

  # ... in a script, for the report that was looked at
  kubectl fed recovery confirm --yes --hash=8f14e45fceea167a`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:   "recovery",
		Short: "Say whether the federation waits for a confirmation of its store",
		Long: `Say whether the federation waits for a confirmation of its store.

A federation whose store is empty or older than what the host and the clusters
have seen serves its API and writes nothing to clusters: what the store does
not know is no reason to remove it. This says why and since when, and what would
be done if it were confirmed that the store is the right one.

The exit status is 0 when there is no recovery, 1 when there is one, and 2 when
that cannot be told.`,
		Example: example,
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return exit.With(failed, o.show(command.Context()))
		},
	}
	command.Flags().StringVarP(&o.Output, "output", "o", "", "Format: json or yaml. Default: a screen.")
	confirm := &cobra.Command{
		Use:   "confirm",
		Short: "Confirm that the store is the right one: clusters are written to again",
		Long: `Confirm that the store is the right one: clusters are written to again.

First shows what will be done, and asks. A store that was empty takes over the
identity of the federation that the host knows. Copies without a federated
object are let go as ever, and not deleted.`,
		Example: example,
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return exit.With(failed, o.confirm(command.Context()))
		},
	}
	confirm.Flags().BoolVar(&o.Yes, "yes", false, "Do not ask.")
	confirm.Flags().StringVar(&o.Hash, "hash", "", "Confirm only what was shown with this hash. Default: what is shown now.")
	command.AddCommand(confirm)
	return command
}

// read returns the Lease of the host and what it tells of a recovery.
func (o *Options) read(ctx context.Context, client *federation.Client) (*coordinationv1.Lease, *identity.Status, error) {
	lease, err := client.Kube.CoordinationV1().Leases(o.SystemNamespace).Get(ctx, identity.HostLease, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil, fmt.Errorf("there is no Lease %q in namespace %q of the host: does a federation run there that has an identity?", identity.HostLease, o.SystemNamespace)
	}
	if err != nil {
		return nil, nil, federation.Explain(err, "reading the Lease %q of the host", identity.HostLease)
	}
	status, err := identity.StatusOf(lease)
	return lease, status, err
}

// State is what the command prints.
type State struct {
	HubID    string           `json:"hubID"`
	Sequence int64            `json:"sequence"`
	Recovery *identity.Status `json:"recovery,omitempty"`
}

func (o *Options) show(ctx context.Context) error {
	if err := output.Check(o.Output, output.JSON, output.YAML); err != nil {
		return err
	}
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	lease, status, err := o.read(ctx, client)
	if err != nil {
		return err
	}
	state := &State{Recovery: status}
	if mark := identity.MarkOf(lease); mark != nil {
		state.HubID, state.Sequence = mark.HubID, mark.Sequence
	}
	if o.Output != "" {
		data, err := output.Marshal(o.Output, state)
		if err != nil {
			return err
		}
		if _, err := o.Streams.Out.Write(data); err != nil {
			return err
		}
	} else {
		state.print(o.Streams.Out, output.Colors(o.Streams.Out))
	}
	if status != nil {
		return &exit.Error{Code: recovering}
	}
	return nil
}

func (o *Options) confirm(ctx context.Context) error {
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	lease, status, err := o.read(ctx, client)
	if err != nil {
		return err
	}
	switch {
	case status == nil:
		return errors.New("there is no recovery: nothing is to be confirmed")
	case status.Report == nil:
		return errors.New("the server has not found out yet what would be done; try again")
	}
	hash := status.Report.Hash
	if o.Hash != "" && o.Hash != hash {
		return fmt.Errorf("what would be done has the hash %s, not %s: look at it again with kubectl fed recovery. Nothing was changed", hash, o.Hash)
	}
	mark := identity.MarkOf(lease)
	if mark == nil {
		return fmt.Errorf("the Lease %q names no federation", identity.HostLease)
	}
	(&State{HubID: mark.HubID, Sequence: mark.Sequence, Recovery: status}).print(o.Streams.Out, output.Colors(o.Streams.Out))
	if err := o.ask(); err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{identity.ConfirmAnnotation: hash}}})
	if err != nil {
		return fmt.Errorf("encoding the confirmation: %w", err)
	}
	leases := client.Kube.CoordinationV1().Leases(o.SystemNamespace)
	if _, err := leases.Patch(ctx, identity.HostLease, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: federation.FieldManager}); err != nil {
		return federation.Explain(err, "confirming the recovery")
	}
	return o.await(ctx, client, hash)
}

// await waits until the server has taken the confirmation, or not.
func (o *Options) await(ctx context.Context, client *federation.Client, hash string) error {
	refused := ""
	err := wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		lease, status, err := o.read(ctx, client)
		if err != nil {
			return false, err
		}
		if status == nil {
			return true, nil
		}
		if lease.Annotations[identity.ConfirmAnnotation] == "" {
			refused = status.Refused
		}
		return refused != "", nil
	})
	switch {
	case refused != "":
		return fmt.Errorf("not taken: %s; look at it again with kubectl fed recovery", refused)
	case wait.Interrupted(err) && ctx.Err() == nil:
		return fmt.Errorf("%s was confirmed, and the server has not taken that within %s: is it running?", hash, patience)
	case err != nil:
		return fmt.Errorf("waiting for the server: %w", err)
	}
	fmt.Fprintln(o.Streams.Out, "Confirmed: clusters are written to again.")
	return nil
}

// ask wants a yes.
func (o *Options) ask() error {
	if o.Yes {
		return nil
	}
	if file, ok := o.Streams.In.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return errors.New("confirm that with --yes. Nothing was changed")
	}
	fmt.Fprint(o.Streams.Out, "\nType yes to go on: ")
	line, err := bufio.NewReader(o.Streams.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if strings.TrimSpace(line) != "yes" {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}
