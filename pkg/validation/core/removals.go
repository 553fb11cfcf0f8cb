package core

import (
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
)

// validateRemovals validates the bounds of removals, of which nothing has to be
// given.
func validateRemovals(bounds *core.RemovalsConfig, path *field.Path) field.ErrorList {
	if bounds == nil {
		return nil
	}
	errs := validateLimit(bounds.UnreachableAfter, path.Child("unreachableAfter"))
	errs = append(errs, validateLimit(bounds.GiveUpAfter, path.Child("giveUpAfter"))...)
	if bounds.Interval != nil {
		errs = append(errs, validatePositiveDuration(bounds.Interval, path.Child("interval"))...)
	}
	errs = append(errs, validateShare(bounds.ClustersPerObject, path.Child("clustersPerObject"))...)
	errs = append(errs, validateShare(bounds.Objects, path.Child("objects"))...)
	errs = append(errs, validateTypeNames(bounds.Confirm, path.Child("confirm"))...)
	return append(errs, validateTypeNames(bounds.ConfirmDeletion, path.Child("confirmDeletion"))...)
}

// validateShare validates a number, or a percentage; nil is none.
func validateShare(share *intstr.IntOrString, path *field.Path) field.ErrorList {
	if share == nil {
		return nil
	}
	if share.Type == intstr.Int {
		if share.IntVal < 0 {
			return field.ErrorList{field.Invalid(path, share.IntVal, "must not be negative")}
		}
		return nil
	}
	if _, ok := removals.Percentage(share.StrVal); !ok {
		return field.ErrorList{field.Invalid(path, share.StrVal, "must be a number, or a percentage from 0% to 100%")}
	}
	return nil
}

// validateTypeNames validates names of FederatedTypeConfigs, which need not exist.
func validateTypeNames(names []string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, name := range names {
		if seen.Has(name) {
			errs = append(errs, field.Duplicate(path.Index(i), name))
		}
		seen.Insert(name)
		if name == removals.All {
			continue
		}
		for _, message := range apivalidation.NameIsDNSSubdomain(name, false) {
			errs = append(errs, field.Invalid(path.Index(i), name, "must be the name of a FederatedTypeConfig, such as deployments.apps, or *: "+message))
		}
	}
	return errs
}
