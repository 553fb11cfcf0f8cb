// Package migrate is the command "kubectl fed migrate": from a host with KubeFed's
// CRDs to this federation on the same host. Nothing it does deletes an object in a
// member.
package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/progress"
)

// Groups of KubeFed.
const (
	coreGroup       = "core.kubefed.io"
	typesGroup      = "types.kubefed.io"
	schedulingGroup = "scheduling.kubefed.io"
	dnsGroup        = "multiclusterdns.kubefed.io"
)

var (
	crds        = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
)

const long = `Move a federation from KubeFed to this server, on the same host.

  kubectl fed migrate check             what is in the way
  kubectl fed migrate export --to DIR   KubeFed's objects into files
  kubectl fed migrate release           finalizers off KubeFed's objects
  kubectl fed migrate import --from DIR the files into this server

check, export and release work on KubeFed's CRDs, and so before this server is
registered in the host; import comes after. KubeFed's controllers must be stopped
from the export on. Objects in members are left as they are, and are taken over by
the import. docs/migrate-from-kubefed.md has all the steps.`

// host is the host as the command's user.
type host struct {
	namespace string
	kube      kubernetes.Interface
	objects   dynamic.Interface
	report    *progress.Reporter
}

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	command := &cobra.Command{Use: "migrate", Short: "Move a federation from KubeFed to this server", Long: long,
		Args: cobra.NoArgs, RunE: func(command *cobra.Command, _ []string) error { return command.Help() }}
	connected := func(run func(context.Context, *host) error) func(*cobra.Command, []string) error {
		return func(command *cobra.Command, _ []string) error {
			h, err := newHost(where, streams)
			if err != nil {
				return err
			}
			defer h.report.Close()
			return run(command.Context(), h)
		}
	}

	check := &cobra.Command{Use: "check", Short: "Say what is in the way of the next step, and change nothing", Args: cobra.NoArgs,
		RunE: connected(func(ctx context.Context, h *host) error { return h.check(ctx) })}

	var to string
	export := &cobra.Command{Use: "export --to DIR", Short: "Write KubeFed's objects into files", Args: cobra.NoArgs,
		RunE: connected(func(ctx context.Context, h *host) error { return h.export(ctx, to) })}
	export.Flags().StringVar(&to, "to", "", "Folder for the files, which is made. They hold what FederatedSecrets hold.")

	release := &cobra.Command{Use: "release", Short: "Take the finalizers off KubeFed's objects, so that its CRDs can be deleted", Args: cobra.NoArgs,
		RunE: connected(func(ctx context.Context, h *host) error { return h.release(ctx) })}

	options := importOptions{}
	imports := &cobra.Command{Use: "import --from DIR", Short: "Create the exported objects in this server, which takes over the copies in members", Args: cobra.NoArgs,
		RunE: connected(func(ctx context.Context, h *host) error { return h.importAll(ctx, options) })}
	imports.Flags().StringVar(&options.from, "from", "", "Folder that export wrote.")
	imports.Flags().BoolVar(&options.dryRun, "dry-run", false, "Let the server judge what it can judge yet, and change nothing.")
	imports.Flags().BoolVar(&options.overwrite, "overwrite", false, "Replace objects that exist and differ; they are left without.")

	for command, flag := range map[*cobra.Command]string{export: "to", imports: "from"} {
		// The flag was made just now.
		_ = command.MarkFlagRequired(flag)
	}
	command.AddCommand(check, export, release, imports)
	return command
}

func newHost(where *connect.Flags, streams genericiooptions.IOStreams) (*host, error) {
	config, err := where.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of the host: %w", err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of the host: %w", err)
	}
	return &host{namespace: where.SystemNamespace, kube: kube, objects: objects, report: progress.New(streams.Out)}, nil
}

var errInTheWay = errors.New("see above: something is in the way")
