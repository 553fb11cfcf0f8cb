package dns

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Cluster is where a service or an ingress is reached in one cluster.
type Cluster struct {
	// Name of the cluster.
	Name string
	// LoadBalancers are IP addresses and host names. A cluster without any has the
	// service but cannot serve it now.
	LoadBalancers []string
	// Region of the cluster; empty if it has none.
	Region string
	// Zones of the cluster, within Region.
	Zones []string
}

// Service is what the names of a service are made of.
type Service struct {
	// Namespace and Name of the service.
	Namespace, Name string
	// ExternalName takes the place of Name, if it is given.
	ExternalName string
	// Prefix makes <prefix>.<domain> one more name, if it is given.
	Prefix string
	// DomainName is the name of the domain's object, Domain the DNS zone.
	DomainName, Domain string
	// TTL in seconds; 0 is DefaultTTL.
	TTL int64
	// Clusters that have the service, in any order.
	Clusters []Cluster
}

// ServiceNameLabel is the label of records whose names have the external name in
// place of the service's.
const ServiceNameLabel = "serviceName"

// PlanService returns what a service is to be known by. Without a cluster there
// is nothing.
func PlanService(s Service) Plan {
	p := newPlan(s.TTL)
	first := s.Name
	if s.ExternalName != "" {
		first = s.ExternalName
		p.labels = map[string]string{ServiceNameLabel: s.Name}
	}
	domain := normal(s.Domain)
	prefix := strings.Join([]string{normal(first), s.Namespace, s.DomainName, "svc"}, ".")
	global := prefix + "." + domain
	for _, cluster := range s.Clusters {
		ts, problems := parseTargets(cluster.Name, cluster.LoadBalancers)
		p.problems = append(p.problems, problems...)
		if ts.len() > 0 {
			p.add(global, "", ts)
		}
		region, zones := p.place(cluster)
		if region != "" {
			p.add(prefix+"."+region+"."+domain, global, ts)
		}
		for _, zone := range zones {
			p.add(prefix+"."+zone+"."+region+"."+domain, prefix+"."+region+"."+domain, ts)
		}
	}
	if s.Prefix != "" && len(s.Clusters) > 0 {
		p.alias(normal(s.Prefix)+"."+domain, global)
	}
	return p.finish()
}

// alias makes a name lead to another, unless it stands for something itself. A
// wildcard could lead to itself.
func (p *Plan) alias(name, target string) {
	if strings.HasPrefix(name, "*") {
		p.problem("%s is a wildcard, which a prefix cannot make", name)
		return
	}
	if _, ok := p.names[name]; ok || name == target {
		p.problem("%s is a name of the service already", name)
		return
	}
	p.add(name, target, newTargets())
}

// place returns the region and the zones of a cluster as they are in names.
// Without a region zones have no name: they would be taken for regions.
func (p *Plan) place(cluster Cluster) (region string, zones []string) {
	if cluster.Region == "" {
		return "", nil
	}
	region = strings.ToLower(cluster.Region)
	if len(validation.IsDNS1123Label(region)) > 0 {
		p.problem("the region %.64q of cluster %s cannot be part of a DNS name", cluster.Region, cluster.Name)
		return "", nil
	}
	for _, zone := range cluster.Zones {
		lower := strings.ToLower(zone)
		if len(validation.IsDNS1123Label(lower)) > 0 {
			p.problem("the zone %.64q of cluster %s cannot be part of a DNS name", zone, cluster.Name)
			continue
		}
		zones = append(zones, lower)
	}
	slices.Sort(zones)
	return region, slices.Compact(zones)
}

// Ingress is what the names of an ingress stand for.
type Ingress struct {
	// Hosts are the names.
	Hosts []string
	// TTL in seconds; 0 is DefaultTTL.
	TTL int64
	// Clusters that have the ingress, in any order. Only their load balancers count.
	Clusters []Cluster
}

// PlanIngress makes every host stand for the load balancers of all clusters.
func PlanIngress(i Ingress) Plan {
	p := newPlan(i.TTL)
	all := newTargets()
	for _, cluster := range i.Clusters {
		ts, problems := parseTargets(cluster.Name, cluster.LoadBalancers)
		p.problems = append(p.problems, problems...)
		all.insert(ts)
	}
	if all.len() == 0 {
		return p.finish()
	}
	for _, host := range i.Hosts {
		p.add(normal(host), "", all)
	}
	return p.finish()
}
