package dns

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/dns"
)

func at(ips ...string) corev1.LoadBalancerStatus {
	var status corev1.LoadBalancerStatus
	for _, ip := range ips {
		status.Ingress = append(status.Ingress, corev1.LoadBalancerIngress{IP: ip})
	}
	return status
}

// seen is a shard in a ready cluster that has told all.
func seen(cluster string, balancer corev1.LoadBalancerStatus) shard {
	return shard{cluster: cluster, sighting: sighting{known: true, backedKnown: true, found: true, backed: true, balancer: balancer}}
}

func changed(s shard, change func(*shard)) shard {
	change(&s)
	return s
}

func TestWhatAClusterContributes(t *testing.T) {
	before := at("192.0.2.9")
	up := seen("c1", at("192.0.2.1"))
	for name, test := range map[string]struct {
		shard      shard
		unbacked   bool
		want       corev1.LoadBalancerStatus
		wantReason string
	}{
		"all is well":                  {shard: up, want: at("192.0.2.1")},
		"offline":                      {shard: changed(up, func(s *shard) { s.offline = true }), wantReason: "is not ready"},
		"not told yet":                 {shard: shard{cluster: "c1"}, want: before, wantReason: "is being looked at"},
		"refuses to tell":              {shard: shard{cluster: "c1", sighting: sighting{problem: errors.New("forbidden")}}, want: before, wantReason: "cannot be observed: forbidden"},
		"told, and now cannot":         {shard: changed(up, func(s *shard) { s.problem = errors.New("away") }), want: at("192.0.2.1")},
		"no copy":                      {shard: changed(up, func(s *shard) { s.found = false }), wantReason: "does not have it"},
		"no load balancer":             {shard: changed(up, func(s *shard) { s.balancer = at() }), wantReason: "has given it no load balancer"},
		"no ready endpoints":           {shard: changed(up, func(s *shard) { s.backed = false }), wantReason: "has no ready endpoints"},
		"none needed":                  {shard: changed(up, func(s *shard) { s.backed = false }), unbacked: true, want: at("192.0.2.1")},
		"endpoints not told":           {shard: changed(up, func(s *shard) { s.backed, s.backedKnown = false, false }), want: before, wantReason: "is being looked at"},
		"endpoints not told, not used": {shard: changed(up, func(s *shard) { s.backed, s.backedKnown = false, false }), unbacked: true, want: at("192.0.2.1")},
	} {
		t.Run(name, func(t *testing.T) {
			got, reason := test.shard.serving(before, test.unbacked)
			require.Equal(t, test.want, got)
			require.Equal(t, test.wantReason, reason)
		})
	}
}

func TestJudgeService(t *testing.T) {
	domain := &v1alpha1.Domain{Domain: "example.com"}
	gone := changed(seen("c2", at()), func(s *shard) { s.found = false })
	offline := shard{cluster: "c2", offline: true}
	entry := func(cluster string, balancer corev1.LoadBalancerStatus) v1alpha1.ClusterDNS {
		return v1alpha1.ClusterDNS{Cluster: cluster, LoadBalancer: balancer}
	}
	const global = "web.shop.d.svc.example.com"
	for name, test := range map[string]struct {
		before  []v1alpha1.ClusterDNS
		domain  *v1alpha1.Domain
		shards  []shard
		want    []v1alpha1.ClusterDNS
		names   map[string][]string
		reason  string
		message string
	}{
		"one cluster": {
			domain: domain, shards: []shard{seen("c1", at("192.0.2.1"))},
			want: []v1alpha1.ClusterDNS{entry("c1", at("192.0.2.1"))}, names: map[string][]string{global: {"192.0.2.1"}},
		},
		"a cluster that is offline keeps its entry": {
			domain: domain, shards: []shard{seen("c1", at("192.0.2.1")), offline}, before: []v1alpha1.ClusterDNS{entry("c2", at("192.0.2.2"))},
			want: []v1alpha1.ClusterDNS{entry("c1", at("192.0.2.1")), entry("c2", at())}, names: map[string][]string{global: {"192.0.2.1"}},
			message: "c2 is not ready",
		},
		"all offline leave everything as it was": {
			domain: domain, shards: []shard{offline}, before: []v1alpha1.ClusterDNS{entry("c2", at("192.0.2.2"))},
			want: []v1alpha1.ClusterDNS{entry("c2", at("192.0.2.2"))}, names: map[string][]string{global: {"192.0.2.2"}},
			reason: ReasonNoClusterReady, message: "no cluster is ready: the names stay as they were",
		},
		"a start leaves everything as it was": {
			domain: domain, shards: []shard{{cluster: "c1"}}, before: []v1alpha1.ClusterDNS{entry("c1", at("192.0.2.1"))},
			want: []v1alpha1.ClusterDNS{entry("c1", at("192.0.2.1"))}, names: map[string][]string{global: {"192.0.2.1"}},
			message: "c1 is being looked at",
		},
		"no domain": {
			shards: []shard{seen("c1", at("192.0.2.1"))}, want: []v1alpha1.ClusterDNS{entry("c1", at("192.0.2.1"))},
			reason: ReasonDomainNotFound, message: "there is no Domain d in the namespace of the control plane",
		},
		"no cluster has it": {
			domain: domain, shards: []shard{gone}, before: []v1alpha1.ClusterDNS{entry("c2", at("192.0.2.2"))},
			reason: ReasonServiceNotFound, message: "no cluster has a federated Service web",
		},
		"no clusters at all": {
			domain: domain, before: []v1alpha1.ClusterDNS{entry("c2", at("192.0.2.2"))},
			reason: ReasonServiceNotFound, message: "no cluster has a federated Service web",
		},
		"one may have it": {
			domain: domain, shards: []shard{changed(gone, func(s *shard) { s.cluster = "c1" }), offline},
			want: []v1alpha1.ClusterDNS{entry("c1", at()), entry("c2", at())}, reason: ReasonNoLoadBalancer, message: "c1 does not have it; c2 is not ready",
		},
	} {
		t.Run(name, func(t *testing.T) {
			record := &v1alpha1.ServiceDNSRecord{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
			record.Spec.DomainRef = "d"
			record.Status.DNS = test.before
			j := judgeService(record, test.domain, test.shards)
			require.Equal(t, test.want, record.Status.DNS)
			require.Equal(t, test.reason, j.reason)
			require.Equal(t, test.message, j.message)
			requireNames(t, test.names, j.plan)
			if test.domain == nil {
				require.Empty(t, record.Status.Domain)
			} else {
				require.Equal(t, "example.com", record.Status.Domain)
			}
		})
	}
}

func TestJudgeIngress(t *testing.T) {
	for name, test := range map[string]struct {
		hosts  []string
		shards []shard
		names  map[string][]string
		reason string
	}{
		"two clusters":     {hosts: []string{"a.example.com"}, shards: []shard{seen("c1", at("192.0.2.1")), seen("c2", at("192.0.2.2"))}, names: map[string][]string{"a.example.com": {"192.0.2.1", "192.0.2.2"}}},
		"no hosts":         {shards: []shard{seen("c1", at("192.0.2.1"))}, reason: ReasonNoHosts},
		"no load balancer": {hosts: []string{"a.example.com"}, shards: []shard{seen("c1", at())}, reason: ReasonNoLoadBalancer},
		"nowhere":          {hosts: []string{"a.example.com"}, shards: []shard{changed(seen("c1", at()), func(s *shard) { s.found = false })}, reason: ReasonIngressNotFound},
		"all offline":      {hosts: []string{"a.example.com"}, shards: []shard{{cluster: "c9", offline: true}}, names: map[string][]string{"a.example.com": {"192.0.2.9"}}, reason: ReasonNoClusterReady},
	} {
		t.Run(name, func(t *testing.T) {
			record := &v1alpha1.IngressDNSRecord{}
			record.Spec.Hosts = test.hosts
			record.Status.DNS = []v1alpha1.ClusterIngressDNS{{Cluster: "c9", LoadBalancer: at("192.0.2.9")}}
			j := judgeIngress(record, test.shards)
			require.Equal(t, test.reason, j.reason)
			requireNames(t, test.names, j.plan)
		})
	}
}

func requireNames(t *testing.T, want map[string][]string, plan dns.Plan) {
	t.Helper()
	var got map[string][]string
	for _, e := range plan.Endpoints(nil) {
		if got == nil {
			got = map[string][]string{}
		}
		got[e.Name] = e.Targets
	}
	require.Equal(t, want, got)
}

func TestPlaceOfACluster(t *testing.T) {
	region := "eu"
	for name, test := range map[string]struct {
		labels map[string]string
		region *string
		zones  []string
		want   string
		zoned  []string
	}{
		"its nodes say":  {labels: map[string]string{"region": "x", "zone": "y"}, region: &region, zones: []string{"eu1", "eu2"}, want: "eu", zoned: []string{"eu1", "eu2"}},
		"its labels say": {labels: map[string]string{"region": "us", "zone": "us1"}, want: "us", zoned: []string{"us1"}},
		"nobody says":    {},
		"half and half":  {labels: map[string]string{"zone": "eu9"}, region: &region, want: "eu", zoned: []string{"eu9"}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := &corev1beta1.KubeFedCluster{ObjectMeta: metav1.ObjectMeta{Labels: test.labels}}
			cluster.Status.Region, cluster.Status.Zones = test.region, test.zones
			gotRegion, gotZones := placeOf(cluster)
			require.Equal(t, test.want, gotRegion)
			require.Equal(t, test.zoned, gotZones)
		})
	}
}
