package core

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FederatedServiceClusterStatus is the status of the service in one member.
type FederatedServiceClusterStatus struct {
	// clusterName is the name of the member.
	ClusterName string
	// status of the service there.
	Status corev1.ServiceStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedServiceStatus has the status of the services of a FederatedService of
// the same name in all members.
type FederatedServiceStatus struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// clusterStatus has the status of each member, by name.
	ClusterStatus []FederatedServiceClusterStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedServiceStatusList is a list of statuses.
type FederatedServiceStatusList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []FederatedServiceStatus
}
