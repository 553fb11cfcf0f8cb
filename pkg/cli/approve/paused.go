package approve

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/duration"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

// paused is what is paused of one object.
type paused struct {
	named federation.Named
	*typesv1beta1.PausedRemoval
}

// find returns what is paused, by type, namespace and name. The error says which
// types cannot be looked at.
func (o *Options) find(ctx context.Context, client *federation.Client, args []string, selector labels.Selector) ([]paused, error) {
	configs, err := o.types(ctx, client, args)
	if err != nil {
		return nil, err
	}
	namespace, given, err := client.Namespace()
	if err != nil {
		return nil, err
	}
	if !given {
		namespace = ""
	}
	var (
		found []paused
		errs  []error
	)
	for i := range configs {
		config := &configs[i]
		errs = append(errs, client.Each(ctx, config, namespace, func(object *typesv1beta1.FederatedObject) {
			removal := object.Status.PausedRemoval
			if removal == nil || !selector.Matches(labels.Set(object.Labels)) || !o.isAbout(removal) {
				return
			}
			found = append(found, paused{named: federation.Named{Type: config, Namespace: object.Namespace, Name: object.Name}, PausedRemoval: removal})
		}))
	}
	slices.SortStableFunc(found, func(a, b paused) int {
		return cmp.Or(cmp.Compare(a.named.Type.Name, b.named.Type.Name), cmp.Compare(a.named.Namespace, b.named.Namespace), cmp.Compare(a.named.Name, b.named.Name))
	})
	return found, errors.Join(errs...)
}

// types returns the type that was named, or all that are served.
func (o *Options) types(ctx context.Context, client *federation.Client, args []string) ([]corev1beta1.FederatedTypeConfig, error) {
	switch len(args) {
	case 0:
		return client.TypeConfigs(ctx)
	case 1:
		config, err := client.ResolveType(ctx, args[0])
		if err != nil {
			return nil, err
		}
		return []corev1beta1.FederatedTypeConfig{*config}, nil
	}
	return nil, errors.New("name one object, or choose many: not both")
}

// isAbout says that a removal is about one of the clusters that were chosen.
func (o *Options) isAbout(removal *typesv1beta1.PausedRemoval) bool {
	return len(o.Clusters) == 0 || slices.ContainsFunc(removal.Clusters, func(cluster string) bool { return slices.Contains(o.Clusters, cluster) })
}

// show prints what is paused, with all clusters: they are what is approved.
func show(out io.Writer, found []paused) {
	if len(found) == 0 {
		return
	}
	table := output.Table{Headings: []string{"TYPE", "NAMESPACE", "NAME", "REASON", "CLUSTERS", "SINCE"}}
	for i := range found {
		p := &found[i]
		table.Rows = append(table.Rows, []output.Cell{
			output.Plain("%s", p.named.Type.Name), output.Plain("%s", p.named.Namespace), output.Plain("%s", p.named.Name),
			output.Plain("%s", p.Reason), output.Plain("%s", strings.Join(p.Clusters, ", ")),
			output.Plain("%s", duration.HumanDuration(time.Since(p.Since.Time))),
		})
	}
	table.Print(out)
}

// confirm has the person who approves say how many copies go.
func (o *Options) confirm(found []paused) error {
	copies := 0
	for i := range found {
		copies += len(found[i].Clusters)
	}
	fmt.Fprintf(o.Streams.Out, "%d copies of %d objects are removed. Type the number of copies to approve that: ", copies, len(found))
	answer, err := bufio.NewReader(o.Streams.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if strings.TrimSpace(answer) != fmt.Sprint(copies) {
		return errors.New("nothing was approved; --yes approves without asking")
	}
	return nil
}

// set approves what was shown, and tells of each object.
func (o *Options) set(ctx context.Context, client *federation.Client, found []paused) error {
	var errs []error
	for i := range found {
		p := &found[i]
		if err := o.annotate(ctx, client, p); err != nil {
			errs = append(errs, err)
			continue
		}
		dryRun := ""
		if o.DryRun {
			dryRun = " (dry run)"
		}
		fmt.Fprintf(o.Streams.Out, "%s: removal from %s approved%s\n", &p.named, strings.Join(p.Clusters, ", "), dryRun)
	}
	return errors.Join(errs...)
}

func (o *Options) annotate(ctx context.Context, client *federation.Client, p *paused) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{typesv1beta1.ApproveRemovalAnnotation: p.Hash}}})
	if err != nil {
		return fmt.Errorf("%s: %w", &p.named, err)
	}
	options := metav1.PatchOptions{FieldManager: federation.FieldManager}
	if o.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	answer, err := client.Dynamic.Resource(federation.Resource(p.named.Type)).Namespace(p.named.Namespace).
		Patch(ctx, p.named.Name, types.MergePatchType, patch, options)
	if err != nil {
		return federation.Explain(err, "approving the removal of %s", &p.named)
	}
	if hash, _, _ := unstructured.NestedString(answer.Object, "status", "pausedRemoval", "hash"); hash != p.Hash {
		return fmt.Errorf("%s: what is paused has changed since it was shown, and nothing was approved: look again", &p.named)
	}
	return nil
}
