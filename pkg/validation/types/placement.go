package types

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// validatePlacement checks names, duplicates and the selector. Clusters that are
// not joined may be named: they may join later.
func validatePlacement(placement *typesv1beta1.Placement, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, cluster := range placement.Clusters {
		namePath := path.Child("clusters").Index(i).Child("name")
		errs = append(errs, validateClusterName(cluster.Name, namePath)...)
		if cluster.Name != "" && seen.Has(cluster.Name) {
			errs = append(errs, field.Duplicate(namePath, cluster.Name))
		}
		seen.Insert(cluster.Name)
	}

	return append(errs, validateSelector(placement.ClusterSelector, path.Child("clusterSelector"))...)
}

// validateSelector checks a selector of clusters; nil is none.
func validateSelector(selector *metav1.LabelSelector, path *field.Path) field.ErrorList {
	errs := metav1validation.ValidateLabelSelector(selector, metav1validation.LabelSelectorValidationOptions{}, path)
	if len(errs) == 0 {
		// The conversion that clusters are selected with has the last word.
		if _, err := metav1.LabelSelectorAsSelector(selector); err != nil {
			errs = append(errs, field.Invalid(path, field.OmitValueType{}, err.Error()))
		}
	}
	return errs
}

// validateClusterName checks the name of a KubeFedCluster.
func validateClusterName(name string, path *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "must be the name of a KubeFedCluster")}
	}
	var errs field.ErrorList
	for _, message := range validation.IsDNS1123Subdomain(name) {
		errs = append(errs, field.Invalid(path, name, message))
	}
	return errs
}
