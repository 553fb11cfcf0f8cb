package core

import (
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
)

var (
	scopes        = sets.New(core.ClusterScoped, core.NamespaceScoped)
	resourceLocks = sets.New(core.ConfigMapsResourceLock, core.EndpointsResourceLock)
	adoptions     = sets.New(core.AdoptResourcesEnabled, core.AdoptResourcesDisabled)
	gateModes     = sets.New(core.ConfigurationEnabled, core.ConfigurationDisabled)
	gateNames     = sets.New(core.PushReconciler, core.RawResourceStatusCollection, core.SchedulerPreferences,
		core.CrossClusterServiceDiscovery, core.FederatedIngress)
)

const greaterThanZero = "should be greater than 0"

// ValidateKubeFedConfig validates a configuration that is created, with its
// defaults filled in.
func ValidateKubeFedConfig(config *core.KubeFedConfig) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&config.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateConfigSpec(&config.Spec, field.NewPath("spec"))...)
}

// ValidateKubeFedConfigUpdate validates a configuration that takes the place of
// old. A spec that is not changed is not validated again.
func ValidateKubeFedConfigUpdate(config, old *core.KubeFedConfig) field.ErrorList {
	path := field.NewPath("spec")
	errs := apivalidation.ValidateImmutableField(config.Spec.Scope, old.Spec.Scope, path.Child("scope"))
	if !apiequality.Semantic.DeepEqual(config.Spec, old.Spec) {
		errs = append(errs, validateConfigSpec(&config.Spec, path)...)
	}
	return errs
}

func validateConfigSpec(spec *core.KubeFedConfigSpec, path *field.Path) field.ErrorList {
	errs := validateEnum(spec.Scope, scopes, path.Child("scope"))

	durationPath := path.Child("controllerDuration")
	if duration := spec.ControllerDuration; duration == nil {
		errs = append(errs, field.Required(durationPath, ""))
	} else {
		errs = append(errs, validatePositiveDuration(duration.AvailableDelay, durationPath.Child("availableDelay"))...)
		errs = append(errs, validatePositiveDuration(duration.UnavailableDelay, durationPath.Child("unavailableDelay"))...)
		errs = append(errs, validatePositiveDuration(duration.CacheSyncTimeout, durationPath.Child("cacheSyncTimeout"))...)
	}

	errs = append(errs, validateLeaderElection(spec.LeaderElect, path.Child("leaderElect"))...)
	errs = append(errs, validateFeatureGates(spec.FeatureGates, path.Child("featureGates"))...)

	healthPath := path.Child("clusterHealthCheck")
	if health := spec.ClusterHealthCheck; health == nil {
		errs = append(errs, field.Required(healthPath, ""))
	} else {
		errs = append(errs, validatePositiveDuration(health.Period, healthPath.Child("period"))...)
		errs = append(errs, validatePositive(health.FailureThreshold, healthPath.Child("failureThreshold"))...)
		errs = append(errs, validatePositive(health.SuccessThreshold, healthPath.Child("successThreshold"))...)
		errs = append(errs, validatePositiveDuration(health.Timeout, healthPath.Child("timeout"))...)
	}

	syncPath := path.Child("syncController")
	if syncing := spec.SyncController; syncing == nil {
		errs = append(errs, field.Required(syncPath, ""))
	} else {
		errs = append(errs, validatePositive(syncing.MaxConcurrentReconciles, syncPath.Child("maxConcurrentReconciles"))...)
		errs = append(errs, validateEnumPointer(syncing.AdoptResources, adoptions, syncPath.Child("adoptResources"))...)
	}

	statusPath := path.Child("statusController")
	if collecting := spec.StatusController; collecting == nil {
		errs = append(errs, field.Required(statusPath, ""))
	} else {
		errs = append(errs, validatePositive(collecting.MaxConcurrentReconciles, statusPath.Child("maxConcurrentReconciles"))...)
	}
	return append(errs, validateRemovals(spec.Removals, path.Child("removals"))...)
}

// validateLimit checks a duration that may be missing, and is for ever where it is 0.
func validateLimit(duration *metav1.Duration, path *field.Path) field.ErrorList {
	if duration != nil && duration.Duration < 0 {
		return field.ErrorList{field.Invalid(path, duration.Duration.String(), "must not be negative; 0s means for ever")}
	}
	return nil
}

func validateLeaderElection(election *core.LeaderElectConfig, path *field.Path) field.ErrorList {
	if election == nil {
		return field.ErrorList{field.Required(path, "")}
	}
	errs := validatePositiveDuration(election.LeaseDuration, path.Child("leaseDuration"))
	errs = append(errs, validatePositiveDuration(election.RenewDeadline, path.Child("renewDeadline"))...)
	errs = append(errs, validatePositiveDuration(election.RetryPeriod, path.Child("retryPeriod"))...)
	if len(errs) == 0 {
		lease, renew, retry := election.LeaseDuration.Duration, election.RenewDeadline.Duration, election.RetryPeriod.Duration
		if lease <= renew {
			errs = append(errs, field.Invalid(path.Child("leaseDuration"), lease.String(), "should be greater than renewDeadline, "+renew.String()))
		}
		if shortest := jittered(retry); renew <= shortest {
			errs = append(errs, field.Invalid(path.Child("renewDeadline"), renew.String(), "should be greater than retryPeriod*1.2, "+shortest.String()))
		}
	}
	return append(errs, validateEnumPointer(election.ResourceLock, resourceLocks, path.Child("resourceLock"))...)
}

// jittered is the longest time between two tries of leader election, which
// adds up to a fifth to the period.
func jittered(period time.Duration) time.Duration {
	return period + period/5
}

func validateFeatureGates(gates []core.FeatureGatesConfig, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, gate := range gates {
		gatePath := path.Index(i)
		errs = append(errs, validateEnum(gate.Name, gateNames, gatePath.Child("name"))...)
		if gate.Name != "" && seen.Has(gate.Name) {
			errs = append(errs, field.Duplicate(gatePath.Child("name"), gate.Name))
		}
		seen.Insert(gate.Name)
		errs = append(errs, validateEnum(gate.Configuration, gateModes, gatePath.Child("configuration"))...)
	}
	return errs
}

func validatePositiveDuration(duration *metav1.Duration, path *field.Path) field.ErrorList {
	switch {
	case duration == nil:
		return field.ErrorList{field.Required(path, greaterThanZero)}
	case duration.Duration <= 0:
		return field.ErrorList{field.Invalid(path, duration.Duration.String(), greaterThanZero)}
	}
	return nil
}

func validatePositive(number *int64, path *field.Path) field.ErrorList {
	switch {
	case number == nil:
		return field.ErrorList{field.Required(path, greaterThanZero)}
	case *number <= 0:
		return field.ErrorList{field.Invalid(path, *number, greaterThanZero)}
	}
	return nil
}

func validateEnumPointer[T ~string](value *T, allowed sets.Set[T], path *field.Path) field.ErrorList {
	if value == nil {
		return validateEnum(T(""), allowed, path)
	}
	return validateEnum(*value, allowed, path)
}
