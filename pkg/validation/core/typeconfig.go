package core

import (
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
	typesvalidation "github.com/kubefederation/federation-apiserver/pkg/validation/types"
)

var (
	propagationModes   = sets.New(core.PropagationEnabled, core.PropagationDisabled)
	collectionModes    = sets.New(core.StatusCollectionEnabled, core.StatusCollectionDisabled)
	templateOwnerships = sets.New(core.TemplateOwnershipGranular, core.TemplateOwnershipAtomic)
	controllerStatuses = sets.New(core.ControllerStatusRunning, core.ControllerStatusNotRunning)
)

// ValidateFederatedTypeConfig validates a type that is federated anew, with its
// defaults filled in.
func ValidateFederatedTypeConfig(config *core.FederatedTypeConfig) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&config.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateTypeConfigSpec(config)...)
}

// ValidateFederatedTypeConfigUpdate validates a type config that takes the place
// of old. What is federated as what is immutable, as objects are stored under
// it; the version of the target is not. A spec that is not changed is not
// validated again.
func ValidateFederatedTypeConfigUpdate(config, old *core.FederatedTypeConfig) field.ErrorList {
	path := field.NewPath("spec")
	errs := immutableResource(&config.Spec.TargetType, &old.Spec.TargetType, path.Child("targetType"))
	errs = append(errs, immutableResource(&config.Spec.FederatedType, &old.Spec.FederatedType, path.Child("federatedType"))...)
	errs = append(errs, apivalidation.ValidateImmutableField(config.Spec.FederatedType.Version, old.Spec.FederatedType.Version, path.Child("federatedType", "version"))...)
	if !apiequality.Semantic.DeepEqual(config.Spec, old.Spec) {
		errs = append(errs, validateTypeConfigSpec(config)...)
	}
	return errs
}

// ValidateFederatedTypeConfigStatusUpdate validates a type config whose status
// is written.
func ValidateFederatedTypeConfigStatusUpdate(config *core.FederatedTypeConfig) field.ErrorList {
	path := field.NewPath("status")
	var errs field.ErrorList
	status := &config.Status
	if status.ObservedGeneration < 0 {
		errs = append(errs, field.Invalid(path.Child("observedGeneration"), status.ObservedGeneration, "should be greater than or equal to 0"))
	}
	errs = append(errs, validateEnum(status.PropagationController, controllerStatuses, path.Child("propagationController"))...)
	if status.StatusController != nil {
		errs = append(errs, validateEnum(*status.StatusController, controllerStatuses, path.Child("statusController"))...)
	}
	return append(errs, metav1validation.ValidateConditions(status.Conditions, path.Child("conditions"))...)
}

// immutableResource refuses a change of anything but the version.
func immutableResource(resource, old *core.APIResource, path *field.Path) field.ErrorList {
	errs := apivalidation.ValidateImmutableField(resource.Group, old.Group, path.Child("group"))
	errs = append(errs, apivalidation.ValidateImmutableField(resource.Kind, old.Kind, path.Child("kind"))...)
	errs = append(errs, apivalidation.ValidateImmutableField(resource.PluralName, old.PluralName, path.Child("pluralName"))...)
	return append(errs, apivalidation.ValidateImmutableField(resource.Scope, old.Scope, path.Child("scope"))...)
}

func validateTypeConfigSpec(config *core.FederatedTypeConfig) field.ErrorList {
	var errs field.ErrorList
	spec := &config.Spec
	path := field.NewPath("spec")

	if config.Name != targetName(&spec.TargetType) {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), config.Name, "name must be 'TARGET_PLURAL_NAME(.TARGET_GROUP_NAME)'"))
	}
	targetPath := path.Child("targetType")
	if spec.TargetType.Group != "" {
		for _, message := range validation.IsDNS1123Subdomain(spec.TargetType.Group) {
			errs = append(errs, field.Invalid(targetPath.Child("group"), spec.TargetType.Group, message))
		}
	}
	errs = append(errs, validateResource(&spec.TargetType, targetPath)...)
	if reason := typesvalidation.ForbiddenTarget(spec.TargetType.Group, spec.TargetType.Kind); reason != "" {
		errs = append(errs, field.Forbidden(targetPath, reason))
	}

	errs = append(errs, validateEnum(spec.Propagation, propagationModes, path.Child("propagation"))...)
	federatedPath := path.Child("federatedType")
	errs = append(errs, validateFederatedGroup(spec.FederatedType.Group, federatedPath.Child("group"))...)
	errs = append(errs, validateResource(&spec.FederatedType, federatedPath)...)
	errs = append(errs, validateFederatedScope(spec, path)...)

	if spec.StatusType != nil {
		statusPath := path.Child("statusType")
		errs = append(errs, validateFederatedGroup(spec.StatusType.Group, statusPath.Child("group"))...)
		errs = append(errs, validateResource(spec.StatusType, statusPath)...)
	}
	if spec.StatusCollection != nil {
		errs = append(errs, validateEnum(*spec.StatusCollection, collectionModes, path.Child("statusCollection"))...)
	}
	if spec.TemplateOwnership != nil {
		errs = append(errs, validateEnum(*spec.TemplateOwnership, templateOwnerships, path.Child("templateOwnership"))...)
	}
	return errs
}

// targetName is the name that a type config must have.
func targetName(target *core.APIResource) string {
	if target.Group == "" {
		return target.PluralName
	}
	return target.PluralName + "." + target.Group
}

func validateResource(resource *core.APIResource, path *field.Path) field.ErrorList {
	errs := validateDNS1035(resource.Version, resource.Version, path.Child("version"))
	errs = append(errs, validateDNS1035(resource.Kind, strings.ToLower(resource.Kind), path.Child("kind"))...)
	errs = append(errs, validateDNS1035(resource.PluralName, resource.PluralName, path.Child("pluralName"))...)
	return append(errs, validateEnum(resource.Scope, scopes, path.Child("scope"))...)
}

// validateDNS1035 checks the label made of a given value.
func validateDNS1035(given, label string, path *field.Path) field.ErrorList {
	if given == "" {
		return field.ErrorList{field.Required(path, "")}
	}
	var errs field.ErrorList
	for _, message := range validation.IsDNS1035Label(label) {
		errs = append(errs, field.Invalid(path, given, message))
	}
	return errs
}

func validateFederatedGroup(group string, path *field.Path) field.ErrorList {
	if group == "" {
		return field.ErrorList{field.Required(path, "should be a domain with at least one dot")}
	}
	var errs field.ErrorList
	for _, message := range validation.IsDNS1123Subdomain(group) {
		errs = append(errs, field.Invalid(path, group, message))
	}
	if !strings.Contains(group, ".") {
		errs = append(errs, field.Invalid(path, group, "should be a domain with at least one dot"))
	}
	return errs
}

// validateFederatedScope checks that federated objects are where their targets
// are. Namespaces are the exception: a FederatedNamespace is in its namespace.
func validateFederatedScope(spec *core.FederatedTypeConfigSpec, path *field.Path) field.ErrorList {
	target, federated := spec.TargetType.Scope, spec.FederatedType.Scope
	if !scopes.Has(target) || !scopes.Has(federated) {
		return nil
	}
	federatedPath := path.Child("federatedType", "scope")
	if spec.TargetType.Group == "" && spec.TargetType.Kind == "Namespace" {
		var errs field.ErrorList
		if target != core.ClusterScoped {
			errs = append(errs, field.Invalid(path.Child("targetType", "scope"), target, "must be Cluster for namespaces"))
		}
		if federated != core.NamespaceScoped {
			errs = append(errs, field.Invalid(federatedPath, federated, "must be Namespaced for namespaces"))
		}
		return errs
	}
	if federated != target {
		return field.ErrorList{field.Invalid(federatedPath, federated, "must be the scope of the target type")}
	}
	return nil
}
