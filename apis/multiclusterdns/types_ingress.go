package multiclusterdns

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IngressDNSRecordSpec says which names a federated ingress gets.
type IngressDNSRecordSpec struct {
	// hosts are the DNS names.
	Hosts []string
	// recordTTL is how long answers may be kept, in seconds. Default: 180.
	RecordTTL TTL
}

// ClusterIngressDNS is where an ingress is reached in one cluster.
type ClusterIngressDNS struct {
	// cluster is the name of the member.
	Cluster string
	// loadBalancer has the addresses of the ingress.
	LoadBalancer corev1.LoadBalancerStatus
}

// IngressDNSRecordStatus is what the names point to.
type IngressDNSRecordStatus struct {
	// dns has an entry for each cluster, by name.
	DNS []ClusterIngressDNS
	// observedGeneration is the generation that this status is about. KubeFed did
	// not have it.
	ObservedGeneration int64
	// conditions: Ready, Published and ExternalDNS. KubeFed did not have them.
	Conditions []metav1.Condition
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// IngressDNSRecord gives the federated ingress of the same name DNS names.
type IngressDNSRecord struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// spec says which names the ingress gets.
	Spec IngressDNSRecordSpec
	// status is what the names point to.
	Status IngressDNSRecordStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// IngressDNSRecordList is a list of records.
type IngressDNSRecordList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []IngressDNSRecord
}
