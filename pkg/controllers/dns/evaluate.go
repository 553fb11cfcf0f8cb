package dns

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/dns"
)

// Reasons of the condition Published.
const (
	// ReasonPublished means that the DNSEndpoint has the names.
	ReasonPublished = "Published"
	// ReasonDomainNotFound means that there is no Domain of the name.
	ReasonDomainNotFound = "DomainNotFound"
	// ReasonServiceNotFound means that no cluster has the Service.
	ReasonServiceNotFound = "ServiceNotFound"
	// ReasonIngressNotFound means that no cluster has the Ingress.
	ReasonIngressNotFound = "IngressNotFound"
	// ReasonNoHosts means that the record names no hosts.
	ReasonNoHosts = "NoHosts"
	// ReasonNoLoadBalancer means that no cluster can serve now.
	ReasonNoLoadBalancer = "NoLoadBalancer"
	// ReasonNoClusterReady means that no cluster is ready, and that the names are
	// left as they were.
	ReasonNoClusterReady = "NoClusterReady"
	// ReasonEndpointConflict means that the DNSEndpoint is somebody else's.
	ReasonEndpointConflict = "EndpointConflict"
)

// shard is what is known of the Service or Ingress of a record in one cluster.
type shard struct {
	cluster string
	// offline says that the cluster is not ready.
	offline bool
	region  string
	zones   []string
	sighting
}

// serving returns the load balancer that names lead to in this cluster, and why
// it has none. before is that of the last status, which stays as it is while
// nothing is known.
func (s *shard) serving(before corev1.LoadBalancerStatus, unbackedToo bool) (corev1.LoadBalancerStatus, string) {
	none := corev1.LoadBalancerStatus{}
	unknown := !s.known || s.found && !s.backedKnown && !unbackedToo
	switch {
	case s.offline:
		return none, "is not ready"
	case unknown && s.problem != nil:
		return before, "cannot be observed: " + s.problem.Error()
	case unknown:
		return before, "is being looked at"
	case !s.found:
		return none, "does not have it"
	case len(s.balancer.Ingress) == 0:
		return none, "has given it no load balancer"
	case !s.backed && !unbackedToo:
		return none, "has no ready endpoints"
	}
	return s.balancer, ""
}

// absent says that no cluster has the object, for sure.
func absent(shards []shard) bool {
	return !slices.ContainsFunc(shards, func(s shard) bool { return s.offline || !s.known || s.found })
}

// keepAll makes what is known of clusters that are not ready unknown if none is
// ready: more likely than that all have failed is that they cannot be reached from
// here, and their names stay as they are.
func keepAll(shards []shard) bool {
	if len(shards) == 0 || slices.ContainsFunc(shards, func(s shard) bool { return !s.offline }) {
		return false
	}
	for i := range shards {
		shards[i].offline, shards[i].sighting = false, sighting{}
	}
	return true
}

// judgement is what becomes of a record, as far as that is known without writing.
type judgement struct {
	plan dns.Plan
	// reason and message are those of Published if the plan cannot be all there is;
	// empty if it can.
	reason, message string
}

// judgeService decides what becomes of a record, and sets the parts of its status
// that are about clusters. domain is nil if there is none.
func judgeService(record *v1alpha1.ServiceDNSRecord, domain *v1alpha1.Domain, shards []shard) judgement {
	kept := keepAll(shards)
	before := map[string]corev1.LoadBalancerStatus{}
	for _, entry := range record.Status.DNS {
		before[entry.Cluster] = entry.LoadBalancer
	}
	service := dns.Service{
		Namespace: record.Namespace, Name: record.Name, ExternalName: record.Spec.ExternalName, Prefix: record.Spec.DNSPrefix,
		DomainName: record.Spec.DomainRef, TTL: int64(record.Spec.RecordTTL),
	}
	record.Status.DNS = nil
	var whys []string
	serving := false
	for i := range shards {
		s := &shards[i]
		balancer, why := s.serving(before[s.cluster], record.Spec.AllowServiceWithoutEndpoints)
		if why != "" {
			whys = append(whys, s.cluster+" "+why)
		}
		serving = serving || len(balancer.Ingress) > 0
		record.Status.DNS = append(record.Status.DNS, v1alpha1.ClusterDNS{Cluster: s.cluster, LoadBalancer: balancer, Region: s.region, Zones: s.zones})
		service.Clusters = append(service.Clusters, dns.Cluster{Name: s.cluster, LoadBalancers: balancersOf(balancer), Region: s.region, Zones: s.zones})
	}
	record.Status.Domain = ""
	if domain == nil {
		return judgement{reason: ReasonDomainNotFound, message: fmt.Sprintf("there is no Domain %s in the namespace of the control plane", record.Spec.DomainRef)}
	}
	record.Status.Domain, service.Domain = domain.Domain, domain.Domain
	if absent(shards) {
		record.Status.DNS = nil
		return judgement{reason: ReasonServiceNotFound, message: fmt.Sprintf("no cluster has a federated Service %s", record.Name)}
	}
	j := judgement{plan: dns.PlanService(service)}
	j.reason, j.message = reasonOf(kept, serving, whys)
	return j
}

// judgeIngress is judgeService for a record of an Ingress.
func judgeIngress(record *v1alpha1.IngressDNSRecord, shards []shard) judgement {
	kept := keepAll(shards)
	before := map[string]corev1.LoadBalancerStatus{}
	for _, entry := range record.Status.DNS {
		before[entry.Cluster] = entry.LoadBalancer
	}
	ingress := dns.Ingress{Hosts: record.Spec.Hosts, TTL: int64(record.Spec.RecordTTL)}
	record.Status.DNS = nil
	var whys []string
	serving := false
	for i := range shards {
		s := &shards[i]
		balancer, why := s.serving(before[s.cluster], true)
		if why != "" {
			whys = append(whys, s.cluster+" "+why)
		}
		serving = serving || len(balancer.Ingress) > 0
		record.Status.DNS = append(record.Status.DNS, v1alpha1.ClusterIngressDNS{Cluster: s.cluster, LoadBalancer: balancer})
		ingress.Clusters = append(ingress.Clusters, dns.Cluster{Name: s.cluster, LoadBalancers: balancersOf(balancer)})
	}
	switch {
	case absent(shards):
		record.Status.DNS = nil
		return judgement{reason: ReasonIngressNotFound, message: fmt.Sprintf("no cluster has a federated Ingress %s", record.Name)}
	case len(record.Spec.Hosts) == 0:
		return judgement{reason: ReasonNoHosts, message: "spec.hosts names no hosts"}
	}
	j := judgement{plan: dns.PlanIngress(ingress)}
	j.reason, j.message = reasonOf(kept, serving, whys)
	return j
}

// reasonOf says why not all names are published as they should be, and which
// clusters have no part in them.
func reasonOf(kept, serving bool, whys []string) (reason, message string) {
	message = strings.Join(whys, "; ")
	switch {
	case kept:
		return ReasonNoClusterReady, "no cluster is ready: the names stay as they were"
	case !serving:
		return ReasonNoLoadBalancer, message
	}
	return "", message
}

func balancersOf(status corev1.LoadBalancerStatus) []string {
	var balancers []string
	for _, ingress := range status.Ingress {
		if ingress.IP != "" {
			balancers = append(balancers, ingress.IP)
		} else {
			balancers = append(balancers, ingress.Hostname)
		}
	}
	return balancers
}

// Labels of KubeFedClusters that say where a cluster is, for clusters whose nodes
// do not.
const (
	regionLabel = "region"
	zoneLabel   = "zone"
)

// placeOf returns where a cluster is.
func placeOf(cluster *corev1beta1.KubeFedCluster) (region string, zones []string) {
	if cluster.Status.Region != nil {
		region = *cluster.Status.Region
	}
	zones = cluster.Status.Zones
	set := labels.Set(cluster.Labels)
	if region == "" {
		region = set.Get(regionLabel)
	}
	if zone := set.Get(zoneLabel); len(zones) == 0 && zone != "" {
		zones = []string{zone}
	}
	return region, zones
}
