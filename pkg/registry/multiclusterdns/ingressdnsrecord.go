package multiclusterdns

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
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
		Begin:       func(r *dns.IngressDNSRecord, now metav1.Time) { r.Status.Conditions = static.Unseen(now) },

		Validate: validation.ValidateIngressDNSRecord,

		Columns: []table.Column[*dns.IngressDNSRecord]{
			{
				Name: "Hosts", Description: "The DNS names.",
				Cell: func(r *dns.IngressDNSRecord) string { return strings.Join(r.Spec.Hosts, ",") },
			},
			{
				Name: "Clusters", Description: "In how many clusters the ingress can be reached, of all.",
				Cell: func(r *dns.IngressDNSRecord) string {
					return reached(r.Status.DNS, func(c dns.ClusterIngressDNS) corev1.LoadBalancerStatus { return c.LoadBalancer })
				},
			},
			published(func(r *dns.IngressDNSRecord) []metav1.Condition { return r.Status.Conditions }),
		},
	}
}
