// Package diff is the command "kubectl fed diff".
package diff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/resource"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/exit"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
	"github.com/kubefederation/federation-apiserver/pkg/cli/plan"
)

// Exit statuses, as those of kubectl diff.
const (
	differs = 1
	failed  = 2
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	Files   resource.FilenameOptions
	// ShowSecrets shows the values of Secrets.
	ShowSecrets bool
	applier     applier
}

const example = `  # What would "kubectl apply -f web.yaml" do in which cluster?
  kubectl fed diff -f web.yaml

  # A whole folder, as a check of a change
  kubectl fed diff -R -f manifests/ || test $? -eq 1`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:   "diff -f FILE",
		Short: "Say what an apply would change in which cluster",
		Long: `Say what "kubectl apply" of federated objects would add, change and remove in
which cluster, before it is done.

The host judges and completes the objects without keeping them; placement and
overrides are then evaluated as they are now and as they would be. Where a member
differs now from what the federation writes, that is not looked at. Objects that
are not federated are left to "kubectl diff".

The exit status is 0 when nothing would change, 1 when something would, and
more than 1 on an error.`,
		Example: example,
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return exit.With(failed, o.Run(command.Context()))
		},
	}
	set := command.Flags()
	set.StringSliceVarP(&o.Files.Filenames, "filename", "f", nil, "Files, folders or URLs with the objects; - is standard input.")
	set.StringVarP(&o.Files.Kustomize, "kustomize", "k", "", "Folder with a kustomization, instead of -f.")
	set.BoolVarP(&o.Files.Recursive, "recursive", "R", false, "Look into the folders of folders too.")
	set.BoolVar(&o.applier.serverSide, "server-side", false, "As kubectl apply --server-side would do it.")
	set.BoolVar(&o.applier.forceConflicts, "force-conflicts", false, "With --server-side: take over fields of other managers.")
	set.StringVar(&o.applier.fieldManager, "field-manager", "kubectl", "With --server-side: the field manager.")
	set.BoolVar(&o.ShowSecrets, "show-secrets", false, "Show the values of Secrets.")
	return command
}

// change is one object as it is and as it would be.
type change struct {
	config       *corev1beta1.FederatedTypeConfig
	live, wanted *typesv1beta1.FederatedObject
}

// Run compares.
func (o *Options) Run(ctx context.Context) error {
	if err := o.Files.RequireFilenameOrKustomize(); err != nil {
		return err
	}
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	infos, err := o.read()
	if err != nil {
		return err
	}
	now, err := client.Planner(ctx)
	if err != nil {
		return err
	}
	then, err := client.Planner(ctx)
	if err != nil {
		return err
	}
	changes, err := o.changes(ctx, client, now.Types(), infos)
	if err != nil {
		return err
	}
	for _, change := range changes {
		// What else is in the file goes where its namespace will go.
		if federation.IsNamespaces(change.config) {
			then.SetNamespace(change.wanted)
		}
	}
	found := false
	for _, change := range changes {
		differences, err := compareChange(ctx, now, then, change)
		if err != nil {
			return err
		}
		what := describe(change)
		parts, err := compare(differences.before, differences.after, o.ShowSecrets)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if impediment := differences.after.Impediment; impediment != "" {
			fmt.Fprintf(o.Streams.ErrOut, "%s: %s\n", what, impediment)
		}
		for _, part := range parts {
			found = true
			fmt.Fprint(o.Streams.Out, part.text(what, output.Colors(o.Streams.Out)))
			if part.action == removed && federation.IsNamespaces(change.config) {
				fmt.Fprintf(o.Streams.ErrOut, "%s: everything in the namespace goes with it\n", what)
			}
		}
	}
	if found {
		return &exit.Error{Code: differs}
	}
	return nil
}

type pair struct{ before, after *plan.Plan }

func compareChange(ctx context.Context, now, then *federation.Planner, change change) (pair, error) {
	var p pair
	var err error
	if change.live != nil {
		if p.before, err = now.Plan(ctx, change.config, change.live); err != nil {
			return p, err
		}
	}
	p.after, err = then.Plan(ctx, change.config, change.wanted)
	return p, err
}

// read reads the files.
func (o *Options) read() ([]*resource.Info, error) {
	namespace, given, err := o.Namespace()
	if err != nil {
		return nil, err
	}
	return resource.NewBuilder(o.Flags).
		Unstructured().
		NamespaceParam(namespace).DefaultNamespace().
		FilenameParam(given, &o.Files).
		Flatten().
		Do().
		Infos()
}

// changes asks the host what the federated objects of files would be.
func (o *Options) changes(ctx context.Context, client *federation.Client, types []corev1beta1.FederatedTypeConfig, infos []*resource.Info) ([]change, error) {
	created := map[string]bool{}
	for _, info := range infos {
		if kind := info.Mapping.GroupVersionKind; kind.Group == "" && kind.Kind == "Namespace" {
			created[info.Name] = true
		}
	}
	var changes []change
	for _, info := range infos {
		config := federation.TypeFor(types, info.Mapping.GroupVersionKind)
		if config == nil {
			fmt.Fprintf(o.Streams.ErrOut, "%s %s is not federated: see kubectl diff\n", info.Mapping.GroupVersionKind.Kind, info.Name)
			continue
		}
		wanted, ok := info.Object.(*unstructured.Unstructured)
		if !ok {
			return nil, fmt.Errorf("%s %s: not an object", info.Mapping.GroupVersionKind.Kind, info.Name)
		}
		objects := client.Dynamic.Resource(federation.Resource(config)).Namespace(info.Namespace)
		live, err := objects.Get(ctx, info.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			live, err = nil, nil
		}
		if err != nil {
			return nil, federation.Explain(err, "reading %s %s", wanted.GetKind(), info.Name)
		}
		after, err := o.applier.apply(ctx, objects, wanted, live)
		if isNamespaceMissing(err, info.Namespace) && created[info.Namespace] {
			fmt.Fprintf(o.Streams.ErrOut, "%s %s/%s is taken as it is in the file: the host cannot judge it before the namespace is there\n", wanted.GetKind(), info.Namespace, info.Name)
			after, err = wanted, nil
		}
		if err != nil {
			return nil, federation.Explain(err, "%s %s", wanted.GetKind(), info.Name)
		}
		change := change{config: config}
		if change.live, err = typed(live); err != nil {
			return nil, err
		}
		if change.wanted, err = typed(after); err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	if len(changes) == 0 {
		return nil, errors.New("there are no federated objects in what was given")
	}
	return changes, nil
}

// typed decodes a federated object, nil for nil.
func typed(object *unstructured.Unstructured) (*typesv1beta1.FederatedObject, error) {
	if object == nil {
		return nil, nil
	}
	data, err := object.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	decoded := &typesv1beta1.FederatedObject{}
	if err := json.Unmarshal(data, decoded); err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return decoded, nil
}

func describe(c change) string {
	name := c.wanted.Name
	if c.wanted.Namespace != "" {
		name = c.wanted.Namespace + "/" + name
	}
	return c.wanted.Kind + " " + name
}
