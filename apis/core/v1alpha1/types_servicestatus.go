package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FederatedServiceClusterStatus is the status of the service in one member.
type FederatedServiceClusterStatus struct {
	// clusterName is the name of the member.
	// +optional
	ClusterName string `json:"clusterName,omitempty"`
	// status of the service there.
	// +optional
	Status corev1.ServiceStatus `json:"status,omitzero"`
}

// +genclient
// +genclient:noStatus
// +genclient:onlyVerbs=get,list,watch
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedServiceStatus has the status of the services of a FederatedService of
// the same name in all members.
type FederatedServiceStatus struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// clusterStatus has the status of each member, by name.
	// +optional
	// +listType=atomic
	ClusterStatus []FederatedServiceClusterStatus `json:"clusterStatus,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedServiceStatusList is a list of statuses.
type FederatedServiceStatusList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []FederatedServiceStatus `json:"items"`
}
