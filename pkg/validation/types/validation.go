package types

import (
	"bytes"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/validate/content"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// ValidateFederatedObject validates an object that is created.
func ValidateFederatedObject(obj *typesv1beta1.FederatedObject, target Target) field.ErrorList {
	metadataPath := field.NewPath("metadata")
	errs := apivalidation.ValidateObjectMeta(&obj.ObjectMeta, target.federatedNamespaced(), nameFunc(target), metadataPath)
	errs = append(errs, ValidateFinalizers(obj.Finalizers, nil, metadataPath.Child("finalizers"))...)
	errs = append(errs, validateAnnotations(obj.Annotations, nil, metadataPath.Child("annotations"))...)
	errs = append(errs, validateIdentity(obj, target, metadataPath)...)
	errs = append(errs, validateSpec(obj, target, field.NewPath("spec"))...)
	return append(errs, validateSize(obj, nil)...)
}

// ValidateFederatedObjectUpdate validates an object that takes the place of
// old. A spec that is not changed is not validated again, so that an object that
// was stored under other rules can still be labelled, reported on and deleted. The
// rest of the metadata is the generic registry's to validate.
func ValidateFederatedObjectUpdate(obj, old *typesv1beta1.FederatedObject, target Target) field.ErrorList {
	errs := ValidateFinalizers(obj.Finalizers, old.Finalizers, field.NewPath("metadata", "finalizers"))
	errs = append(errs, validateAnnotations(obj.Annotations, old.Annotations, field.NewPath("metadata", "annotations"))...)
	if !sameSpec(obj.Spec, old.Spec) {
		errs = append(errs, validateSpec(obj, target, field.NewPath("spec"))...)
	}
	return append(errs, validateSize(obj, old)...)
}

// sameSpec compares templates by their bytes: reflection would go through them one by one.
func sameSpec(a, b typesv1beta1.FederatedObjectSpec) bool {
	if !bytes.Equal(a.Template.Raw, b.Template.Raw) {
		return false
	}
	a.Template, b.Template = runtime.RawExtension{}, runtime.RawExtension{}
	return apiequality.Semantic.DeepEqual(a, b)
}

// nameFunc is the rule for names of the target type as far as it is known here:
// RBAC allows any path segment, such as system:node; others a DNS-1123 subdomain.
func nameFunc(target Target) apivalidation.ValidateNameFunc {
	if target.group() == "rbac.authorization.k8s.io" {
		return func(name string, prefix bool) []string {
			if prefix {
				return content.IsPathSegmentPrefix(name)
			}
			return content.IsPathSegmentName(name)
		}
	}
	return apivalidation.NameIsDNSSubdomain
}

// standardFinalizers need no domain in their names.
var standardFinalizers = sets.New(metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents)

// ValidateFinalizers refuses new finalizers that nobody can be asked about, as
// they have no domain.
func ValidateFinalizers(finalizers, old []string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	known := sets.New(old...).Union(standardFinalizers)
	for i, name := range finalizers {
		if !known.Has(name) && !strings.Contains(name, "/") {
			errs = append(errs, field.Invalid(path.Index(i), name, "must be qualified with a domain, such as example.com/name"))
		}
	}
	return errs
}

// validateIdentity refuses names that no member can have this object under.
func validateIdentity(obj *typesv1beta1.FederatedObject, target Target, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if target.isCore("Namespace") && obj.Name != "" && obj.Name != obj.Namespace {
		errs = append(errs, field.Invalid(path.Child("name"), obj.Name, "must be the name of the namespace that the object is in"))
	}
	return errs
}

func validateSpec(obj *typesv1beta1.FederatedObject, target Target, path *field.Path) field.ErrorList {
	if reason := ForbiddenTarget(target.group(), target.Kind); reason != "" {
		return field.ErrorList{field.Forbidden(path.Child("template"), reason)}
	}
	errs := validatePlacement(&obj.Spec.Placement, path.Child("placement"))
	templateErrs := validateTemplate(obj, target, path.Child("template"))
	errs = append(errs, templateErrs...)
	return append(errs, validateOverrides(obj, target, len(templateErrs) == 0, path.Child("overrides"))...)
}
