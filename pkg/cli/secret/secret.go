// Package secret keeps what is in Secrets off the screen.
package secret

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubefederation/federation-apiserver/pkg/cli/jsondiff"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// Masked stands for a value.
const Masked = "***"

// Kind is that of Secrets.
var Kind = schema.GroupKind{Kind: "Secret"}

// fields are those of a Secret that hold values.
var fields = []string{"data", "stringData"}

// Is says whether an object is a Secret.
func Is(object map[string]any) bool {
	return object["kind"] == Kind.Kind && object["apiVersion"] == "v1"
}

// Mask puts Masked in the place of the values of a Secret, and leaves other
// objects alone.
func Mask(object map[string]any) {
	MaskPair(object, nil)
}

// MaskPair is Mask for an object as it is and as it will be, either of which may
// be nil: values that differ stay different.
func MaskPair(before, after map[string]any) {
	if !Is(before) && !Is(after) {
		return
	}
	for _, field := range fields {
		a, _ := before[field].(map[string]any)
		b, _ := after[field].(map[string]any)
		for key, old := range a {
			updated, both := b[key]
			if both && fmt.Sprint(old) != fmt.Sprint(updated) {
				a[key], b[key] = Masked+" (before)", Masked+" (after)"
				continue
			}
			a[key] = Masked
		}
		for key, value := range b {
			if value != Masked+" (after)" {
				b[key] = Masked
			}
		}
	}
	for _, object := range []map[string]any{before, after} {
		metadata, _ := object["metadata"].(map[string]any)
		annotations, _ := metadata["annotations"].(map[string]any)
		if _, ok := annotations[overrides.LastAppliedAnnotation]; ok {
			annotations[overrides.LastAppliedAnnotation] = Masked
		}
	}
}

// MaskChanges puts Masked in the place of the values of changes to a Secret.
func MaskChanges(changes []jsondiff.Change) []jsondiff.Change {
	masked := make([]jsondiff.Change, len(changes))
	for i, change := range changes {
		for _, field := range fields {
			if change.Path == "/"+field || strings.HasPrefix(change.Path, "/"+field+"/") {
				change.Before, change.After = Masked, Masked
			}
		}
		masked[i] = change
	}
	return masked
}
