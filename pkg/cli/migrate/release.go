package migrate

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// release takes all finalizers off KubeFed's objects, those of others too: when the
// CRDs are deleted nobody can reach the objects any more, and one that is held would
// hold its CRD. The export keeps the finalizers of others.
func (h *host) release(ctx context.Context) error {
	if err := h.requireStopped(ctx); err != nil {
		return err
	}
	resources, err := h.kubeFedResources(ctx)
	if err != nil {
		return err
	}
	for _, r := range resources {
		objects, err := h.list(ctx, r)
		if err != nil {
			return err
		}
		released := 0
		for i := range objects {
			held, err := h.releaseObject(ctx, r, &objects[i])
			if err != nil {
				return err
			}
			if held {
				released++
			}
		}
		if released > 0 {
			h.report.Done("%s: %d released", r.GroupResource(), released)
		}
	}
	h.report.Done("no object of KubeFed is held any more")
	return nil
}

// releaseObject takes the finalizers off one object, and reports whether it had any.
func (h *host) releaseObject(ctx context.Context, r resource, object *unstructured.Unstructured) (bool, error) {
	if len(object.GetFinalizers()) == 0 {
		return false, nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"finalizers": nil, "resourceVersion": object.GetResourceVersion(),
	}})
	if err != nil {
		return false, fmt.Errorf("releasing %s: %w", describe(object), err)
	}
	_, err = h.client(r, object.GetNamespace()).Patch(ctx, object.GetName(), types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("releasing %s: %w", describe(object), err)
	}
	return true, nil
}

func (h *host) client(r resource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return h.objects.Resource(r.GroupVersionResource)
	}
	return h.objects.Resource(r.GroupVersionResource).Namespace(namespace)
}
