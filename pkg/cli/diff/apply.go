package diff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/client-go/dynamic"

	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// applier asks the host what an object would be after "kubectl apply". Nothing is
// kept.
type applier struct {
	// serverSide applies as "kubectl apply --server-side" does, by a field manager.
	serverSide     bool
	fieldManager   string
	forceConflicts bool
}

// clientSideManager is who "kubectl apply" writes as.
const clientSideManager = "kubectl-client-side-apply"

// apply returns the object as it would be. live is the object as it is, nil if it
// is not there.
func (a applier) apply(ctx context.Context, objects dynamic.ResourceInterface, wanted, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	dry := []string{metav1.DryRunAll}
	if a.serverSide {
		data, err := wanted.MarshalJSON()
		if err != nil {
			return nil, err
		}
		return objects.Patch(ctx, wanted.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{
			DryRun: dry, FieldManager: a.fieldManager, Force: &a.forceConflicts, FieldValidation: metav1.FieldValidationStrict})
	}
	if live == nil {
		return objects.Create(ctx, wanted, metav1.CreateOptions{
			DryRun: dry, FieldManager: clientSideManager, FieldValidation: metav1.FieldValidationStrict})
	}
	patch, err := clientSidePatch(wanted, live)
	if err != nil {
		return nil, err
	}
	return objects.Patch(ctx, wanted.GetName(), types.MergePatchType, patch, metav1.PatchOptions{
		DryRun: dry, FieldManager: clientSideManager, FieldValidation: metav1.FieldValidationStrict})
}

// clientSidePatch is the patch that "kubectl apply" sends for kinds that it has no
// Go types of: what the file has, less what it had at the last apply.
func clientSidePatch(wanted, live *unstructured.Unstructured) ([]byte, error) {
	given, err := json.Marshal(wanted.Object)
	if err != nil {
		return nil, fmt.Errorf("encoding the object: %w", err)
	}
	// With the record of this apply, as kubectl sends it: otherwise a file without
	// annotations would be one that takes them all away.
	recorded := wanted.DeepCopy()
	annotations := recorded.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[overrides.LastAppliedAnnotation] = string(given)
	recorded.SetAnnotations(annotations)
	modified, err := json.Marshal(recorded.Object)
	if err != nil {
		return nil, fmt.Errorf("encoding the object: %w", err)
	}
	current, err := json.Marshal(live.Object)
	if err != nil {
		return nil, fmt.Errorf("encoding the object: %w", err)
	}
	original := []byte(live.GetAnnotations()[overrides.LastAppliedAnnotation])
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(original, modified, current)
	if err != nil {
		return nil, fmt.Errorf("comparing with the last apply: %w", err)
	}
	return patch, nil
}

// isNamespaceMissing says that an object cannot be judged because its namespace is
// not there.
func isNamespaceMissing(err error, namespace string) bool {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	details := status.Status().Details
	return details.Kind == "namespaces" && details.Name == namespace
}
