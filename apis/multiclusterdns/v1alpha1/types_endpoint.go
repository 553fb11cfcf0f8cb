package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Endpoint is one DNS record set.
type Endpoint struct {
	// dnsName is the name.
	// +optional
	DNSName string `json:"dnsName,omitempty"`
	// targets are the addresses, or the one other name, that the name stands for.
	// +optional
	// +listType=atomic
	Targets []string `json:"targets,omitempty"`
	// recordType is A, AAAA or CNAME.
	// +optional
	RecordType string `json:"recordType,omitempty"`
	// recordTTL is how long answers may be kept, in seconds.
	// +optional
	RecordTTL TTL `json:"recordTTL,omitempty"`
	// labels are for the program that writes the records.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
}

// DNSEndpointSpec is a set of DNS records.
type DNSEndpointSpec struct {
	// endpoints are the records, by name.
	// +optional
	// +listType=atomic
	Endpoints []*Endpoint `json:"endpoints,omitempty"`
}

// DNSEndpointStatus says which generation was written to DNS.
type DNSEndpointStatus struct {
	// observedGeneration is the generation that was written to DNS.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
}

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// DNSEndpoint has the DNS records of one ServiceDNSRecord or IngressDNSRecord,
// for external-dns.
type DNSEndpoint struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is a set of DNS records.
	// +optional
	Spec DNSEndpointSpec `json:"spec,omitzero"`
	// status says which generation was written to DNS.
	// +optional
	Status DNSEndpointStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// DNSEndpointList is a list of sets of DNS records.
type DNSEndpointList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []DNSEndpoint `json:"items"`
}
