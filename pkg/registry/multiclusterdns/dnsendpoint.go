package multiclusterdns

import (
	"strconv"

	"k8s.io/apimachinery/pkg/runtime"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/multiclusterdns"
)

// dnsEndpoints are the DNS records that result, for external-dns.
func dnsEndpoints() static.Kind[*dns.DNSEndpoint] {
	return static.Kind[*dns.DNSEndpoint]{
		Version:     v1alpha1.SchemeGroupVersion,
		Resource:    "dnsendpoints",
		Singular:    "dnsendpoint",
		New:         func() *dns.DNSEndpoint { return &dns.DNSEndpoint{} },
		NewList:     func() runtime.Object { return &dns.DNSEndpointList{} },
		Desired:     func(obj *dns.DNSEndpoint) any { return obj.Spec },
		KeepDesired: func(to, from *dns.DNSEndpoint) { to.Spec = from.Spec },
		KeepStatus:  func(to, from *dns.DNSEndpoint) { to.Status = from.Status },

		Validate:       validation.ValidateDNSEndpoint,
		ValidateStatus: validation.ValidateDNSEndpointStatus,

		Columns: []table.Column[*dns.DNSEndpoint]{{
			Name: "Records", Description: "The number of DNS records.",
			Cell: func(e *dns.DNSEndpoint) string { return strconv.Itoa(len(e.Spec.Endpoints)) },
		}},
	}
}
