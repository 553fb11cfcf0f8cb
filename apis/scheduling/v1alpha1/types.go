package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// AllClusters as a key of spec.clusters holds for every cluster that has no
	// key of its own.
	AllClusters = "*"
)

const (
	// SchedulingFinalizer keeps a ReplicaSchedulingPreference until what it wrote
	// into the federated object has been taken back.
	SchedulingFinalizer = "kubefed.io/replica-scheduling"
	// SchedulingAnnotation on a federated object records what its preference wrote
	// into it and what was there before, as JSON.
	SchedulingAnnotation = "kubefed.io/replica-scheduling"
)

// Types of the conditions of a ReplicaSchedulingPreference.
const (
	// ReadyCondition sums up: it is True when the preferences are met, the federated
	// object asks for that, and as many replicas are ready.
	ReadyCondition = "Ready"
	// ScheduledCondition is True when the federated object asks for the replicas
	// that were planned.
	ScheduledCondition = "Scheduled"
	// UnsatisfiableCondition is True when the preferences cannot all be met; its
	// message has the numbers. It is False otherwise.
	UnsatisfiableCondition = "Unsatisfiable"
)

// Reasons of the condition Scheduled.
const (
	// ReasonScheduled means that the federated object asks for the plan.
	ReasonScheduled = "Scheduled"
	// ReasonSchedulingDisabled means that the feature gate SchedulerPreferences is off.
	ReasonSchedulingDisabled = "SchedulingDisabled"
	// ReasonTypeNotEnabled means that no type with this federated kind is propagated.
	ReasonTypeNotEnabled = "TypeNotEnabled"
	// ReasonTargetHasNoReplicas means that the target type has no spec.replicas.
	ReasonTargetHasNoReplicas = "TargetHasNoReplicas"
	// ReasonTargetNotFound means that there is no federated object of this name.
	ReasonTargetNotFound = "TargetNotFound"
	// ReasonTargetDeleting means that the federated object is being deleted.
	ReasonTargetDeleting = "TargetDeleting"
	// ReasonNoClusters means that no ready cluster may be planned for.
	ReasonNoClusters = "NoClusters"
	// ReasonNamespaceNotFederated means that the namespace has no FederatedNamespace
	// to take a selector from.
	ReasonNamespaceNotFederated = "NamespaceNotFederated"
	// ReasonInvalidPlacement means that a selector cannot be evaluated.
	ReasonInvalidPlacement = "InvalidPlacement"
	// ReasonReplicasRetained means that spec.retainReplicas of the federated object
	// leaves replicas to the members; nothing is planned.
	ReasonReplicasRetained = "ReplicasRetained"
	// ReasonReplicasContended means that something in a member sets spec.replicas too.
	ReasonReplicasContended = "ReplicasContended"
	// ReasonUpdateRefused means that the federated object cannot be written.
	ReasonUpdateRefused = "UpdateRefused"
)

// Reasons of the condition Unsatisfiable.
const (
	// ReasonSatisfiable means that all preferences are met.
	ReasonSatisfiable = "Satisfiable"
	// ReasonMinimumAboveTotal means that the minima add up to more than the total.
	ReasonMinimumAboveTotal = "MinimumAboveTotal"
	// ReasonInsufficientCapacity means that clusters have no room for all replicas.
	ReasonInsufficientCapacity = "InsufficientCapacity"
	// ReasonLimitsBelowTotal means that maxima, and weights of 0, leave replicas over.
	ReasonLimitsBelowTotal = "LimitsBelowTotal"
)

// ClusterPreferences are the limits and the weight of one cluster.
type ClusterPreferences struct {
	// minReplicas is how many replicas the cluster gets before any are shared out
	// by weight, as far as the total suffices. Default: 0.
	// +optional
	MinReplicas int64 `json:"minReplicas,omitempty"`
	// maxReplicas is the most that the cluster may get. Default: no limit.
	// +optional
	MaxReplicas *int64 `json:"maxReplicas,omitempty"`
	// weight is the cluster's share of the replicas that remain after all minima,
	// relative to the sum of weights. With 0 it gets its minimum only.
	// +optional
	Weight int64 `json:"weight,omitempty"`
}

// ReplicaSchedulingPreferenceSpec says how replicas are shared out.
type ReplicaSchedulingPreferenceSpec struct {
	// targetKind is the federated kind of the object whose replicas are scheduled,
	// such as FederatedDeployment. The object has the name and the namespace of
	// the preference.
	TargetKind string `json:"targetKind"`
	// totalReplicas is the number of replicas over all clusters. It must be given; 0
	// stops all.
	TotalReplicas *int32 `json:"totalReplicas"`
	// rebalance lets replicas that already run move to other clusters. Default:
	// false.
	// +optional
	Rebalance bool `json:"rebalance,omitempty"`
	// intersectWithClusterSelector confines the replicas to clusters that the
	// clusterSelectors of the federated object and of its FederatedNamespace
	// select. Default: false.
	// +optional
	IntersectWithClusterSelector bool `json:"intersectWithClusterSelector,omitempty"`
	// clusters has the preferences by cluster name; the key * is for all others.
	// Without any, replicas are shared out evenly over all clusters.
	// +optional
	Clusters map[string]ClusterPreferences `json:"clusters,omitempty"`
}

// ClusterReplicas is what is planned for and seen in one cluster.
type ClusterReplicas struct {
	// name of the cluster.
	Name string `json:"name"`
	// planned is how many replicas the cluster shall run.
	Planned int64 `json:"planned"`
	// current is how many replicas the object in the cluster asks for.
	// +optional
	Current int64 `json:"current,omitempty"`
	// ready is how many of them are ready.
	// +optional
	Ready int64 `json:"ready,omitempty"`
	// unschedulable is how many of them found no node for more than a minute.
	// +optional
	Unschedulable int64 `json:"unschedulable,omitempty"`
	// capacity is how many replicas the cluster had room for when some of them found
	// no node; absent where that is not known.
	// +optional
	Capacity *int64 `json:"capacity,omitempty"`
	// capacityTime is when capacity was found out. Later, a little more is tried.
	// +optional
	CapacityTime *metav1.Time `json:"capacityTime,omitempty"`
	// message explains a number that cannot be had, or that is not the planned one.
	// +optional
	Message string `json:"message,omitempty"`
}

// ReplicaSchedulingPreferenceStatus is the plan and how far it is carried out.
// KubeFed had none.
type ReplicaSchedulingPreferenceStatus struct {
	// observedGeneration is the generation that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready, Scheduled, Unsatisfiable.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// planned is the sum over clusters of what is planned.
	// +optional
	Planned int64 `json:"planned,omitempty"`
	// current is the sum over clusters of what the objects ask for.
	// +optional
	Current int64 `json:"current,omitempty"`
	// ready is the sum over clusters of what is ready.
	// +optional
	Ready int64 `json:"ready,omitempty"`
	// clusters has the numbers of each cluster, by name.
	// +optional
	// +listType=map
	// +listMapKey=name
	Clusters []ClusterReplicas `json:"clusters,omitempty"`
}

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ReplicaSchedulingPreference shares the replicas of the federated object of the
// same name out over clusters.
type ReplicaSchedulingPreference struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says how replicas are shared out.
	Spec ReplicaSchedulingPreferenceSpec `json:"spec"`
	// status is the plan and how far it is carried out.
	// +optional
	Status ReplicaSchedulingPreferenceStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ReplicaSchedulingPreferenceList is a list of preferences.
type ReplicaSchedulingPreferenceList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ReplicaSchedulingPreference `json:"items"`
}
