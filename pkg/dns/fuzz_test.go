package dns_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kubefederation/federation-apiserver/pkg/dns"
)

// FuzzProperties draws services and ingresses as the properties do, led by coverage.
func FuzzProperties(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		recordsAreValid(t)
		cnameStandsAlone(t)
		noCircles(t)
		orderDoesNotMatter(t)
		hostnamesSufficeToResolve(t)
	}))
}

// FuzzPlans makes names of anything: regions, zones and balancers are what members
// say of themselves, names what users ask for. A record that comes out is one that a
// name server takes.
func FuzzPlans(f *testing.F) {
	f.Add("web", "", "", "example.com", "eu", "1", "192.0.2.1")
	f.Add("web", "api", "www", "Example.COM.", "eu.west", "a,b", "lb.example.net,2001:db8::1")
	f.Add("web", "*", "*", "com", "\u202e", "\x00", "::ffff:1.1.1.1,fe80::1%eth0,127.0.0.1")
	f.Add("web", "", strings.Repeat("x", 64), strings.Repeat("d.", 130), "", ",", "www.example.com.,WWW.example.com,..")
	f.Fuzz(func(t *testing.T, name, external, prefix, domain, region, zones, balancers string) {
		clusters := []dns.Cluster{
			{Name: "a", LoadBalancers: strings.Split(balancers, ","), Region: region, Zones: strings.Split(zones, ",")},
			{Name: "b", LoadBalancers: []string{"192.0.2.9"}, Region: "eu", Zones: []string{"1"}},
		}
		plans := []dns.Plan{
			dns.PlanService(dns.Service{Namespace: "shop", Name: name, ExternalName: external, Prefix: prefix, DomainName: "federation", Domain: domain, Clusters: clusters}),
			dns.PlanIngress(dns.Ingress{Hosts: []string{prefix, domain, "*." + domain}, Clusters: clusters}),
		}
		for _, plan := range plans {
			requireValid(t, plan.Endpoints(nil))
			endpoints := plan.Endpoints(map[string][]string{"lb.example.net": strings.Split(balancers, ",")})
			requireValid(t, endpoints)
			kinds := map[string][]string{}
			for _, e := range endpoints {
				require.NotContains(t, kinds[e.Name], e.Type, "%s twice", e.Name)
				kinds[e.Name] = append(kinds[e.Name], e.Type)
			}
			for name, kinds := range kinds {
				require.False(t, len(kinds) > 1 && slices.Contains(kinds, dns.CNAME), "%s has a CNAME and more", name)
			}
		}
	})
}
