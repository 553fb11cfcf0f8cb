package multiclusterdns

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TTL is how long a DNS answer may be kept, in seconds.
type TTL int64

// ServiceDNSRecordSpec says which names a federated service gets.
type ServiceDNSRecordSpec struct {
	// domainRef is the name of the Domain that the names are made in.
	DomainRef string
	// recordTTL is how long answers may be kept, in seconds. Default: 180.
	RecordTTL TTL
	// dnsPrefix gives the service one more name, PREFIX.DOMAIN.
	DNSPrefix string
	// externalName takes the place of the service's name in its DNS names.
	ExternalName string
	// allowServiceWithoutEndpoints publishes load balancers of services that have
	// no ready endpoint.
	AllowServiceWithoutEndpoints bool
}

// ClusterDNS is where a service is reached in one cluster.
type ClusterDNS struct {
	// cluster is the name of the member.
	Cluster string
	// loadBalancer has the addresses of the service's load balancer.
	LoadBalancer corev1.LoadBalancerStatus
	// zones of the cluster.
	Zones []string
	// region of the cluster.
	Region string
}

// ServiceDNSRecordStatus is what the names are made of.
type ServiceDNSRecordStatus struct {
	// domain is the DNS zone of the Domain that domainRef names.
	Domain string
	// dns has an entry for each cluster, by name.
	DNS []ClusterDNS
	// observedGeneration is the generation that this status is about. KubeFed did
	// not have it.
	ObservedGeneration int64
	// conditions: Ready, Published and ExternalDNS. KubeFed did not have them.
	Conditions []metav1.Condition
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

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ServiceDNSRecord gives the federated service of the same name DNS names over
// all clusters, regions and zones.
type ServiceDNSRecord struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// spec says which names the service gets.
	Spec ServiceDNSRecordSpec
	// status is what the names are made of.
	Status ServiceDNSRecordStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ServiceDNSRecordList is a list of records.
type ServiceDNSRecordList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []ServiceDNSRecord
}
