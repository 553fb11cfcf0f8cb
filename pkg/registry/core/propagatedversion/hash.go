package propagatedversion

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// TemplateHash identifies a template as KubeFed does: by the MD5 of its JSON with
// sorted keys, escaped for HTML, and a newline. Without a template it is empty.
func TemplateHash(spec *typesv1beta1.FederatedObjectSpec) (string, error) {
	if len(spec.Template.Raw) == 0 {
		return "", nil
	}
	var template map[string]any
	if err := utiljson.Unmarshal(spec.Template.Raw, &template); err != nil {
		return "", fmt.Errorf("hash the template: %w", err)
	}
	return hash(template)
}

// overridesItem is an element of spec.overrides as KubeFed hashes it; the order of
// the fields counts. A selector, which KubeFed does not know, is only there where
// there is one.
type overridesItem struct {
	ClusterName      string                `json:"clusterName"`
	ClusterSelector  *metav1.LabelSelector `json:"clusterSelector,omitempty"`
	ClusterOverrides []overrideItem        `json:"clusterOverrides,omitempty"`
}

type overrideItem struct {
	Op    string `json:"op,omitempty"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// OverridesHash identifies overrides as KubeFed does: by the MD5 of the JSON of
// {"overrides": [...]} and a newline, null without overrides. As in KubeFed, an
// override to null is that of no value, and numbers are 64-bit floats.
func OverridesHash(spec *typesv1beta1.FederatedObjectSpec) (string, error) {
	var items []overridesItem
	for _, overrides := range spec.Overrides {
		item := overridesItem{ClusterName: overrides.ClusterName, ClusterSelector: overrides.ClusterSelector}
		for _, override := range overrides.ClusterOverrides {
			var value any
			if len(override.Value.Raw) > 0 {
				if err := json.Unmarshal(override.Value.Raw, &value); err != nil {
					return "", fmt.Errorf("hash the override of %s: %w", override.Path, err)
				}
			}
			item.ClusterOverrides = append(item.ClusterOverrides, overrideItem{Op: override.Op, Path: override.Path, Value: value})
		}
		items = append(items, item)
	}
	return hash(map[string]any{"overrides": items})
}

func hash(content map[string]any) (string, error) {
	// The library's own encoding is part of the contract.
	encoded, err := (&unstructured.Unstructured{Object: content}).MarshalJSON()
	if err != nil {
		return "", fmt.Errorf("hash: %w", err)
	}
	sum := md5.Sum(encoded)
	return hex.EncodeToString(sum[:]), nil
}
