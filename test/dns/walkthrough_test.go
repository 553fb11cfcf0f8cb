package dns

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// TestWalkthrough applies the manifests of a public introduction to KubeFed as they are, and lets a cluster lose what is
// behind its service.
func TestWalkthrough(t *testing.T) {
	f := setup(t)
	const (
		namespace, name = "test", "exampleservice"
		global          = "exampleservice.test.exampledomain.svc." + zone
		region1         = "exampleservice.test.exampledomain.svc.eu-west." + zone
		zone1           = "exampleservice.test.exampledomain.svc.eu-west-a.eu-west." + zone
		region2         = "exampleservice.test.exampledomain.svc.us-east." + zone
		zone2           = "exampleservice.test.exampledomain.svc.us-east-a.us-east." + zone
	)
	f.federate(namespace)
	f.service(namespace, name)
	for cluster, address := range map[string]string{cluster1: "192.0.2.1", cluster2: "192.0.2.2"} {
		f.back(cluster, namespace, name, true)
		f.balance(cluster, services, namespace, name, address)
	}
	f.kubectl("", "apply", "-f", filepath.Join("testdata", "walkthroughs", "kubefed-intro", "4-dns.yaml"))
	t.Cleanup(func() { f.removeAfter(domains, env.SystemNamespace, "exampledomain") })

	for name, want := range map[string][]string{
		global: {"192.0.2.1", "192.0.2.2"}, region1: {"192.0.2.1"}, zone1: {"192.0.2.1"}, region2: {"192.0.2.2"}, zone2: {"192.0.2.2"},
		// cluster3 has the service and no load balancer: its names lead up.
		"exampleservice.test.exampledomain.svc.ap-south-b.ap-south." + zone: {"exampleservice.test.exampledomain.svc.ap-south." + zone, global, "192.0.2.1", "192.0.2.2"},
	} {
		for _, answer := range f.awaitNames(name, "A", want...) {
			require.Equal(t, 300, answer.ttl, "the TTL of %s", answer)
		}
	}
	message := f.condition(serviceRecords, namespace, name, "Published", "True", "Published")
	require.Contains(t, message, "cluster3 has given it no load balancer")
	f.condition(serviceRecords, namespace, name, "ExternalDNS", "True", "Written")
	require.Regexp(t, `(?m)^exampleservice +`+zone+` +2/3 +True `, f.kubectl("", "-n", namespace, "get", "servicednsrecords"))

	// Failover: cluster1 has nothing ready any more, and comes back.
	f.back(cluster1, namespace, name, false)
	f.awaitNames(zone1, "A", region1, global, "192.0.2.2")
	f.awaitNames(region1, "A", global, "192.0.2.2")
	f.awaitNames(global, "A", "192.0.2.2")
	f.awaitNames(zone2, "A", "192.0.2.2")
	f.condition(serviceRecords, namespace, name, "Published", "True", "Published")
	f.back(cluster1, namespace, name, true)
	f.awaitNames(zone1, "A", "192.0.2.1")
	f.awaitNames(global, "A", "192.0.2.1", "192.0.2.2")

	// IPv6 beside IPv4, and alone.
	f.balance(cluster1, services, namespace, name, "192.0.2.1", "2001:db8::1")
	f.balance(cluster2, services, namespace, name, "2001:db8::2")
	f.awaitNames(global, "AAAA", "2001:db8::1", "2001:db8::2")
	f.awaitNames(global, "A", "192.0.2.1")
	f.awaitNames(zone1, "AAAA", "2001:db8::1")
	f.awaitNames(region2, "AAAA", "2001:db8::2")
	f.awaitNames(region2, "A")

	// What a record asked for goes with it.
	f.remove(serviceRecords, namespace, name)
	for _, name := range []string{global, region1, zone1, region2, zone2} {
		f.awaitNames(name, "ANY")
	}
	f.awaitGone(ourEndpoints, namespace, "service-"+name)
	f.awaitGone(hostEndpoints, namespace, "service-"+name)
}
