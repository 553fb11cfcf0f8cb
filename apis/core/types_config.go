package core

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ResourceScope says how far a resource or a control plane reaches.
type ResourceScope string

const (
	// ClusterScoped is all namespaces of a cluster.
	ClusterScoped ResourceScope = "Cluster"
	// NamespaceScoped is one namespace.
	NamespaceScoped ResourceScope = "Namespaced"
)

// ConfigurationMode switches a feature gate.
type ConfigurationMode string

const (
	// ConfigurationEnabled switches a feature on.
	ConfigurationEnabled ConfigurationMode = "Enabled"
	// ConfigurationDisabled switches a feature off.
	ConfigurationDisabled ConfigurationMode = "Disabled"
)

// Names of the feature gates of a KubeFedConfig.
const (
	// PushReconciler propagates federated objects to the members.
	PushReconciler = "PushReconciler"
	// RawResourceStatusCollection copies the status of members' objects.
	RawResourceStatusCollection = "RawResourceStatusCollection"
	// SchedulerPreferences runs the replica scheduler.
	SchedulerPreferences = "SchedulerPreferences"
	// CrossClusterServiceDiscovery keeps the DNS records of Services.
	CrossClusterServiceDiscovery = "CrossClusterServiceDiscovery"
	// FederatedIngress keeps the DNS records of Ingresses.
	FederatedIngress = "FederatedIngress"
)

// ResourceLockType is the kind of object that holds a leader's lease.
type ResourceLockType string

const (
	// ConfigMapsResourceLock is accepted as KubeFed had it; the lock is a Lease all the same.
	ConfigMapsResourceLock ResourceLockType = "configmaps"
	// EndpointsResourceLock is accepted as KubeFed had it; the lock is a Lease all the same.
	EndpointsResourceLock ResourceLockType = "endpoints"
)

// ResourceAdoption says what happens to an object that a member already has.
type ResourceAdoption string

const (
	// AdoptResourcesEnabled takes an existing object over.
	AdoptResourcesEnabled ResourceAdoption = "Enabled"
	// AdoptResourcesDisabled leaves an existing object as it is and reports AlreadyExists.
	AdoptResourcesDisabled ResourceAdoption = "Disabled"
)

// DurationConfig holds the delays of the controllers.
type DurationConfig struct {
	// availableDelay is the time from a member's becoming ready to planning
	// replicas onto it. Propagation to it starts at once. Default 20s.
	AvailableDelay *metav1.Duration
	// unavailableDelay is the time from a member's becoming unready to planning
	// its replicas elsewhere. Statuses tell at once. Default 1m0s.
	UnavailableDelay *metav1.Duration
	// cacheSyncTimeout bounds the wait for a member's first list of a type; after
	// it, objects of the type report CachedRetrievalFailed for the member. Default
	// 5m0s.
	CacheSyncTimeout *metav1.Duration
}

// LeaderElectConfig holds the timing of leader election among replicas.
type LeaderElectConfig struct {
	// leaseDuration is how long a lease holds that is not renewed. Default 15s.
	LeaseDuration *metav1.Duration
	// renewDeadline is how long the leader tries to renew before it gives up.
	// Default 10s; less than leaseDuration.
	RenewDeadline *metav1.Duration
	// retryPeriod is the time between tries. Default 5s; less than
	// renewDeadline/1.2.
	RetryPeriod *metav1.Duration
	// resourceLock is "configmaps" (default) or "endpoints", as KubeFed had it.
	ResourceLock *ResourceLockType
}

// FeatureGatesConfig switches one feature.
type FeatureGatesConfig struct {
	// name of the feature: PushReconciler, RawResourceStatusCollection or
	// SchedulerPreferences.
	Name string
	// configuration is Enabled or Disabled.
	Configuration ConfigurationMode
}

// ClusterHealthCheckConfig says how members are probed.
type ClusterHealthCheckConfig struct {
	// period is the time between two probes of a member. Default 10s.
	Period *metav1.Duration
	// failureThreshold is the number of consecutive failed probes after which a
	// ready member counts as not ready. Default 3.
	FailureThreshold *int64
	// successThreshold is the number of consecutive good probes after which an
	// unready member counts as ready. Default 1.
	SuccessThreshold *int64
	// timeout of one probe. Default 3s.
	Timeout *metav1.Duration
}

// SyncControllerConfig configures the propagation of federated objects.
type SyncControllerConfig struct {
	// maxConcurrentReconciles is the number of objects worked on at once.
	MaxConcurrentReconciles *int64
	// adoptResources says whether an object that a member already has is taken
	// over: Enabled (default) or Disabled.
	AdoptResources *ResourceAdoption
}

// StatusControllerConfig configures the collection of members' status.
type StatusControllerConfig struct {
	// maxConcurrentReconciles is the number of objects worked on at once.
	MaxConcurrentReconciles *int64
}

// RemovalsConfig says how copies are removed from members, and bounds how much may
// go that nobody deleted, as placements or labels of members change.
type RemovalsConfig struct {
	// unreachableAfter is how long a member must not have been ready before the
	// deletion of a federated object waits for it no longer: what is to be removed
	// there is kept as a PendingRemoval until it is back. 0s means that deletions
	// wait for it for ever. Default 15m.
	UnreachableAfter *metav1.Duration
	// giveUpAfter is how long a PendingRemoval is kept. 0s means for ever. Default
	// 720h, which is 30 days.
	GiveUpAfter *metav1.Duration
	// interval in which removals are counted.
	Interval *metav1.Duration
	// clustersPerObject is how many copies one object may lose within the interval:
	// a number, or a percentage.
	ClustersPerObject *intstr.IntOrString
	// objects is how many objects may lose copies within the interval: a number, or
	// a percentage.
	Objects *intstr.IntOrString
	// confirm names the FederatedTypeConfigs of which every removal is to be
	// approved that is not a deletion of the federated object; * is all.
	Confirm []string
	// confirmDeletion names those of which even that is; * is all.
	ConfirmDeletion []string
}

// KubeFedConfigSpec is the configuration of the control plane.
type KubeFedConfigSpec struct {
	// scope is Cluster (the federation acts on all namespaces) or Namespaced
	// (only on its own). Immutable.
	Scope ResourceScope
	// controllerDuration holds the delays of the controllers.
	ControllerDuration *DurationConfig
	// leaderElect holds the timing of leader election.
	LeaderElect *LeaderElectConfig
	// featureGates switch features. Gates that are not named have their default.
	FeatureGates []FeatureGatesConfig
	// clusterHealthCheck says how members are probed.
	ClusterHealthCheck *ClusterHealthCheckConfig
	// syncController configures the propagation of federated objects.
	SyncController *SyncControllerConfig
	// statusController configures the collection of members' status.
	StatusController *StatusControllerConfig
	// removals says how copies are removed from members.
	Removals *RemovalsConfig
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// KubeFedConfig configures the control plane. The one named "kubefed" in the
// system namespace is in force; others are stored and validated only.
type KubeFedConfig struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// spec is the configuration.
	Spec KubeFedConfigSpec
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// KubeFedConfigList is a list of configurations.
type KubeFedConfigList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []KubeFedConfig
}
