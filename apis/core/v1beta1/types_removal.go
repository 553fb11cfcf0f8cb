package v1beta1

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
	TypeConfig string `json:"typeConfig"`
	// namespace of the copies, and of the federated object; that of a
	// FederatedNamespace, which has its name.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the copies, and of the federated object.
	Name string `json:"name"`
	// uid of the federated object that was deleted.
	UID types.UID `json:"uid"`
}

// RemovalCluster is a member in which a copy is to be removed.
type RemovalCluster struct {
	// name of the member.
	Name string `json:"name"`
	// uid of the copy, if it is known. Then no other object is removed.
	// +optional
	UID types.UID `json:"uid,omitempty"`
}

// RemovalOptions say how copies are deleted, as metav1.DeleteOptions do.
type RemovalOptions struct {
	// gracePeriodSeconds, where it is not that of the type.
	// +optional
	GracePeriodSeconds *int64 `json:"gracePeriodSeconds,omitempty"`
	// propagationPolicy is Orphan, Background or Foreground, where it is not that of
	// the type.
	// +optional
	PropagationPolicy *metav1.DeletionPropagation `json:"propagationPolicy,omitempty"`
	// preconditions that a copy must meet.
	// +optional
	Preconditions *metav1.Preconditions `json:"preconditions,omitempty"`
}

// RemovalRequester says who deleted the federated object.
type RemovalRequester struct {
	// user is the name of who did it.
	User string `json:"user"`
	// uid of the user, where the authentication knows one.
	// +optional
	UID string `json:"uid,omitempty"`
	// auditID of the request, by which audit logs have it.
	// +optional
	AuditID string `json:"auditID,omitempty"`
}

// PendingRemovalSpec says what is to be removed where.
type PendingRemovalSpec struct {
	// target are the copies.
	Target RemovalTarget `json:"target"`
	// clusters in which it is still to be done. Nothing but this changes, and it only
	// becomes less.
	// +listType=atomic
	Clusters []RemovalCluster `json:"clusters"`
	// deleteOptions of the federated object.
	// +optional
	DeleteOptions *RemovalOptions `json:"deleteOptions,omitempty"`
	// requestedAt is when the federated object was deleted.
	RequestedAt metav1.Time `json:"requestedAt"`
	// requestedBy says who deleted it, where that is known.
	// +optional
	RequestedBy *RemovalRequester `json:"requestedBy,omitempty"`
	// expiresAt is when it is given up. Without it, it never is.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// PendingRemovalStatus says what is waited for.
type PendingRemovalStatus struct {
	// observedGeneration is the generation that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PendingRemoval is what is left to do of the deletion of a federated object: its
// copies in clusters that could not be reached. The federation makes it in its own
// namespace, carries it out when a cluster is back, and then deletes it. Whoever
// deletes it before gives the removal up: the copies then stay, without the label
// of the federation.
type PendingRemoval struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says what is to be removed where.
	Spec PendingRemovalSpec `json:"spec"`
	// status says what is waited for.
	// +optional
	Status PendingRemovalStatus `json:"status,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PendingRemovalList is a list of removals.
type PendingRemovalList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []PendingRemoval `json:"items"`
}
