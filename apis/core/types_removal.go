package core

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Label of a PendingRemoval, and the conditions of one.
const (
	// RemovalTargetLabel on a PendingRemoval has a hash of the type, namespace and name
	// of the copies, so that they can be asked for.
	RemovalTargetLabel = "core.kubefed.io/removal-target"
	// PendingRemovalReady says whether the copies are removed. A PendingRemoval whose
	// copies all are does not exist any more, so that it is never True.
	PendingRemovalReady = "Ready"
	// ReasonClustersNotReady means that the clusters are waited for.
	ReasonClustersNotReady = "ClustersNotReady"
	// ReasonRemovalFailed means that a cluster refuses the removal; it is tried again.
	ReasonRemovalFailed = "RemovalFailed"
)

// RemovalTarget names the copies to be removed.
type RemovalTarget struct {
	// typeConfig is the name of the FederatedTypeConfig, such as deployments.apps.
	TypeConfig string
	// namespace of the copies, and of the federated object; that of a
	// FederatedNamespace, which has its name.
	Namespace string
	// name of the copies, and of the federated object.
	Name string
	// uid of the federated object that was deleted.
	UID types.UID
}

// RemovalCluster is a member in which a copy is to be removed.
type RemovalCluster struct {
	// name of the member.
	Name string
	// uid of the copy, if it is known. Then no other object is removed.
	UID types.UID
}

// RemovalOptions say how copies are deleted, as metav1.DeleteOptions do.
type RemovalOptions struct {
	// gracePeriodSeconds, where it is not that of the type.
	GracePeriodSeconds *int64
	// propagationPolicy is Orphan, Background or Foreground, where it is not that of
	// the type.
	PropagationPolicy *metav1.DeletionPropagation
	// preconditions that a copy must meet.
	Preconditions *metav1.Preconditions
}

// RemovalRequester says who deleted the federated object.
type RemovalRequester struct {
	// user is the name of who did it.
	User string
	// uid of the user, where the authentication knows one.
	UID string
	// auditID of the request, by which audit logs have it.
	AuditID string
}

// PendingRemovalSpec says what is to be removed where.
type PendingRemovalSpec struct {
	// target are the copies.
	Target RemovalTarget
	// clusters in which it is still to be done. Nothing but this changes, and it only
	// becomes less.
	Clusters []RemovalCluster
	// deleteOptions of the federated object.
	DeleteOptions *RemovalOptions
	// requestedAt is when the federated object was deleted.
	RequestedAt metav1.Time
	// requestedBy says who deleted it, where that is known.
	RequestedBy *RemovalRequester
	// expiresAt is when it is given up. Without it, it never is.
	ExpiresAt *metav1.Time
}

// PendingRemovalStatus says what is waited for.
type PendingRemovalStatus struct {
	// observedGeneration is the generation that this status is about.
	ObservedGeneration int64
	// conditions: Ready.
	Conditions []metav1.Condition
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PendingRemoval is what is left to do of the deletion of a federated object: its
// copies in clusters that could not be reached. The federation makes it in its own
// namespace, carries it out when a cluster is back, and then deletes it. Whoever
// deletes it before gives the removal up: the copies then stay, without the label
// of the federation.
type PendingRemoval struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// spec says what is to be removed where.
	Spec PendingRemovalSpec
	// status says what is waited for.
	Status PendingRemovalStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PendingRemovalList is a list of removals.
type PendingRemovalList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []PendingRemoval
}
