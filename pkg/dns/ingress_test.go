package dns_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/pkg/dns"
)

func TestIngress(t *testing.T) {
	for name, test := range map[string]struct {
		ingress dns.Ingress
		want    []dns.Endpoint
		resolve []string
	}{
		"no clusters":         {ingress: dns.Ingress{Hosts: []string{"www.example.com"}}},
		"no load balancers":   {ingress: dns.Ingress{Hosts: []string{"www.example.com"}, Clusters: []dns.Cluster{c1(), c2()}}},
		"no hosts":            {ingress: dns.Ingress{Clusters: []dns.Cluster{c1(lb1)}}},
		"all clusters answer": {ingress: dns.Ingress{Hosts: []string{"www.example.com"}, Clusters: []dns.Cluster{c1(lb1), c2(lb2)}}, want: []dns.Endpoint{a("www.example.com", lb1, lb2)}},
		"two hosts": {
			ingress: dns.Ingress{Hosts: []string{"www.example.com", "*.example.org"}, Clusters: []dns.Cluster{c1(lb1, lb1v6), c2()}},
			want:    []dns.Endpoint{a("*.example.org", lb1), aaaa("*.example.org", lb1v6), a("www.example.com", lb1), aaaa("www.example.com", lb1v6)},
		},
		"one host name": {
			ingress: dns.Ingress{Hosts: []string{"www.example.com"}, Clusters: []dns.Cluster{c1(elastic), c2(elastic)}},
			want:    []dns.Endpoint{cname("www.example.com", elastic)},
		},
		"two host names": {
			ingress: dns.Ingress{Hosts: []string{"www.example.com"}, Clusters: []dns.Cluster{c1(elastic), c2("def.elb.example.net")}},
			want:    []dns.Endpoint{a("www.example.com", "9.9.9.9")},
			resolve: []string{elastic, "def.elb.example.net"},
		},
		"a host name below a wildcard would lead in a circle": {
			ingress: dns.Ingress{Hosts: []string{"*.example.net"}, Clusters: []dns.Cluster{c1(elastic)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan := dns.PlanIngress(test.ingress)
			require.Equal(t, test.want, plan.Endpoints(map[string][]string{elastic: {"9.9.9.9"}}))
			require.ElementsMatch(t, test.resolve, plan.Hostnames())
		})
	}
}
