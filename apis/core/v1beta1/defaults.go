package v1beta1

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KnownFeatureGates are the feature gates that exist, with their defaults.
var KnownFeatureGates = map[string]ConfigurationMode{
	PushReconciler:               ConfigurationEnabled,
	RawResourceStatusCollection:  ConfigurationDisabled,
	SchedulerPreferences:         ConfigurationEnabled,
	CrossClusterServiceDiscovery: ConfigurationEnabled,
	FederatedIngress:             ConfigurationEnabled,
}

// storedFeatureGates are written into a configuration that does not name them:
// those of KubeFed v0.10, whose clients compare what is stored with defaults of
// their own. The gates for DNS, which are older, stay away unless they are given.
var storedFeatureGates = []string{PushReconciler, RawResourceStatusCollection, SchedulerPreferences}

// SetDefaults_KubeFedConfig fills in everything but the scope, which the user
// must choose. Gates are sorted by name, as KubeFed sorts them.
func SetDefaults_KubeFedConfig(c *KubeFedConfig) {
	spec := &c.Spec

	durations := ensure(&spec.ControllerDuration)
	defaultDuration(&durations.AvailableDelay, 20*time.Second)
	defaultDuration(&durations.UnavailableDelay, time.Minute)
	defaultDuration(&durations.CacheSyncTimeout, 5*time.Minute)

	election := ensure(&spec.LeaderElect)
	defaultDuration(&election.LeaseDuration, 15*time.Second)
	defaultDuration(&election.RenewDeadline, 10*time.Second)
	defaultDuration(&election.RetryPeriod, 5*time.Second)
	defaultTo(&election.ResourceLock, ConfigMapsResourceLock)

	health := ensure(&spec.ClusterHealthCheck)
	defaultDuration(&health.Period, 10*time.Second)
	defaultTo(&health.FailureThreshold, 3)
	defaultTo(&health.SuccessThreshold, 1)
	defaultDuration(&health.Timeout, 3*time.Second)

	syncing := ensure(&spec.SyncController)
	defaultTo(&syncing.MaxConcurrentReconciles, 1)
	defaultTo(&syncing.AdoptResources, AdoptResourcesEnabled)

	collecting := ensure(&spec.StatusController)
	defaultTo(&collecting.MaxConcurrentReconciles, 1)

	for _, name := range storedFeatureGates {
		named := func(g FeatureGatesConfig) bool { return g.Name == name }
		if !slices.ContainsFunc(spec.FeatureGates, named) {
			spec.FeatureGates = append(spec.FeatureGates, FeatureGatesConfig{Name: name, Configuration: KnownFeatureGates[name]})
		}
	}
	slices.SortStableFunc(spec.FeatureGates, func(a, b FeatureGatesConfig) int { return cmp.Compare(a.Name, b.Name) })
}

// SetDefaults_FederatedTypeConfig derives what the name and the other fields
// already say: the target's plural and group from the name, plurals from kinds,
// and the group and version of the status type from the federated type.
func SetDefaults_FederatedTypeConfig(c *FederatedTypeConfig) {
	plural, group, _ := strings.Cut(c.Name, ".")
	target := &c.Spec.TargetType
	if target.PluralName == "" {
		target.PluralName = plural
	}
	if target.Group == "" {
		target.Group = group
	}

	federated := &c.Spec.FederatedType
	if federated.PluralName == "" {
		federated.PluralName = pluralOf(federated.Kind)
	}

	if status := c.Spec.StatusType; status != nil {
		if status.PluralName == "" {
			status.PluralName = pluralOf(status.Kind)
		}
		if status.Group == "" {
			status.Group = federated.Group
		}
		if status.Version == "" {
			status.Version = federated.Version
		}
	}
}

// pluralOf forms the resource name of a kind as KubeFed does.
func pluralOf(kind string) string {
	name := strings.ToLower(kind)
	if name == "" {
		return ""
	}
	for _, sibilant := range []string{"s", "x", "ch", "sh", "z", "o"} {
		if strings.HasSuffix(name, sibilant) {
			return name + "es"
		}
	}
	if stem, ok := strings.CutSuffix(name, "y"); ok {
		return stem + "ies"
	}
	return name + "s"
}

// ensure makes *field point at a value and returns it.
func ensure[T any](field **T) *T {
	if *field == nil {
		*field = new(T)
	}
	return *field
}

func defaultTo[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

func defaultDuration(field **metav1.Duration, value time.Duration) {
	defaultTo(field, metav1.Duration{Duration: value})
}
