package core

import (
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/validate/content"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
)

var propagationPolicies = sets.New(metav1.DeletePropagationOrphan, metav1.DeletePropagationBackground, metav1.DeletePropagationForeground)

// ValidatePendingRemoval validates a removal that is created.
func ValidatePendingRemoval(removal *core.PendingRemoval) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&removal.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateRemovalSpec(&removal.Spec, field.NewPath("spec"))...)
}

// ValidatePendingRemovalUpdate validates a removal that takes the place of old:
// clusters may be taken out, but for the last one.
func ValidatePendingRemovalUpdate(removal, old *core.PendingRemoval) field.ErrorList {
	spec := field.NewPath("spec")
	before := make(map[string]core.RemovalCluster, len(old.Spec.Clusters))
	for _, cluster := range old.Spec.Clusters {
		before[cluster.Name] = cluster
	}
	errs := validateRemovalClusters(removal.Spec.Clusters, spec.Child("clusters"))
	for i, cluster := range removal.Spec.Clusters {
		if before[cluster.Name] != cluster {
			errs = append(errs, field.Forbidden(spec.Child("clusters").Index(i), "clusters may be taken out, not added or changed"))
		}
	}
	rest := removal.Spec
	rest.Clusters = old.Spec.Clusters
	if !apiequality.Semantic.DeepEqual(rest, old.Spec) {
		errs = append(errs, field.Forbidden(spec, "nothing but clusters may change: what is to be removed is what somebody has deleted"))
	}
	return errs
}

// ValidatePendingRemovalStatus validates a removal whose status is written.
func ValidatePendingRemovalStatus(removal *core.PendingRemoval) field.ErrorList {
	return metav1validation.ValidateConditions(removal.Status.Conditions, field.NewPath("status", "conditions"))
}

func validateRemovalSpec(spec *core.PendingRemovalSpec, parent *field.Path) field.ErrorList {
	errs := validateRemovalTarget(&spec.Target, parent.Child("target"))
	errs = append(errs, validateRemovalClusters(spec.Clusters, parent.Child("clusters"))...)
	if options := spec.DeleteOptions; options != nil {
		at := parent.Child("deleteOptions")
		if seconds := options.GracePeriodSeconds; seconds != nil && *seconds < 0 {
			errs = append(errs, field.Invalid(at.Child("gracePeriodSeconds"), *seconds, apivalidation.IsNegativeErrorMsg))
		}
		if policy := options.PropagationPolicy; policy != nil {
			errs = append(errs, validateEnum(*policy, propagationPolicies, at.Child("propagationPolicy"))...)
		}
	}
	if spec.RequestedAt.IsZero() {
		errs = append(errs, field.Required(parent.Child("requestedAt"), "must be when the removal was asked for"))
	}
	if by := spec.RequestedBy; by != nil && by.User == "" {
		errs = append(errs, field.Required(parent.Child("requestedBy", "user"), "must be a name, or requestedBy must be absent"))
	}
	return errs
}

func validateRemovalTarget(target *core.RemovalTarget, parent *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, message := range apivalidation.NameIsDNSSubdomain(target.TypeConfig, false) {
		errs = append(errs, field.Invalid(parent.Child("typeConfig"), target.TypeConfig, "must be the name of a FederatedTypeConfig: "+message))
	}
	if target.Namespace != "" {
		for _, message := range apivalidation.ValidateNamespaceName(target.Namespace, false) {
			errs = append(errs, field.Invalid(parent.Child("namespace"), target.Namespace, message))
		}
	}
	// Some types allow more than others.
	if target.Name == "" {
		errs = append(errs, field.Required(parent.Child("name"), "must be the name of the copies"))
	} else if len(target.Name) > validation.DNS1123SubdomainMaxLength {
		errs = append(errs, field.TooLong(parent.Child("name"), target.Name, validation.DNS1123SubdomainMaxLength))
	}
	for _, message := range content.IsPathSegmentName(target.Name) {
		errs = append(errs, field.Invalid(parent.Child("name"), target.Name, message))
	}
	return append(errs, validateUID(target.UID, true, parent.Child("uid"))...)
}

func validateRemovalClusters(clusters []core.RemovalCluster, parent *field.Path) field.ErrorList {
	if len(clusters) == 0 {
		return field.ErrorList{field.Required(parent, "must name a cluster: a removal with nothing left to do is deleted")}
	}
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, cluster := range clusters {
		at := parent.Index(i)
		for _, message := range apivalidation.NameIsDNSSubdomain(cluster.Name, false) {
			errs = append(errs, field.Invalid(at.Child("name"), cluster.Name, message))
		}
		if seen.Has(cluster.Name) {
			errs = append(errs, field.Duplicate(at.Child("name"), cluster.Name))
		}
		seen.Insert(cluster.Name)
		errs = append(errs, validateUID(cluster.UID, false, at.Child("uid"))...)
	}
	return errs
}

const maxUIDLength = 128

func validateUID(uid types.UID, required bool, at *field.Path) field.ErrorList {
	switch {
	case uid == "" && required:
		return field.ErrorList{field.Required(at, "must be that of the federated object")}
	case len(uid) > maxUIDLength:
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, fmt.Sprintf("must have at most %d characters", maxUIDLength))}
	}
	return nil
}
