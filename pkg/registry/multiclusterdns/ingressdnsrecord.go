package multiclusterdns

import (
	"k8s.io/apimachinery/pkg/runtime"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/multiclusterdns"
)

// ingressDNSRecords are the DNS names of federated ingresses.
func ingressDNSRecords() static.Kind[*dns.IngressDNSRecord] {
	return static.Kind[*dns.IngressDNSRecord]{
		Version:     v1alpha1.SchemeGroupVersion,
		Resource:    "ingressdnsrecords",
		Singular:    "ingressdnsrecord",
		New:         func() *dns.IngressDNSRecord { return &dns.IngressDNSRecord{} },
		NewList:     func() runtime.Object { return &dns.IngressDNSRecordList{} },
		Desired:     func(obj *dns.IngressDNSRecord) any { return obj.Spec },
		KeepDesired: func(to, from *dns.IngressDNSRecord) { to.Spec = from.Spec },
		KeepStatus:  func(to, from *dns.IngressDNSRecord) { to.Status = from.Status },

		Validate: validation.ValidateIngressDNSRecord,
	}
}
