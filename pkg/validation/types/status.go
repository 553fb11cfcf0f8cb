package types

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

var conditionStatuses = sets.New(corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown)

// ValidateFederatedObjectStatusUpdate validates an object whose status
// takes the place of old's. Its metadata is the generic registry's to validate.
func ValidateFederatedObjectStatusUpdate(obj, old *typesv1beta1.FederatedObject) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("status")
	if obj.Status.ObservedGeneration < 0 {
		errs = append(errs, field.Invalid(path.Child("observedGeneration"), obj.Status.ObservedGeneration, "must not be negative"))
	}

	types := sets.New[string]()
	for i, condition := range obj.Status.Conditions {
		conditionPath := path.Child("conditions").Index(i)
		switch {
		case condition.Type == "":
			errs = append(errs, field.Required(conditionPath.Child("type"), ""))
		case types.Has(condition.Type):
			errs = append(errs, field.Duplicate(conditionPath.Child("type"), condition.Type))
		}
		types.Insert(condition.Type)
		if !conditionStatuses.Has(condition.Status) {
			errs = append(errs, field.NotSupported(conditionPath.Child("status"), condition.Status, sets.List(conditionStatuses)))
		}
	}

	clusters := sets.New[string]()
	for i, cluster := range obj.Status.Clusters {
		namePath := path.Child("clusters").Index(i).Child("name")
		switch {
		case cluster.Name == "":
			errs = append(errs, field.Required(namePath, ""))
		case clusters.Has(cluster.Name):
			errs = append(errs, field.Duplicate(namePath, cluster.Name))
		}
		clusters.Insert(cluster.Name)
	}
	return append(errs, validateSize(obj, old)...)
}
