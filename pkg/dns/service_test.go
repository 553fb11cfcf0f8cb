package dns_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/pkg/dns"
)

const (
	global  = "nginx.test.federation.svc.example.com"
	us      = "nginx.test.federation.svc.us.example.com"
	us1     = "nginx.test.federation.svc.us1.us.example.com"
	eu      = "nginx.test.federation.svc.eu.example.com"
	eu1     = "nginx.test.federation.svc.eu1.eu.example.com"
	lb1     = "1.1.1.1"
	lb2     = "2.2.2.2"
	lb1v6   = "2001:db8::1"
	elastic = "abc.elb.example.net"
)

// service is the one of KubeFed's cases: c1 in us/us1 and c2 in eu/eu1.
func service(clusters ...dns.Cluster) dns.Service {
	return dns.Service{Namespace: "test", Name: "nginx", DomainName: "federation", Domain: "example.com", Clusters: clusters}
}

func c1(balancers ...string) dns.Cluster {
	return dns.Cluster{Name: "c1", LoadBalancers: balancers, Region: "us", Zones: []string{"us1"}}
}

func c2(balancers ...string) dns.Cluster {
	return dns.Cluster{Name: "c2", LoadBalancers: balancers, Region: "eu", Zones: []string{"eu1"}}
}

func a(name string, targets ...string) dns.Endpoint {
	return dns.Endpoint{Name: name, Type: dns.A, Targets: targets, TTL: dns.DefaultTTL}
}

func aaaa(name string, targets ...string) dns.Endpoint {
	return dns.Endpoint{Name: name, Type: dns.AAAA, Targets: targets, TTL: dns.DefaultTTL}
}

func cname(name, target string) dns.Endpoint {
	return dns.Endpoint{Name: name, Type: dns.CNAME, Targets: []string{target}, TTL: dns.DefaultTTL}
}

func TestService(t *testing.T) {
	for name, test := range map[string]struct {
		service  dns.Service
		resolved map[string][]string
		want     []dns.Endpoint
		// resolve are the host names that the caller has to resolve.
		resolve []string
		problem string
	}{
		// KubeFed's own cases, v0.6.1.
		"NoClusters":              {service: service()},
		"SingleLBInSingleCluster": {service: service(c1(lb1)), want: []dns.Endpoint{a(global, lb1), a(us, lb1), a(us1, lb1)}},
		"LBsInBothClusters": {
			service: service(c1(lb1), c2(lb2)),
			want:    []dns.Endpoint{a(eu, lb2), a(eu1, lb2), a(global, lb1, lb2), a(us, lb1), a(us1, lb1)},
		},
		"NoLBInOneCluster": {
			service: service(c1(lb1), c2()),
			want:    []dns.Endpoint{cname(eu, global), cname(eu1, eu), a(global, lb1), a(us, lb1), a(us1, lb1)},
		},
		"NoLBInBothClusters": {
			service: service(c1(), c2()),
			want:    []dns.Endpoint{cname(eu, global), cname(eu1, eu), cname(us, global), cname(us1, us)},
		},
		"MultipleLBsInClusters": {
			service: service(c1("1.1.1.2", lb1), c2("2.2.2.3", lb2, lb2)),
			want: []dns.Endpoint{
				a(eu, lb2, "2.2.2.3"), a(eu1, lb2, "2.2.2.3"), a(global, lb1, "1.1.1.2", lb2, "2.2.2.3"), a(us, lb1, "1.1.1.2"), a(us1, lb1, "1.1.1.2"),
			},
		},
		"HostnameInLB": {
			service: service(c1(elastic)),
			want:    []dns.Endpoint{cname(global, elastic), cname(us, elastic), cname(us1, elastic)},
		},
		"UserConfiguredDNSRecordTTL": {
			service: with(service(c1(lb1)), func(s *dns.Service) { s.TTL = 300 }),
			want:    each([]dns.Endpoint{a(global, lb1), a(us, lb1), a(us1, lb1)}, func(e *dns.Endpoint) { e.TTL = 300 }),
		},
		"UserConfiguredDNSPrefix": {
			service: with(service(c1(lb1)), func(s *dns.Service) { s.Prefix = "foo" }),
			want:    []dns.Endpoint{cname("foo.example.com", global), a(global, lb1), a(us, lb1), a(us1, lb1)},
		},
		"UserConfiguredExternalName": {
			service: with(service(c1(lb1)), func(s *dns.Service) { s.ExternalName = "foo" }),
			want: each([]dns.Endpoint{a(renamed(global), lb1), a(renamed(us), lb1), a(renamed(us1), lb1)}, func(e *dns.Endpoint) {
				e.Labels = map[string]string{"serviceName": "nginx"}
			}),
		},
		"MultiZoneCluster": {
			service: service(dns.Cluster{Name: "c1", LoadBalancers: []string{lb1}, Region: "us", Zones: []string{"us2", "us1"}}),
			want:    []dns.Endpoint{a(global, lb1), a(us, lb1), a(us1, lb1), a("nginx.test.federation.svc.us2.us.example.com", lb1)},
		},

		// What KubeFed had not, or had wrong.
		"two clusters of a region share its name": {
			service: service(c1(lb1), dns.Cluster{Name: "c3", LoadBalancers: []string{"3.3.3.3"}, Region: "us", Zones: []string{"us3"}}),
			want: []dns.Endpoint{
				a(global, lb1, "3.3.3.3"), a(us, lb1, "3.3.3.3"), a(us1, lb1), a("nginx.test.federation.svc.us3.us.example.com", "3.3.3.3"),
			},
		},
		"a load balancer beats the way up": {
			service: service(c1(), dns.Cluster{Name: "c3", LoadBalancers: []string{"3.3.3.3"}, Region: "us"}),
			want:    []dns.Endpoint{a(global, "3.3.3.3"), a(us, "3.3.3.3"), cname(us1, us)},
		},
		"no region": {
			service: service(dns.Cluster{Name: "c1", LoadBalancers: []string{lb1}}),
			want:    []dns.Endpoint{a(global, lb1)},
		},
		"a zone without a region has no name": {
			service: service(dns.Cluster{Name: "c1", LoadBalancers: []string{lb1}, Zones: []string{"us1"}}),
			want:    []dns.Endpoint{a(global, lb1)},
		},
		"a region without zones": {
			service: service(dns.Cluster{Name: "c1", Region: "us"}),
			want:    []dns.Endpoint{cname(us, global)},
		},
		"no region and no load balancer": {service: service(dns.Cluster{Name: "c1"})},
		"a region that is no DNS label": {
			service: service(dns.Cluster{Name: "c1", LoadBalancers: []string{lb1}, Region: "us_east", Zones: []string{"us1"}}),
			want:    []dns.Endpoint{a(global, lb1)},
			problem: `the region "us_east" of cluster c1`,
		},
		"a zone that is no DNS label": {
			service: service(dns.Cluster{Name: "c1", LoadBalancers: []string{lb1}, Region: "US", Zones: []string{"a.b", "US1"}}),
			want:    []dns.Endpoint{a(global, lb1), a(us, lb1), a(us1, lb1)},
			problem: `the zone "a.b" of cluster c1`,
		},
		"IPv6 beside IPv4": {
			service: service(c1(lb1, lb1v6, "2001:DB8:0::1")),
			want: []dns.Endpoint{
				a(global, lb1), aaaa(global, lb1v6), a(us, lb1), aaaa(us, lb1v6), a(us1, lb1), aaaa(us1, lb1v6),
			},
		},
		"IPv6 alone": {
			service: service(dns.Cluster{Name: "c1", LoadBalancers: []string{lb1v6}}),
			want:    []dns.Endpoint{aaaa(global, lb1v6)},
		},
		"an IPv4 address in IPv6 clothes": {
			service: service(dns.Cluster{Name: "c1", LoadBalancers: []string{"::ffff:1.1.1.1"}}),
			want:    []dns.Endpoint{a(global, lb1)},
		},
		"a host name and an address are resolved where they meet": {
			service:  service(c1(elastic), c2(lb2)),
			resolved: map[string][]string{elastic: {"9.9.9.9", "2001:db8::9"}},
			resolve:  []string{elastic},
			want: []dns.Endpoint{
				a(eu, lb2), a(eu1, lb2), a(global, lb2, "9.9.9.9"), aaaa(global, "2001:db8::9"), cname(us, elastic), cname(us1, elastic),
			},
		},
		"a host name that does not resolve is left out": {
			service: service(c1(elastic), c2(lb2)),
			resolve: []string{elastic},
			want:    []dns.Endpoint{a(eu, lb2), a(eu1, lb2), a(global, lb2), cname(us, elastic), cname(us1, elastic)},
		},
		"two host names that do not resolve lead up": {
			service: service(c1(elastic, "def.elb.example.net")),
			resolve: []string{elastic, "def.elb.example.net"},
			want:    []dns.Endpoint{cname(us, global), cname(us1, us)},
		},
		"a host name that is ours would lead in a circle": {
			service: service(c1(global+"."), c2(lb2)),
			want:    []dns.Endpoint{a(eu, lb2), a(eu1, lb2), a(global, lb2), cname(us, global), cname(us1, us)},
			problem: "which is a name of this record itself",
		},
		"no addresses and no host names": {
			service: service(dns.Cluster{Name: "c1", LoadBalancers: []string{"1.2.3.4.5", "300.1.1.1", "0.0.0.0", "127.0.0.1", "::1", "169.254.169.254", "fe80::1", "::ffff:127.0.0.1", "fe80::1%eth0", "", "a b", lb1}}),
			want:    []dns.Endpoint{a(global, lb1)},
			problem: `the load balancer "1.2.3.4.5" of cluster c1 is neither an address that others can reach nor a host name`,
		},
		"a prefix that is a name already": {
			service: with(service(c1(lb1)), func(s *dns.Service) { s.Prefix = "nginx.test.federation.svc.us" }),
			want:    []dns.Endpoint{a(global, lb1), a(us, lb1), a(us1, lb1)},
			problem: us + " is a name of the service already",
		},
		"a name that is too long": {
			service: with(service(c1(lb1)), func(s *dns.Service) { s.Domain = strings.Repeat("long.", 43) + "network" }),
			want:    []dns.Endpoint{a("nginx.test.federation.svc."+strings.Repeat("long.", 43)+"network", lb1), a("nginx.test.federation.svc.us."+strings.Repeat("long.", 43)+"network", lb1)},
			problem: "longer than 253 characters",
		},
		"a domain with a dot at its end": {
			service: with(service(dns.Cluster{Name: "c1", LoadBalancers: []string{lb1}}), func(s *dns.Service) { s.Domain = "Example.com." }),
			want:    []dns.Endpoint{a(global, lb1)},
		},
		"too many load balancers": {
			service: service(dns.Cluster{Name: "c1", LoadBalancers: numbered(65)}),
			want:    []dns.Endpoint{a(global, numbered(64)...)},
			problem: "more than 64 load balancers",
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan := dns.PlanService(test.service)
			require.Equal(t, test.want, plan.Endpoints(test.resolved))
			require.ElementsMatch(t, test.resolve, plan.Hostnames())
			if test.problem == "" {
				require.Empty(t, plan.Problems())
			} else {
				require.Contains(t, strings.Join(plan.Problems(), "\n"), test.problem)
			}
		})
	}
}

func with(s dns.Service, change func(*dns.Service)) dns.Service {
	change(&s)
	return s
}

func each(endpoints []dns.Endpoint, change func(*dns.Endpoint)) []dns.Endpoint {
	for i := range endpoints {
		change(&endpoints[i])
	}
	return endpoints
}

func renamed(name string) string { return "foo" + strings.TrimPrefix(name, "nginx") }

// numbered returns addresses that sort as they are numbered.
func numbered(n int) []string {
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = "10.1.1." + string(rune('1'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
	}
	return addresses
}
