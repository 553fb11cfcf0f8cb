package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IngressDNSRecordSpec says which names a federated ingress gets.
type IngressDNSRecordSpec struct {
	// hosts are the DNS names.
	// +optional
	// +listType=atomic
	Hosts []string `json:"hosts,omitempty"`
	// recordTTL is how long answers may be kept, in seconds. Default: 180.
	// +optional
	RecordTTL TTL `json:"recordTTL,omitempty"`
}

// ClusterIngressDNS is where an ingress is reached in one cluster.
type ClusterIngressDNS struct {
	// cluster is the name of the member.
	// +optional
	Cluster string `json:"cluster,omitempty"`
	// loadBalancer has the addresses of the ingress.
	// +optional
	LoadBalancer corev1.LoadBalancerStatus `json:"loadBalancer,omitzero"`
}

// IngressDNSRecordStatus is what the names point to.
type IngressDNSRecordStatus struct {
	// dns has an entry for each cluster, by name.
	// +optional
	// +listType=atomic
	DNS []ClusterIngressDNS `json:"dns,omitempty"`
	// observedGeneration is the generation that this status is about. KubeFed did
	// not have it.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready, Published and ExternalDNS. KubeFed did not have them.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// IngressDNSRecord gives the federated ingress of the same name DNS names.
type IngressDNSRecord struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says which names the ingress gets.
	// +optional
	Spec IngressDNSRecordSpec `json:"spec,omitzero"`
	// status is what the names point to.
	// +optional
	Status IngressDNSRecordStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// IngressDNSRecordList is a list of records.
type IngressDNSRecordList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []IngressDNSRecord `json:"items"`
}
