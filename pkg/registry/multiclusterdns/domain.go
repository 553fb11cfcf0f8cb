package multiclusterdns

import (
	"k8s.io/apimachinery/pkg/runtime"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/multiclusterdns"
)

// domains are zones that names of federated services are made in. They have no status.
func domains() static.Kind[*dns.Domain] {
	return static.Kind[*dns.Domain]{
		Version:  v1alpha1.SchemeGroupVersion,
		Resource: "domains",
		Singular: "domain",
		New:      func() *dns.Domain { return &dns.Domain{} },
		NewList:  func() runtime.Object { return &dns.DomainList{} },
		Desired:  func(obj *dns.Domain) any { return []string{obj.Domain, obj.NameServer} },

		Validate: validation.ValidateDomain,

		Columns: []table.Column[*dns.Domain]{
			{Name: "Domain", Description: "The DNS zone.", Cell: func(d *dns.Domain) string { return d.Domain }},
			{Name: "Name-Server", Description: "The authoritative name server of the zone.", Priority: table.Wide, Cell: func(d *dns.Domain) string { return d.NameServer }},
		},
	}
}
