package scheduling

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// AllClusters as a key of spec.clusters holds for every cluster that has no
	// key of its own.
	AllClusters = "*"
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

// ClusterPreferences are the limits and the weight of one cluster.
type ClusterPreferences struct {
	// minReplicas is how many replicas the cluster gets before any are shared out
	// by weight, as far as the total suffices. Default: 0.
	MinReplicas int64
	// maxReplicas is the most that the cluster may get. Default: no limit.
	MaxReplicas *int64
	// weight is the cluster's share of the replicas that remain after all minima,
	// relative to the sum of weights. With 0 it gets its minimum only.
	Weight int64
}

// ReplicaSchedulingPreferenceSpec says how replicas are shared out.
type ReplicaSchedulingPreferenceSpec struct {
	// targetKind is the federated kind of the object whose replicas are scheduled,
	// such as FederatedDeployment. The object has the name and the namespace of
	// the preference.
	TargetKind string
	// totalReplicas is the number of replicas over all clusters. It must be given; 0
	// stops all.
	TotalReplicas *int32
	// rebalance lets replicas that already run move to other clusters. Default:
	// false.
	Rebalance bool
	// intersectWithClusterSelector confines the replicas to clusters that the
	// clusterSelectors of the federated object and of its FederatedNamespace
	// select. Default: false.
	IntersectWithClusterSelector bool
	// clusters has the preferences by cluster name; the key * is for all others.
	// Without any, replicas are shared out evenly over all clusters.
	Clusters map[string]ClusterPreferences
}

// ClusterReplicas is what is planned for and seen in one cluster.
type ClusterReplicas struct {
	// name of the cluster.
	Name string
	// planned is how many replicas the cluster shall run.
	Planned int64
	// current is how many replicas the object in the cluster asks for.
	Current int64
	// ready is how many of them are ready.
	Ready int64
	// unschedulable is how many of them found no node for more than a minute.
	Unschedulable int64
	// capacity is how many replicas the cluster had room for when some of them found
	// no node; absent where that is not known.
	Capacity *int64
	// capacityTime is when capacity was found out. Later, a little more is tried.
	CapacityTime *metav1.Time
	// message explains a number that cannot be had, or that is not the planned one.
	Message string
}

// ReplicaSchedulingPreferenceStatus is the plan and how far it is carried out.
// KubeFed had none.
type ReplicaSchedulingPreferenceStatus struct {
	// observedGeneration is the generation that this status is about.
	ObservedGeneration int64
	// conditions: Ready, Scheduled, Unsatisfiable.
	Conditions []metav1.Condition
	// planned is the sum over clusters of what is planned.
	Planned int64
	// current is the sum over clusters of what the objects ask for.
	Current int64
	// ready is the sum over clusters of what is ready.
	Ready int64
	// clusters has the numbers of each cluster, by name.
	Clusters []ClusterReplicas
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ReplicaSchedulingPreference shares the replicas of the federated object of the
// same name out over clusters.
type ReplicaSchedulingPreference struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// spec says how replicas are shared out.
	Spec ReplicaSchedulingPreferenceSpec
	// status is the plan and how far it is carried out.
	Status ReplicaSchedulingPreferenceStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ReplicaSchedulingPreferenceList is a list of preferences.
type ReplicaSchedulingPreferenceList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []ReplicaSchedulingPreference
}
