package multiclusterdns

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Domain is a DNS zone that names of federated services are made in. It is read
// from the namespace of the control plane.
type Domain struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// domain is the DNS zone, such as example.com.
	Domain string
	// nameServer is the authoritative name server of the zone.
	NameServer string
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// DomainList is a list of domains.
type DomainList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []Domain
}
