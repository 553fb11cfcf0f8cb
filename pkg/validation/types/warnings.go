package types

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// Warnings tells what is accepted but may not do what its author thinks, for
// the Warning headers of the answer to a create or an update. It expects an
// object that is valid.
func Warnings(obj *typesv1beta1.FederatedObject, target Target) []string {
	warnings := placementWarnings(&obj.Spec.Placement)
	warnings = append(warnings, templateWarnings(obj, target)...)
	warnings = append(warnings, overrideWarnings(obj.Spec.Overrides)...)
	if target.isCore("Namespace") && unmanagedNamespaces.Has(obj.Name) {
		warnings = append(warnings, fmt.Sprintf("metadata.name: the namespace %s is not propagated itself; the placement applies to the federated objects in it", obj.Name))
	}
	if target.isCore("ConfigMap") && obj.Name == typesv1beta1.RootCAConfigMap {
		warnings = append(warnings, fmt.Sprintf("metadata.name: %s is not propagated, as each cluster publishes its own CA in it", obj.Name))
	}
	return warnings
}

// unmanagedNamespaces exist in every cluster and are left alone.
var unmanagedNamespaces = sets.New("default", "kube-node-lease", "kube-public", "kube-system")

func placementWarnings(placement *typesv1beta1.Placement) []string {
	selector := placement.ClusterSelector
	switch {
	case placement.Clusters != nil && selector != nil:
		return []string{"spec.placement.clusterSelector: ignored, as spec.placement.clusters is given and decides alone"}
	case placement.Clusters == nil && selector != nil && len(selector.MatchLabels) == 0 && len(selector.MatchExpressions) == 0:
		return []string{"spec.placement.clusterSelector: an empty selector selects every cluster"}
	}
	return nil
}

func templateWarnings(obj *typesv1beta1.FederatedObject, target Target) []string {
	template, err := decodeTemplate(obj)
	if err != nil || template == nil {
		return nil
	}
	const path = "spec.template"
	var warnings []string
	metadata, _ := childObject(template, "metadata", nil)
	if name, ok := metadata["name"]; ok && name != nil && name != "" && name != obj.Name {
		warnings = append(warnings, fmt.Sprintf("%s.metadata.name: ignored, the object in the members is named after the federated object, %q", path, obj.Name))
	}
	for _, field := range []string{"generateName", "finalizers", "ownerReferences"} {
		if !isEmpty(metadata[field]) {
			warnings = append(warnings, fmt.Sprintf("%s.metadata.%s: ignored, it is not propagated", path, field))
		}
	}
	if !isEmpty(template["status"]) {
		warnings = append(warnings, fmt.Sprintf("%s.status: ignored, the status belongs to the members", path))
	}
	if target.isCore("Namespace") {
		if spec, _ := childObject(template, "spec", nil); !isEmpty(spec["finalizers"]) {
			warnings = append(warnings, fmt.Sprintf("%s.spec.finalizers: ignored, they belong to the members", path))
		}
	}

	labels, _ := childStrings(metadata, "labels", nil)
	if managed, ok := labels[typesv1beta1.ManagedLabel]; ok && managed != typesv1beta1.ManagedLabelValueTrue {
		warnings = append(warnings, fmt.Sprintf("%s.metadata.labels[%s]: ignored, it is %q in the members", path, typesv1beta1.ManagedLabel, typesv1beta1.ManagedLabelValueTrue))
	}
	annotations, _ := childStrings(metadata, "annotations", nil)
	if untracked := overrides.Untracked(labels, annotations); len(untracked) > 0 {
		slices.Sort(untracked)
		warnings = append(warnings, fmt.Sprintf("%s.metadata: %s not propagated, as tools would take the copies in the members for their own", path, strings.Join(untracked, ", ")))
	}
	return warnings
}

// isEmpty reports whether a decoded value says nothing.
func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}

func overrideWarnings(lists []typesv1beta1.ClusterOverrides) []string {
	var warnings []string
	for i, list := range lists {
		for j, override := range list.ClusterOverrides {
			path := fmt.Sprintf("spec.overrides[%d].clusterOverrides[%d]", i, j)
			if pointer, dotted, err := overrides.Pointer(override.Path); err == nil && dotted {
				warnings = append(warnings, fmt.Sprintf("%s.path: %q is the syntax of the first KubeFed releases and means %q", path, override.Path, pointer))
			}
			if override.Value.IsZero() && (override.Op == "" || override.Op == typesv1beta1.OverrideOpReplace) {
				warnings = append(warnings, fmt.Sprintf("%s.value: not given, the field is set to null", path))
			}
		}
	}
	return warnings
}
