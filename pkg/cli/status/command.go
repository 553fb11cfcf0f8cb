// Package status is the command "kubectl fed status".
package status

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/exit"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

// Exit statuses.
const (
	notInSync = 1
	failed    = 2
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// Output is json, yaml or wide; empty: a screen.
	Output string
	// Watch goes on until it is interrupted.
	Watch bool
	// Interval is the time between two looks.
	Interval time.Duration
}

const example = `  # Is all as it shall be?
  kubectl fed status

  # In one namespace, and again and again
  kubectl fed status -n shop --watch

  # In a script
  kubectl fed status > /dev/null || echo "not in sync"`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:   "status",
		Short: "Say whether the federation is in sync",
		Long: `Say whether the federation is in sync: its server, clusters and types, how many
objects are as asked for in every cluster, and which have not been so for longest.

The exit status is 0 when all is in sync, 1 when something is not (an object, a
cluster that is not ready, a type that does not run), and 2 when that cannot be
told.`,
		Example: example,
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return exit.With(failed, o.Run(command.Context()))
		},
	}
	set := command.Flags()
	set.StringVarP(&o.Output, "output", "o", "", "Format: json, yaml or wide. Default: a screen.")
	set.BoolVarP(&o.Watch, "watch", "w", false, "Look again and again, until interrupted.")
	set.DurationVar(&o.Interval, "interval", 2*time.Second, "Time between two looks, with --watch.")
	return command
}

// Run prints the state once, or again and again.
func (o *Options) Run(ctx context.Context) error {
	if err := output.Check(o.Output, output.JSON, output.YAML, output.Wide); err != nil {
		return err
	}
	if o.Watch && o.Interval <= 0 {
		return errors.New("--interval must be more than 0")
	}
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	namespace, given, err := client.Namespace()
	if err != nil {
		return err
	}
	if !given {
		namespace = ""
	}
	terminal := output.IsTerminal(o.Streams.Out)
	var last []byte
	for {
		report, err := gather(ctx, client, namespace)
		if err != nil {
			return err
		}
		screen, err := o.screen(report)
		if err != nil {
			return err
		}
		switch {
		case o.Watch && terminal:
			// From the top, each line's old end away, then what is below.
			screen = append([]byte("\x1b[H"), bytes.ReplaceAll(screen, []byte("\n"), []byte("\x1b[K\n"))...)
			screen = append(screen, "\x1b[J"...)
		case bytes.Equal(screen, last):
			screen = nil
		default:
			last = screen
		}
		if _, err := o.Streams.Out.Write(screen); err != nil {
			return err
		}
		if !o.Watch {
			return verdict(report)
		}
		select {
		case <-ctx.Done():
			return verdict(report)
		case <-time.After(o.Interval):
		}
	}
}

func (o *Options) screen(report *Report) ([]byte, error) {
	if o.Output == output.JSON || o.Output == output.YAML {
		return output.Marshal(o.Output, report)
	}
	var screen bytes.Buffer
	report.print(&screen, output.Colors(o.Streams.Out), o.Output == output.Wide, time.Now())
	return screen.Bytes(), nil
}

// verdict is the exit status of a report.
func verdict(report *Report) error {
	for _, t := range report.Types {
		if t.Error != "" {
			return &exit.Error{Code: failed, Err: errors.New("not all objects can be counted: " + t.Error)}
		}
	}
	if !report.InSync {
		return &exit.Error{Code: notInSync}
	}
	return nil
}
