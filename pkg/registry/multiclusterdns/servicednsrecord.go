package multiclusterdns

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
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
		Begin:       func(r *dns.ServiceDNSRecord, now metav1.Time) { r.Status.Conditions = static.Unseen(now) },

		Validate: validation.ValidateServiceDNSRecord,

		Columns: []table.Column[*dns.ServiceDNSRecord]{
			{
				Name: "Domain", Description: "The DNS zone of the names.",
				Cell: func(r *dns.ServiceDNSRecord) string { return r.Status.Domain },
			},
			{
				Name: "Clusters", Description: "In how many clusters the service can be reached, of all.",
				Cell: func(r *dns.ServiceDNSRecord) string {
					return reached(r.Status.DNS, func(c dns.ClusterDNS) corev1.LoadBalancerStatus { return c.LoadBalancer })
				},
			},
			published(func(r *dns.ServiceDNSRecord) []metav1.Condition { return r.Status.Conditions }),
		},
	}
}
