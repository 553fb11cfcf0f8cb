package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// export writes the objects of every CRD of KubeFed into a file of its own. It
// writes all files or fails.
func (h *host) export(ctx context.Context, dir string) error {
	if err := h.requireStopped(ctx); err != nil {
		return err
	}
	resources, err := h.kubeFedResources(ctx)
	if err != nil {
		return err
	}
	if len(resources) == 0 {
		return errors.New("the host has no CRDs of KubeFed")
	}
	files := map[string][]byte{}
	total := 0
	for _, r := range resources {
		if why, skipped := derived[r.Resource]; skipped {
			h.report.Note("%s: not exported, as it %s", r.GroupResource(), why)
			continue
		}
		h.report.Doing("reading %s", r.GroupResource())
		objects, err := h.list(ctx, r)
		if err != nil {
			return err
		}
		var content bytes.Buffer
		for i := range objects {
			if objects[i].GetDeletionTimestamp() != nil {
				return fmt.Errorf("%s is being deleted: let that end, or take it back, before the export", describe(&objects[i]))
			}
			text, err := yaml.Marshal(strip(&objects[i]).Object)
			if err != nil {
				return fmt.Errorf("writing %s: %w", describe(&objects[i]), err)
			}
			content.WriteString("---\n")
			content.Write(text)
			h.noteCredentials(ctx, &objects[i])
		}
		if len(objects) > 0 {
			files[fmt.Sprintf("%d-%s.%s.yaml", r.step(), r.Resource, r.Group)] = content.Bytes()
		}
		total += len(objects)
		h.report.Done("%s: %d", r.GroupResource(), len(objects))
	}
	// Templates of secrets are among them.
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder for the files: %w", err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return fmt.Errorf("writing the objects: %w", err)
		}
	}
	h.report.Done("%d objects in %s", total, dir)
	return nil
}

// noteCredentials tells of a cluster without credentials. They stay where they
// are: in a Secret of the host, which is not exported.
func (h *host) noteCredentials(ctx context.Context, object *unstructured.Unstructured) {
	if object.GetKind() != "KubeFedCluster" {
		return
	}
	name, _, _ := unstructured.NestedString(object.Object, "spec", "secretRef", "name")
	secret, err := h.kube.CoreV1().Secrets(object.GetNamespace()).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		h.report.Note("%s: its Secret %s does not exist", describe(object), name)
	case err != nil:
		h.report.Note("%s: its Secret %s cannot be read: %v", describe(object), name, err)
	case len(secret.Data["token"]) == 0:
		h.report.Note("%s: its Secret %s has no token", describe(object), name)
	}
}

func describe(object *unstructured.Unstructured) string {
	name := object.GetName()
	if object.GetNamespace() != "" {
		name = object.GetNamespace() + "/" + name
	}
	return object.GetKind() + " " + name
}
