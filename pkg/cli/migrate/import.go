package migrate

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

type importOptions struct {
	from              string
	dryRun, overwrite bool
}

// How long a type may take until it is served.
const (
	servedPoll  = 200 * time.Millisecond
	servedLimit = time.Minute
)

const (
	fieldManager = "kubectl-fed"
	namespaces   = "namespaces"
)

// importAll creates the exported objects. The types come without propagation at
// first, for a copy in a member whose federated object is not there yet would be
// let go; they get it when every federated object is there, and namespaces first.
func (h *host) importAll(ctx context.Context, options importOptions) error {
	objects, err := readFiles(options.from)
	if err != nil {
		return err
	}
	if err := h.checkImport(ctx, objects); err != nil {
		return err
	}
	work := &importing{host: h, options: options, known: map[schema.GroupVersionResource]bool{}}
	for _, object := range objects {
		if object.step() <= 5 || options.dryRun {
			if err := work.create(ctx, object); err != nil {
				return err
			}
		}
	}
	if err := work.outcome(); err != nil {
		return err
	}
	if options.dryRun {
		h.report.Done("nothing was changed")
		return nil
	}
	if err := work.propagate(ctx); err != nil {
		return err
	}
	for _, object := range objects {
		if object.step() > 5 {
			if err := work.create(ctx, object); err != nil {
				return err
			}
		}
	}
	if err := work.outcome(); err != nil {
		return err
	}
	h.report.Done("%d objects created, %d were there", work.created, work.unchanged)
	return nil
}

// checkImport fails while the host does not forward to this server what is to be
// imported: the objects would go into KubeFed's CRDs.
func (h *host) checkImport(ctx context.Context, objects []exported) error {
	checked := map[schema.GroupVersion]bool{}
	for _, object := range objects {
		gv := object.GroupVersion()
		if checked[gv] {
			continue
		}
		checked[gv] = true
		service, err := h.forwarded(ctx, gv)
		if err != nil {
			return err
		}
		if service == "" {
			return fmt.Errorf("the host does not forward %s to a service: the APIService %s.%s must be registered first", gv, gv.Version, gv.Group)
		}
	}
	if err := h.requireStopped(ctx); err != nil {
		return err
	}
	found, err := h.webhooks(ctx)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("KubeFed's webhooks would refuse the import; delete them first: %v", found)
	}
	return nil
}

// importing is an import under way.
type importing struct {
	*host
	options            importOptions
	created, unchanged int
	refused, differing []string
	// enable are the types that get propagation at the end.
	enable []*unstructured.Unstructured
	known  map[schema.GroupVersionResource]bool
}

// create creates one object, unless it is there. An object that is refused is
// noted, so that one run tells of all of them.
func (w *importing) create(ctx context.Context, e exported) error {
	object := e.object.DeepCopy()
	if e.Resource == "federatedtypeconfigs" {
		w.hold(object)
	}
	if err := w.await(ctx, e.resource); err != nil {
		return err
	}
	client := w.client(e.resource, object.GetNamespace())
	create := metav1.CreateOptions{FieldManager: fieldManager}
	if w.options.dryRun {
		create.DryRun = []string{metav1.DryRunAll}
	}
	_, err := client.Create(ctx, object, create)
	switch {
	case err == nil:
		w.created++
		return nil
	case w.options.dryRun && apierrors.IsNotFound(err):
		w.report.Note("%s: cannot be judged before its type is served", describe(object))
		return nil
	case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err):
		w.refused = append(w.refused, describe(object))
		w.report.Note("%s: refused: %v", describe(object), err)
		return nil
	case !apierrors.IsAlreadyExists(err):
		return fmt.Errorf("creating %s: %w", describe(object), err)
	}
	return w.compare(ctx, e, object)
}

// hold keeps a type from being propagated, and remembers if it shall be.
func (w *importing) hold(config *unstructured.Unstructured) {
	if propagation, _, _ := unstructured.NestedString(config.Object, "spec", "propagation"); propagation != "Enabled" {
		return
	}
	w.enable = append(w.enable, config.DeepCopy())
	// It is a string in an object that was read as one.
	_ = unstructured.SetNestedField(config.Object, "Disabled", "spec", "propagation")
}

// await waits until the type of a federated object is served.
func (w *importing) await(ctx context.Context, r resource) error {
	if r.Group != typesGroup || w.known[r.GroupVersionResource] || w.options.dryRun {
		return nil
	}
	w.report.Doing("waiting for %s", r.GroupResource())
	err := wait.PollUntilContextTimeout(ctx, servedPoll, servedLimit, true, func(ctx context.Context) (bool, error) {
		_, err := w.objects.Resource(r.GroupVersionResource).List(ctx, metav1.ListOptions{Limit: 1})
		if apierrors.IsNotFound(err) || apierrors.IsServiceUnavailable(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("%s are not served; is there a FederatedTypeConfig for them? %w", r.GroupResource(), err)
	}
	w.known[r.GroupVersionResource] = true
	return nil
}

// compare looks at an object that is there already: one of an earlier import, or
// of the installation.
func (w *importing) compare(ctx context.Context, e exported, object *unstructured.Unstructured) error {
	client := w.client(e.resource, object.GetNamespace())
	found, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading %s: %w", describe(object), err)
	}
	if e.Resource == "federatedtypeconfigs" {
		// What is propagated already stays so: an import may be run again.
		_ = unstructured.SetNestedField(object.Object, found.Object["spec"].(map[string]any)["propagation"], "spec", "propagation")
	}
	if says(written(found), written(object)) {
		w.unchanged++
		return nil
	}
	if !w.options.overwrite {
		w.differing = append(w.differing, describe(object))
		w.report.Note("%s: exists and differs", describe(object))
		return nil
	}
	object.SetResourceVersion(found.GetResourceVersion())
	object.SetFinalizers(found.GetFinalizers())
	update := metav1.UpdateOptions{FieldManager: fieldManager}
	if w.options.dryRun {
		update.DryRun = []string{metav1.DryRunAll}
	}
	if _, err := client.Update(ctx, object, update); err != nil {
		if apierrors.IsInvalid(err) {
			w.refused = append(w.refused, describe(object))
			w.report.Note("%s: refused: %v", describe(object), err)
			return nil
		}
		return fmt.Errorf("replacing %s: %w", describe(object), err)
	}
	w.created++
	return nil
}

// written returns what a user says in an object: all but its identity, and what the
// server keeps in its metadata.
func written(object *unstructured.Unstructured) map[string]any {
	said := maps.Clone(object.Object)
	said["metadata"] = map[string]any{"labels": said["metadata"].(map[string]any)["labels"], "annotations": said["metadata"].(map[string]any)["annotations"]}
	return said
}

// says reports whether found has all that wanted says; the server may have added
// defaults.
func says(found, wanted any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		have, ok := found.(map[string]any)
		for key, value := range wanted {
			ok = ok && (says(have[key], value) || isEmpty(value) && have[key] == nil)
		}
		return ok
	case []any:
		have, ok := found.([]any)
		if !ok || len(have) != len(wanted) {
			return false
		}
		for i := range wanted {
			if !says(have[i], wanted[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(found, wanted) || fmt.Sprint(found) == fmt.Sprint(wanted)
}

func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}

// outcome fails if an object is not there as it was exported. Then nothing more is
// done: with an object missing, its copies would be let go, or removed where it is
// a FederatedNamespace that is missing.
func (w *importing) outcome() error {
	switch {
	case len(w.refused) > 0:
		return fmt.Errorf("%d objects were refused: mend them in the files of the export and import again; nothing is propagated yet", len(w.refused))
	case len(w.differing) > 0:
		return fmt.Errorf("%d objects exist and differ: use --overwrite to replace them; types that were not propagated are not yet", len(w.differing))
	}
	return nil
}

// propagate switches propagation on where the export had it, for namespaces first:
// objects go only where their namespaces go.
func (w *importing) propagate(ctx context.Context) error {
	slices.SortStableFunc(w.enable, func(a, b *unstructured.Unstructured) int {
		switch {
		case a.GetName() == namespaces:
			return -1
		case b.GetName() == namespaces:
			return 1
		}
		return 0
	})
	for _, config := range w.enable {
		gv := schema.FromAPIVersionAndKind(config.GetAPIVersion(), config.GetKind()).GroupVersion()
		r := resource{GroupVersionResource: gv.WithResource("federatedtypeconfigs")}
		patch := []byte(`{"spec":{"propagation":"Enabled"}}`)
		if _, err := w.client(r, config.GetNamespace()).Patch(ctx, config.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager}); err != nil {
			return fmt.Errorf("switching on the propagation of %s: %w", config.GetName(), err)
		}
	}
	w.report.Done("%d types are propagated", len(w.enable))
	return nil
}
