package types

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// validateOverrides checks each override by itself and then, if the template is
// sound, what each cluster would get.
func validateOverrides(obj *typesv1beta1.FederatedObject, target Target, templateSound bool, path *field.Path) field.ErrorList {
	if len(obj.Spec.Overrides) == 0 {
		return nil
	}
	var renderer *overrides.Renderer
	if templateSound {
		var err error
		if renderer, err = overrides.NewRenderer(obj, target.forObject(obj)); err != nil {
			return field.ErrorList{field.Invalid(field.NewPath("spec", "template"), field.OmitValueType{}, err.Error())}
		}
	}

	sound := make([]bool, len(obj.Spec.Overrides))
	var errs field.ErrorList
	clusters, names := sets.New[string](), sets.New[string]()
	for i := range obj.Spec.Overrides {
		list := &obj.Spec.Overrides[i]
		listErrs := validateSubject(list, clusters, names, path.Index(i))
		listErrs = append(listErrs, validateOverrideList(list.ClusterOverrides, path.Index(i).Child("clusterOverrides"))...)
		sound[i] = len(listErrs) == 0
		errs = append(errs, listErrs...)
	}
	if renderer == nil {
		return errs
	}
	var selecting []int
	for i := range obj.Spec.Overrides {
		if sound[i] {
			errs = append(errs, validateResult(renderer, i, selecting, target, path.Index(i).Child("clusterOverrides"))...)
		}
		if sound[i] && obj.Spec.Overrides[i].ClusterSelector != nil {
			selecting = append(selecting, i)
		}
	}
	return errs
}

// validateSubject checks which clusters an entry is for. clusters and names are
// those of the entries before it.
func validateSubject(list *typesv1beta1.ClusterOverrides, clusters, names sets.Set[string], path *field.Path) field.ErrorList {
	namePath := path.Child("name")
	var errs field.ErrorList
	if list.Name != "" {
		for _, message := range validation.IsDNS1123Label(list.Name) {
			errs = append(errs, field.Invalid(namePath, list.Name, message))
		}
	}
	if list.ClusterSelector == nil {
		clusterPath := path.Child("clusterName")
		if list.ClusterName == "" {
			return append(errs, field.Required(clusterPath, "must be the name of a KubeFedCluster, unless there is a clusterSelector"))
		}
		errs = append(errs, validateClusterName(list.ClusterName, clusterPath)...)
		if clusters.Has(list.ClusterName) {
			errs = append(errs, field.Duplicate(clusterPath, list.ClusterName))
		}
		clusters.Insert(list.ClusterName)
		return errs
	}

	if list.ClusterName != "" {
		errs = append(errs, field.Forbidden(path.Child("clusterSelector"), "must not be given beside clusterName"))
	}
	errs = append(errs, validateSelector(list.ClusterSelector, path.Child("clusterSelector"))...)
	switch {
	case !names.Has(list.Name):
	case list.Name == "":
		errs = append(errs, field.Required(namePath, "must tell this entry from another one with a clusterSelector and without a name"))
	default:
		errs = append(errs, field.Duplicate(namePath, list.Name))
	}
	names.Insert(list.Name)
	return errs
}

func validateOverrideList(list []typesv1beta1.ClusterOverride, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, override := range list {
		overridePath := path.Index(i)
		pointer, pathErrs := validateOverridePath(override.Path, overridePath.Child("path"))
		if len(pathErrs) == 0 {
			if seen.Has(pointer) {
				pathErrs = append(pathErrs, field.Duplicate(overridePath.Child("path"), override.Path))
			}
			seen.Insert(pointer)
		}
		errs = append(errs, pathErrs...)
		errs = append(errs, validateOverrideValue(override, pointer, overridePath)...)
	}
	return errs
}

// validateOverridePath returns the path as a JSON pointer.
func validateOverridePath(text string, path *field.Path) (pointer string, errs field.ErrorList) {
	if text == "" {
		return "", field.ErrorList{field.Required(path, "must be a JSON pointer such as /spec/replicas; the whole object must not be overridden")}
	}
	pointer, _, err := overrides.Pointer(text)
	if err != nil {
		return "", field.ErrorList{field.Invalid(path, text, err.Error())}
	}
	if reason := overrides.Forbidden(pointer); reason != "" {
		return "", field.ErrorList{field.Forbidden(path, fmt.Sprintf("%q: %s", text, reason))}
	}
	return pointer, nil
}

// validateOverrideValue checks the op and whether the value suits it. A replace
// without a value sets null, as it did in KubeFed.
func validateOverrideValue(override typesv1beta1.ClusterOverride, pointer string, path *field.Path) field.ErrorList {
	switch override.Op {
	case "", typesv1beta1.OverrideOpReplace:
	case typesv1beta1.OverrideOpAdd:
		if override.Value.IsZero() {
			return field.ErrorList{field.Required(path.Child("value"), "must be given for the op add; null is a value")}
		}
	case typesv1beta1.OverrideOpRemove:
		if !override.Value.IsZero() {
			return field.ErrorList{field.Forbidden(path.Child("value"), "must not be given for the op remove")}
		}
		return nil
	default:
		return field.ErrorList{field.NotSupported(path.Child("op"), override.Op, []string{
			typesv1beta1.OverrideOpAdd, typesv1beta1.OverrideOpRemove, typesv1beta1.OverrideOpReplace,
		})}
	}

	if pointer == "/metadata/labels" && !override.Value.IsZero() {
		var labels map[string]any
		if err := utiljson.Unmarshal(override.Value.Raw, &labels); err != nil {
			return field.ErrorList{field.TypeInvalid(path.Child("value"), field.OmitValueType{}, "must be an object")}
		}
		if managed, ok := labels[typesv1beta1.ManagedLabel]; ok && managed != typesv1beta1.ManagedLabelValueTrue {
			return field.ErrorList{field.Forbidden(path.Child("value").Key(typesv1beta1.ManagedLabel), "must not be overridden")}
		}
	}
	return nil
}

// validateResult renders the object with the overrides of the entry at index as it
// would be rendered for propagation, and checks what they can have spoilt. They
// must apply to the template as it is, or after the entries before them that may be
// for the same cluster, which selecting has.
func validateResult(renderer *overrides.Renderer, index int, selecting []int, target Target, path *field.Path) field.ErrorList {
	rendered, err := renderer.RenderEntries(index)
	if err != nil && len(selecting) > 0 {
		if after, afterErr := renderer.RenderEntries(append(slices.Clone(selecting), index)...); afterErr == nil {
			rendered, err = after, nil
		}
	}
	var fault *overrides.ApplyError
	switch {
	case errors.As(err, &fault) && fault.Index >= 0:
		return field.ErrorList{field.Invalid(path.Index(fault.Index).Child("path"), fault.Path, fmt.Sprintf("does not apply to the template: %v", fault.Err))}
	case errors.As(err, &fault):
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, fmt.Sprintf("do not apply to the template: %v", fault.Err))}
	case err != nil:
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, err.Error())}
	}

	errs := validateAPIVersion(rendered.APIVersion, target, path)
	var object struct {
		metav1.PartialObjectMetadata `json:",inline"`
		Type                         any `json:"type"`
	}
	if err := utiljson.Unmarshal(rendered.JSON, &object); err != nil {
		return append(errs, field.Invalid(path, field.OmitValueType{}, fmt.Sprintf("the result is not an object of Kubernetes: %v", err)))
	}
	for _, err := range metav1validation.ValidateLabels(object.Labels, path) {
		err.Detail = "the result has an invalid label: " + err.Detail
		errs = append(errs, err)
	}
	for _, err := range apivalidation.ValidateAnnotations(object.Annotations, path) {
		err.Detail = "the result has an invalid annotation: " + err.Detail
		errs = append(errs, err)
	}
	if target.isCore("Secret") && object.Type == string(corev1.SecretTypeServiceAccountToken) {
		errs = append(errs, field.Forbidden(path, serviceAccountTokenReason))
	}
	return errs
}

// validateAPIVersion checks an apiVersion that may be overridden, as in KubeFed,
// but not to reach a type that must not be federated.
func validateAPIVersion(apiVersion string, target Target, path *field.Path) field.ErrorList {
	if apiVersion == target.APIVersion {
		return nil
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return field.ErrorList{field.Invalid(path, apiVersion, "the result must have an apiVersion of the form VERSION or GROUP/VERSION")}
	}
	if reason := ForbiddenTarget(gv.Group, target.Kind); reason != "" {
		return field.ErrorList{field.Forbidden(path, reason)}
	}
	return nil
}
