package types

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// decodeTemplate returns the template as a map: nil if there is none.
func decodeTemplate(obj *typesv1beta1.FederatedObject) (map[string]any, error) {
	raw := obj.Spec.Template.Raw
	if len(raw) == 0 && obj.Spec.Template.Object != nil {
		var err error
		if raw, err = json.Marshal(obj.Spec.Template.Object); err != nil {
			return nil, fmt.Errorf("cannot be encoded: %w", err)
		}
	}
	if len(raw) == 0 {
		return nil, nil
	}
	var template map[string]any
	if err := utiljson.Unmarshal(raw, &template); err != nil {
		return nil, fmt.Errorf("must be an object: %w", err)
	}
	return template, nil
}

// validateTemplate checks that the template can be an object of the target type
// with the name and namespace of obj. Only a FederatedNamespace may go without.
func validateTemplate(obj *typesv1beta1.FederatedObject, target Target, path *field.Path) field.ErrorList {
	template, err := decodeTemplate(obj)
	if err != nil {
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, err.Error())}
	}
	if template == nil {
		if target.isCore("Namespace") {
			return nil
		}
		return field.ErrorList{field.Required(path, fmt.Sprintf("must be the %s for the members", target.Kind))}
	}

	var errs field.ErrorList
	errs = append(errs, validateGiven(template, "kind", target.Kind, path)...)
	errs = append(errs, validateGiven(template, "apiVersion", target.APIVersion, path)...)
	if target.isCore("Secret") && template["type"] == string(corev1.SecretTypeServiceAccountToken) {
		errs = append(errs, field.Forbidden(path.Child("type"), serviceAccountTokenReason))
	}
	return append(errs, validateTemplateMetadata(template, obj, target, path.Child("metadata"))...)
}

const serviceAccountTokenReason = "tokens of service accounts are valid in one cluster only, which makes them itself"

// validateGiven checks a field that the template may leave out and must not
// contradict.
func validateGiven(template map[string]any, key, want string, path *field.Path) field.ErrorList {
	given, ok := template[key]
	if !ok || given == nil || given == "" || given == want {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child(key), given, fmt.Sprintf("must be %q, or left out", want))}
}

func validateTemplateMetadata(template map[string]any, obj *typesv1beta1.FederatedObject, target Target, path *field.Path) field.ErrorList {
	metadata, errs := childObject(template, "metadata", path)
	if namespace, ok := metadata["namespace"]; ok && namespace != nil && namespace != "" {
		switch {
		case !target.Namespaced:
			errs = append(errs, field.Forbidden(path.Child("namespace"), fmt.Sprintf("%s is not namespaced", target.Kind)))
		case namespace != obj.Namespace:
			errs = append(errs, field.Invalid(path.Child("namespace"), namespace, fmt.Sprintf("must be the namespace of the federated object, %q, or left out", obj.Namespace)))
		}
	}

	labelsPath := path.Child("labels")
	labels, labelErrs := childStrings(metadata, "labels", labelsPath)
	errs = append(errs, labelErrs...)
	errs = append(errs, metav1validation.ValidateLabels(labels, labelsPath)...)

	annotationsPath := path.Child("annotations")
	annotations, annotationErrs := childStrings(metadata, "annotations", annotationsPath)
	errs = append(errs, annotationErrs...)
	return append(errs, apivalidation.ValidateAnnotations(annotations, annotationsPath)...)
}

// childObject returns the map at key, nil if there is none.
func childObject(parent map[string]any, key string, path *field.Path) (map[string]any, field.ErrorList) {
	switch value := parent[key].(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return value, nil
	default:
		return nil, field.ErrorList{field.TypeInvalid(path, field.OmitValueType{}, "must be an object")}
	}
}

// childStrings returns the map of strings at key, nil if there is none.
func childStrings(parent map[string]any, key string, path *field.Path) (map[string]string, field.ErrorList) {
	object, errs := childObject(parent, key, path)
	values := make(map[string]string, len(object))
	for name, value := range object {
		text, ok := value.(string)
		if !ok {
			errs = append(errs, field.TypeInvalid(path.Key(name), field.OmitValueType{}, "must be a string"))
			continue
		}
		values[name] = text
	}
	return values, errs
}
