// Package scheduling validates the group scheduling.kubefed.io.
package scheduling

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubefederation/federation-apiserver/apis/scheduling"
)

// limit bounds every number: spec.replicas of the targets has 32 bits, and sums
// of weights must not overflow.
const limit = math.MaxInt32

// ValidateReplicaSchedulingPreference validates a new preference. That its target
// kind exists is for admission, which knows the kinds.
func ValidateReplicaSchedulingPreference(preference *scheduling.ReplicaSchedulingPreference) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaAccessor(preference, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	path, spec := field.NewPath("spec"), &preference.Spec
	if spec.TargetKind == "" {
		errs = append(errs, field.Required(path.Child("targetKind"), "the federated kind of the object whose replicas are scheduled"))
	}
	if spec.TotalReplicas == nil {
		errs = append(errs, field.Required(path.Child("totalReplicas"), "the number of replicas over all clusters; 0 stops all"))
	} else {
		errs = append(errs, apivalidation.ValidateNonnegativeField(int64(*spec.TotalReplicas), path.Child("totalReplicas"))...)
	}
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(spec.Clusters)) {
		at := path.Child("clusters").Key(name)
		errs = append(errs, validateClusterName(name, at, seen)...)
		errs = append(errs, validateClusterPreferences(spec.Clusters[name], at)...)
	}
	return errs
}

// ValidateReplicaSchedulingPreferenceUpdate validates a changed preference.
func ValidateReplicaSchedulingPreferenceUpdate(preference, old *scheduling.ReplicaSchedulingPreference) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaAccessorUpdate(preference, old, field.NewPath("metadata"))
	errs = append(errs, ValidateReplicaSchedulingPreference(preference)...)
	// What was written into an object of the old kind would stay there.
	return append(errs, apivalidation.ValidateImmutableField(preference.Spec.TargetKind, old.Spec.TargetKind, field.NewPath("spec", "targetKind"))...)
}

// validateClusterName checks a key of spec.clusters. Names of clusters are in
// lower case; a key in upper case stands for the same name, see Warnings.
func validateClusterName(name string, path *field.Path, seen map[string]string) field.ErrorList {
	if name == scheduling.AllClusters {
		return nil
	}
	var errs field.ErrorList
	lower := strings.ToLower(name)
	for _, problem := range validation.IsDNS1123Subdomain(lower) {
		errs = append(errs, field.Invalid(path, name, "must be * or the name of a cluster: "+problem))
	}
	if other, ok := seen[lower]; ok {
		errs = append(errs, field.Invalid(path, name, fmt.Sprintf("names the same cluster as %q", other)))
	}
	seen[lower] = name
	return errs
}

func validateClusterPreferences(preferences scheduling.ClusterPreferences, path *field.Path) field.ErrorList {
	errs := validateNumber(preferences.MinReplicas, path.Child("minReplicas"))
	errs = append(errs, validateNumber(preferences.Weight, path.Child("weight"))...)
	if most := preferences.MaxReplicas; most != nil {
		at := path.Child("maxReplicas")
		errs = append(errs, validateNumber(*most, at)...)
		if *most >= 0 && *most < preferences.MinReplicas {
			errs = append(errs, field.Invalid(at, *most, "must not be less than minReplicas"))
		}
	}
	return errs
}

func validateNumber(n int64, path *field.Path) field.ErrorList {
	if n > limit {
		return field.ErrorList{field.Invalid(path, n, fmt.Sprintf("must be at most %d", limit))}
	}
	return apivalidation.ValidateNonnegativeField(n, path)
}

// Warnings tells of what is allowed and unlikely to be meant.
func Warnings(preference *scheduling.ReplicaSchedulingPreference) []string {
	var warnings []string
	spec, minima := &preference.Spec, int64(0)
	for _, name := range slices.Sorted(maps.Keys(spec.Clusters)) {
		at := field.NewPath("spec", "clusters").Key(name)
		p := spec.Clusters[name]
		minima += p.MinReplicas
		if lower := strings.ToLower(name); lower != name {
			warnings = append(warnings, fmt.Sprintf("%s: names of clusters are in lower case; taken for %q", at, lower))
		}
		if p.Weight == 0 && p.MinReplicas == 0 && (p.MaxReplicas == nil || *p.MaxReplicas > 0) {
			warnings = append(warnings, fmt.Sprintf("%s: without weight and minReplicas no replicas are planned for it", at))
		}
	}
	if total := int64(ptr.Deref(spec.TotalReplicas, 0)); minima > total {
		warnings = append(warnings, fmt.Sprintf("spec.clusters: minReplicas add up to %d, spec.totalReplicas is %d: not every cluster gets its minimum", minima, total))
	}
	return warnings
}
