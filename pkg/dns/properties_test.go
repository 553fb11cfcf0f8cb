package dns_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/kubefederation/federation-apiserver/pkg/dns"
)

// balancers are few, so that clusters share them; some are names that services of
// the generator get, and some are wrong.
var balancers = []string{
	lb1, lb2, lb1v6, "::ffff:1.1.1.1", elastic, "DEF.elb.example.net.", "x.example.com", "foo.example.com", global, us, us1, eu,
	"", "1.2.3", "300.300.300.300", "a..b", "0.0.0.0", "127.1.2.3", "::1", "169.254.169.254", "fe80::1", "ff02::1", strings.Repeat("x", 64) + ".net", strings.Repeat("y.", 140) + "net",
}

var resolved = map[string][]string{elastic: {"9.9.9.9", lb1}, "def.elb.example.net": {"2001:db8::9", "not an address"}}

func anyService(t *rapid.T) dns.Service {
	label := rapid.SampledFrom([]string{"", "us", "eu", "us1", "eu1", "EU", "a.b", "under_score", "-", strings.Repeat("r", 63), strings.Repeat("r", 64)})
	s := dns.Service{
		Namespace:    rapid.SampledFrom([]string{"test", strings.Repeat("n", 63)}).Draw(t, "namespace"),
		Name:         rapid.SampledFrom([]string{"nginx", strings.Repeat("s", 63)}).Draw(t, "name"),
		ExternalName: rapid.SampledFrom([]string{"", "", "foo", "a.b"}).Draw(t, "externalName"),
		Prefix:       rapid.SampledFrom([]string{"", "foo", "x", "nginx.test.federation.svc", "nginx.test.federation.svc.us", "*"}).Draw(t, "prefix"),
		DomainName:   rapid.SampledFrom([]string{"federation", "a.b"}).Draw(t, "domainName"),
		Domain:       rapid.SampledFrom([]string{"example.com", "com", "Example.com.", strings.Repeat("d.", 100) + "com"}).Draw(t, "domain"),
		TTL:          rapid.Int64Range(0, 400).Draw(t, "ttl"),
	}
	n := rapid.IntRange(0, 4).Draw(t, "clusters")
	for i := range n {
		s.Clusters = append(s.Clusters, dns.Cluster{
			Name:          string(rune('a' + i)),
			LoadBalancers: rapid.SliceOfN(rapid.SampledFrom(balancers), 0, 4).Draw(t, "balancers"),
			Region:        label.Draw(t, "region"),
			Zones:         rapid.SliceOfN(label, 0, 3).Draw(t, "zones"),
		})
	}
	return s
}

func anyPlan(t *rapid.T) dns.Plan {
	s := anyService(t)
	if rapid.Bool().Draw(t, "ingress") {
		hosts := rapid.SliceOfN(rapid.SampledFrom([]string{"www.example.com", "*.example.com", "*.net", "x.example.com", global, elastic}), 0, 3)
		return dns.PlanIngress(dns.Ingress{Hosts: hosts.Draw(t, "hosts"), Clusters: s.Clusters, TTL: s.TTL})
	}
	return dns.PlanService(s)
}

func TestRecordsAreValid(t *testing.T) { rapid.Check(t, recordsAreValid) }

func recordsAreValid(t *rapid.T) { requireValid(t, anyPlan(t).Endpoints(resolved)) }

func requireValid(t require.TestingT, endpoints []dns.Endpoint) {
	for _, e := range endpoints {
		requireDNSName(t, e.Name)
		require.Positive(t, e.TTL)
		require.NotEmpty(t, e.Targets)
		require.True(t, slices.IsSorted(e.Targets))
		require.Len(t, slices.Compact(slices.Clone(e.Targets)), len(e.Targets))
		for _, target := range e.Targets {
			address, err := netip.ParseAddr(target)
			switch e.Type {
			case dns.A:
				require.True(t, err == nil && address.Is4(), "A %s", target)
				require.False(t, address.IsLoopback() || address.IsLinkLocalUnicast(), "A %s", target)
			case dns.AAAA:
				require.True(t, err == nil && address.Is6() && !address.Is4In6(), "AAAA %s", target)
				require.False(t, address.IsLoopback() || address.IsLinkLocalUnicast(), "AAAA %s", target)
			case dns.CNAME:
				require.Error(t, err, "CNAME %s", target)
				require.Len(t, e.Targets, 1)
				requireDNSName(t, target)
			default:
				require.Fail(t, "unknown type", e.Type)
			}
		}
	}
}

func requireDNSName(t require.TestingT, name string) {
	require.LessOrEqual(t, len(name), 253)
	for label := range strings.SplitSeq(strings.TrimPrefix(name, "*."), ".") {
		require.Empty(t, validation.IsDNS1123Label(label), "%q", name)
	}
}

func TestCNAMEStandsAlone(t *testing.T) { rapid.Check(t, cnameStandsAlone) }

func cnameStandsAlone(t *rapid.T) {
	kinds := map[string][]string{}
	for _, e := range anyPlan(t).Endpoints(resolved) {
		require.NotContains(t, kinds[e.Name], e.Type, "%s twice", e.Name)
		kinds[e.Name] = append(kinds[e.Name], e.Type)
	}
	for name, kinds := range kinds {
		if slices.Contains(kinds, dns.CNAME) {
			require.Len(t, kinds, 1, name)
		}
	}
}

func TestNoCircles(t *testing.T) { rapid.Check(t, noCircles) }

func noCircles(t *rapid.T) {
	next := map[string]string{}
	for _, e := range anyPlan(t).Endpoints(resolved) {
		if e.Type == dns.CNAME {
			next[e.Name] = e.Targets[0]
		}
	}
	for name := range next {
		steps := 0
		for at, ok := name, true; ok; at, ok = follow(next, at) {
			steps++
			require.LessOrEqual(t, steps, len(next)+1, "%s leads in a circle: %v", name, next)
		}
	}
}

// follow returns where a question for name is sent to: by its own CNAME, or by
// that of a wildcard above.
func follow(next map[string]string, name string) (string, bool) {
	if target, ok := next[name]; ok {
		return target, true
	}
	for {
		_, parent, found := strings.Cut(name, ".")
		if !found {
			return "", false
		}
		if target, ok := next["*."+parent]; ok {
			return target, true
		}
		name = parent
	}
}

func TestOrderDoesNotMatter(t *testing.T) { rapid.Check(t, orderDoesNotMatter) }

func orderDoesNotMatter(t *rapid.T) {
	s := anyService(t)
	shuffled := s
	shuffled.Clusters = nil
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	for _, i := range random.Perm(len(s.Clusters)) {
		cluster := s.Clusters[i]
		cluster.LoadBalancers, cluster.Zones = slices.Clone(cluster.LoadBalancers), slices.Clone(cluster.Zones)
		for _, list := range [][]string{cluster.LoadBalancers, cluster.Zones} {
			random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		shuffled.Clusters = append(shuffled.Clusters, cluster)
	}
	one, other := dns.PlanService(s), dns.PlanService(shuffled)
	require.Equal(t, one.Endpoints(resolved), other.Endpoints(resolved))
	require.Equal(t, one.Hostnames(), other.Hostnames())
	require.Equal(t, one.Problems(), other.Problems())
}

func TestHostnamesSufficeToResolve(t *testing.T) { rapid.Check(t, hostnamesSufficeToResolve) }

func hostnamesSufficeToResolve(t *rapid.T) {
	plan := anyPlan(t)
	asked := map[string][]string{}
	for _, host := range plan.Hostnames() {
		asked[host] = resolved[host]
	}
	require.Equal(t, plan.Endpoints(resolved), plan.Endpoints(asked))
}
