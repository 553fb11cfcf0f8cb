package multiclusterdns

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Endpoint is one DNS record set.
type Endpoint struct {
	// dnsName is the name.
	DNSName string
	// targets are the addresses, or the one other name, that the name stands for.
	Targets []string
	// recordType is A, AAAA or CNAME.
	RecordType string
	// recordTTL is how long answers may be kept, in seconds.
	RecordTTL TTL
	// labels are for the program that writes the records.
	Labels map[string]string
}

// DNSEndpointSpec is a set of DNS records.
type DNSEndpointSpec struct {
	// endpoints are the records, by name.
	Endpoints []*Endpoint
}

// DNSEndpointStatus says which generation was written to DNS.
type DNSEndpointStatus struct {
	// observedGeneration is the generation that was written to DNS.
	ObservedGeneration *int64
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// DNSEndpoint has the DNS records of one ServiceDNSRecord or IngressDNSRecord,
// for external-dns.
type DNSEndpoint struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// spec is a set of DNS records.
	Spec DNSEndpointSpec
	// status says which generation was written to DNS.
	Status DNSEndpointStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// DNSEndpointList is a list of sets of DNS records.
type DNSEndpointList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []DNSEndpoint
}
