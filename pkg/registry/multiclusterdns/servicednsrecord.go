package multiclusterdns

import (
	"k8s.io/apimachinery/pkg/runtime"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/multiclusterdns"
)

// serviceDNSRecords are the DNS names of federated services.
func serviceDNSRecords() static.Kind[*dns.ServiceDNSRecord] {
	return static.Kind[*dns.ServiceDNSRecord]{
		Version:     v1alpha1.SchemeGroupVersion,
		Resource:    "servicednsrecords",
		Singular:    "servicednsrecord",
		New:         func() *dns.ServiceDNSRecord { return &dns.ServiceDNSRecord{} },
		NewList:     func() runtime.Object { return &dns.ServiceDNSRecordList{} },
		Desired:     func(obj *dns.ServiceDNSRecord) any { return obj.Spec },
		KeepDesired: func(to, from *dns.ServiceDNSRecord) { to.Spec = from.Spec },
		KeepStatus:  func(to, from *dns.ServiceDNSRecord) { to.Status = from.Status },

		Validate: validation.ValidateServiceDNSRecord,
	}
}
