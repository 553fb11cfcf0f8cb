package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TTL is how long a DNS answer may be kept, in seconds.
type TTL int64

// ServiceDNSRecordSpec says which names a federated service gets.
type ServiceDNSRecordSpec struct {
	// domainRef is the name of the Domain that the names are made in.
	DomainRef string `json:"domainRef"`
	// recordTTL is how long answers may be kept, in seconds. Default: 180.
	// +optional
	RecordTTL TTL `json:"recordTTL,omitempty"`
	// dnsPrefix gives the service one more name, PREFIX.DOMAIN.
	// +optional
	DNSPrefix string `json:"dnsPrefix,omitempty"`
	// externalName takes the place of the service's name in its DNS names.
	// +optional
	ExternalName string `json:"externalName,omitempty"`
	// allowServiceWithoutEndpoints publishes load balancers of services that have
	// no ready endpoint.
	// +optional
	AllowServiceWithoutEndpoints bool `json:"allowServiceWithoutEndpoints,omitempty"`
}

// ClusterDNS is where a service is reached in one cluster.
type ClusterDNS struct {
	// cluster is the name of the member.
	// +optional
	Cluster string `json:"cluster,omitempty"`
	// loadBalancer has the addresses of the service's load balancer.
	// +optional
	LoadBalancer corev1.LoadBalancerStatus `json:"loadBalancer,omitzero"`
	// zones of the cluster.
	// +optional
	// +listType=atomic
	Zones []string `json:"zones,omitempty"`
	// region of the cluster.
	// +optional
	Region string `json:"region,omitempty"`
}

// ServiceDNSRecordStatus is what the names are made of.
type ServiceDNSRecordStatus struct {
	// domain is the DNS zone of the Domain that domainRef names.
	// +optional
	Domain string `json:"domain,omitempty"`
	// dns has an entry for each cluster, by name.
	// +optional
	// +listType=atomic
	DNS []ClusterDNS `json:"dns,omitempty"`
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

// ReadyCondition sums up: it is True when the names of a record are published, and
// external-dns, where there is one, can read them.
const ReadyCondition = "Ready"

// PublishedCondition is True when the names of a record are published, and says
// why when they are not.
const PublishedCondition = "Published"

// ExternalDNSCondition is True when the host cluster has the names in the form
// that external-dns reads, and says why when it has not.
const ExternalDNSCondition = "ExternalDNS"

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ServiceDNSRecord gives the federated service of the same name DNS names over
// all clusters, regions and zones.
type ServiceDNSRecord struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says which names the service gets.
	// +optional
	Spec ServiceDNSRecordSpec `json:"spec,omitzero"`
	// status is what the names are made of.
	// +optional
	Status ServiceDNSRecordStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ServiceDNSRecordList is a list of records.
type ServiceDNSRecordList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ServiceDNSRecord `json:"items"`
}
