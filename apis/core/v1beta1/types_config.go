package v1beta1

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
	// +optional
	AvailableDelay *metav1.Duration `json:"availableDelay,omitempty"`
	// unavailableDelay is the time from a member's becoming unready to planning
	// its replicas elsewhere. Statuses tell at once. Default 1m0s.
	// +optional
	UnavailableDelay *metav1.Duration `json:"unavailableDelay,omitempty"`
	// cacheSyncTimeout bounds the wait for a member's first list of a type; after
	// it, objects of the type report CachedRetrievalFailed for the member. Default
	// 5m0s.
	// +optional
	CacheSyncTimeout *metav1.Duration `json:"cacheSyncTimeout,omitempty"`
}

// LeaderElectConfig holds the timing of leader election among replicas.
type LeaderElectConfig struct {
	// leaseDuration is how long a lease holds that is not renewed. Default 15s.
	// +optional
	LeaseDuration *metav1.Duration `json:"leaseDuration,omitempty"`
	// renewDeadline is how long the leader tries to renew before it gives up.
	// Default 10s; less than leaseDuration.
	// +optional
	RenewDeadline *metav1.Duration `json:"renewDeadline,omitempty"`
	// retryPeriod is the time between tries. Default 5s; less than
	// renewDeadline/1.2.
	// +optional
	RetryPeriod *metav1.Duration `json:"retryPeriod,omitempty"`
	// resourceLock is "configmaps" (default) or "endpoints", as KubeFed had it.
	// +optional
	ResourceLock *ResourceLockType `json:"resourceLock,omitempty"`
}

// FeatureGatesConfig switches one feature.
type FeatureGatesConfig struct {
	// name of the feature: PushReconciler, RawResourceStatusCollection,
	// SchedulerPreferences, CrossClusterServiceDiscovery or FederatedIngress.
	Name string `json:"name"`
	// configuration is Enabled or Disabled.
	Configuration ConfigurationMode `json:"configuration"`
}

// ClusterHealthCheckConfig says how members are probed.
type ClusterHealthCheckConfig struct {
	// period is the time between two probes of a member. Default 10s.
	// +optional
	Period *metav1.Duration `json:"period,omitempty"`
	// failureThreshold is the number of consecutive failed probes after which a
	// ready member counts as not ready. Default 3.
	// +optional
	FailureThreshold *int64 `json:"failureThreshold,omitempty"`
	// successThreshold is the number of consecutive good probes after which an
	// unready member counts as ready. Default 1.
	// +optional
	SuccessThreshold *int64 `json:"successThreshold,omitempty"`
	// timeout of one probe. Default 3s.
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

// SyncControllerConfig configures the propagation of federated objects.
type SyncControllerConfig struct {
	// maxConcurrentReconciles is the number of federated objects looked at at
	// once, if it is more than the server's own minimum of 16. Default 1, as in
	// KubeFed, which therefore changes nothing.
	// +optional
	MaxConcurrentReconciles *int64 `json:"maxConcurrentReconciles,omitempty"`
	// adoptResources says whether an object that a member already has is taken
	// over: Enabled (default) or Disabled.
	// +optional
	AdoptResources *ResourceAdoption `json:"adoptResources,omitempty"`
}

// StatusControllerConfig configures the collection of members' status.
type StatusControllerConfig struct {
	// maxConcurrentReconciles is accepted as KubeFed had it. Status comes with the
	// observation of members and has no workers of its own. Default 1.
	// +optional
	MaxConcurrentReconciles *int64 `json:"maxConcurrentReconciles,omitempty"`
}

// RemovalsConfig says how copies are removed from members, and bounds how much may
// go that nobody deleted, as placements or labels of members change.
type RemovalsConfig struct {
	// unreachableAfter is how long a member must not have been ready before the
	// deletion of a federated object waits for it no longer: what is to be removed
	// there is kept as a PendingRemoval until it is back. 0s means that deletions
	// wait for it for ever. Default 15m.
	// +optional
	UnreachableAfter *metav1.Duration `json:"unreachableAfter,omitempty"`
	// giveUpAfter is how long a PendingRemoval is kept. 0s means for ever. Default
	// 720h, which is 30 days.
	// +optional
	GiveUpAfter *metav1.Duration `json:"giveUpAfter,omitempty"`
	// interval in which removals are counted. Default 10m0s.
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`
	// clustersPerObject is how many copies one object may lose within the interval:
	// a number, or a percentage of those that it had, rounded down, which is always
	// at least 1. 0 has every removal approved. Default 10%.
	// +optional
	ClustersPerObject *intstr.IntOrString `json:"clustersPerObject,omitempty"`
	// objects is how many objects may lose copies within the interval: a number, or
	// a percentage of all federated objects, rounded down, which is always at least
	// 20. Default 5%.
	// +optional
	Objects *intstr.IntOrString `json:"objects,omitempty"`
	// confirm names the FederatedTypeConfigs of which every removal is to be
	// approved that is not a deletion of the federated object; * is all. Default:
	// namespaces, customresourcedefinitions.apiextensions.k8s.io and
	// persistentvolumeclaims.
	// +optional
	// +listType=set
	Confirm []string `json:"confirm,omitzero"`
	// confirmDeletion names the FederatedTypeConfigs of which the removal of copies
	// is to be approved even where the federated object is deleted; * is all.
	// Default: none.
	// +optional
	// +listType=set
	ConfirmDeletion []string `json:"confirmDeletion,omitzero"`
}

// KubeFedConfigSpec is the configuration of the control plane.
type KubeFedConfigSpec struct {
	// scope is Cluster (the federation acts on all namespaces) or Namespaced
	// (only on its own). Immutable.
	Scope ResourceScope `json:"scope"`
	// controllerDuration holds the delays of the controllers.
	// +optional
	ControllerDuration *DurationConfig `json:"controllerDuration,omitempty"`
	// leaderElect holds the timing of leader election.
	// +optional
	LeaderElect *LeaderElectConfig `json:"leaderElect,omitempty"`
	// featureGates switch features. Gates that are not named have their default:
	// Enabled for all but RawResourceStatusCollection.
	// +optional
	// +listType=map
	// +listMapKey=name
	FeatureGates []FeatureGatesConfig `json:"featureGates,omitempty"`
	// clusterHealthCheck says how members are probed.
	// +optional
	ClusterHealthCheck *ClusterHealthCheckConfig `json:"clusterHealthCheck,omitempty"`
	// syncController configures the propagation of federated objects.
	// +optional
	SyncController *SyncControllerConfig `json:"syncController,omitempty"`
	// statusController configures the collection of members' status.
	// +optional
	StatusController *StatusControllerConfig `json:"statusController,omitempty"`
	// removals says how copies are removed from members.
	// +optional
	Removals *RemovalsConfig `json:"removals,omitempty"`
}

// +genclient
// +genclient:noStatus
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// KubeFedConfig configures the control plane. The one named "kubefed" in the
// system namespace is in force; others are stored and validated only.
type KubeFedConfig struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the configuration.
	Spec KubeFedConfigSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// KubeFedConfigList is a list of configurations.
type KubeFedConfigList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []KubeFedConfig `json:"items"`
}
