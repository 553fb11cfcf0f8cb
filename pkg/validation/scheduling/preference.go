// Package scheduling validates the group scheduling.kubefed.io.
package scheduling

import (
	"maps"
	"slices"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/scheduling"
)

// ValidateReplicaSchedulingPreference validates a preference.
func ValidateReplicaSchedulingPreference(preference *scheduling.ReplicaSchedulingPreference) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaAccessor(preference, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	path, spec := field.NewPath("spec"), &preference.Spec
	if spec.TargetKind == "" {
		errs = append(errs, field.Required(path.Child("targetKind"), "the federated kind of the object whose replicas are scheduled"))
	}
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(spec.TotalReplicas), path.Child("totalReplicas"))...)
	for _, name := range slices.Sorted(maps.Keys(spec.Clusters)) {
		errs = append(errs, validateClusterPreferences(spec.Clusters[name], path.Child("clusters").Key(name))...)
	}
	return errs
}

func validateClusterPreferences(preferences scheduling.ClusterPreferences, path *field.Path) field.ErrorList {
	errs := apivalidation.ValidateNonnegativeField(preferences.MinReplicas, path.Child("minReplicas"))
	errs = append(errs, apivalidation.ValidateNonnegativeField(preferences.Weight, path.Child("weight"))...)
	if limit := preferences.MaxReplicas; limit != nil && *limit < preferences.MinReplicas {
		errs = append(errs, field.Invalid(path.Child("maxReplicas"), *limit, "must not be less than minReplicas"))
	}
	return errs
}
