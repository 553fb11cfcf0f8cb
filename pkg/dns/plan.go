// Package dns decides which DNS records make services and ingresses of several
// clusters known by name.
//
// A service has a name per zone, per region and over all clusters:
//
//	<service>.<namespace>.<domain's name>.svc.<zone>.<region>.<domain>
//	<service>.<namespace>.<domain's name>.svc.<region>.<domain>
//	<service>.<namespace>.<domain's name>.svc.<domain>
//
// A name stands for the load balancers of its clusters: A records for IPv4
// addresses and AAAA records for IPv6. Where no cluster of a zone or region has a
// load balancer, the name is a CNAME one level up; without any, there is no name
// over all clusters. So KubeFed had it (v0.6.1), with these differences: a cluster
// needs no region and no zone, there are AAAA records, and a name whose one target
// is a host name is a CNAME to it. Host names among other targets of a name must
// be resolved by the caller, for a CNAME can stand beside nothing else.
package dns

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
)

// DefaultTTL is how long answers may be kept where a record says nothing, in
// seconds.
const DefaultTTL = 180

// maxTargets bounds the load balancers of one cluster: a member is not trusted,
// and an answer that does not fit a DNS message is none.
const maxTargets = 64

// The types of records.
const (
	A     = "A"
	AAAA  = "AAAA"
	CNAME = "CNAME"
)

// Endpoint is a DNS record set.
type Endpoint struct {
	// Name is the full name, without a dot at its end.
	Name string
	// Type is A, AAAA or CNAME.
	Type string
	// Targets are addresses, or the one name of a CNAME. They are sorted, without
	// duplicates, and never empty.
	Targets []string
	// TTL in seconds.
	TTL int64
	// Labels are for the program that writes the records.
	Labels map[string]string
}

// Plan is what a record asks for, before host names of load balancers are
// resolved. The zero Plan asks for nothing.
type Plan struct {
	names    map[string]*entry
	ttl      int64
	labels   map[string]string
	problems []string
}

// entry is what a name stands for.
type entry struct {
	targets targets
	// parent is where a name without targets leads to; empty for nowhere.
	parent string
}

func newPlan(ttl int64) *Plan {
	if ttl <= 0 {
		ttl = DefaultTTL
	}
	return &Plan{names: map[string]*entry{}, ttl: ttl}
}

// add makes a name stand for targets too. parent is where it leads to while it
// has none.
func (p *Plan) add(name, parent string, ts targets) {
	e, ok := p.names[name]
	if !ok {
		if err := checkName(name); err != nil {
			p.problem("%s cannot be published: %v", name, err)
			return
		}
		e = &entry{targets: newTargets()}
		p.names[name] = e
	}
	if parent != "" && parent != name && checkName(parent) == nil {
		e.parent = parent
	}
	e.targets.insert(ts)
}

func (p *Plan) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// finish leaves out host names that are, or are answered by, names of the plan
// itself: whoever asked for them would be sent in a circle.
func (p *Plan) finish() Plan {
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		for _, host := range sets.List(p.names[name].targets.hosts) {
			if p.answers(host) {
				p.names[name].targets.hosts.Delete(host)
				p.problem("%s cannot stand for the load balancer %s, which is a name of this record itself", name, host)
			}
		}
	}
	slices.Sort(p.problems)
	p.problems = slices.Compact(p.problems)
	return *p
}

// answers says whether a name of the plan, or a wildcard in it, is the answer to
// a question for host.
func (p *Plan) answers(host string) bool {
	if _, ok := p.names[host]; ok {
		return true
	}
	for rest := host; ; {
		_, parent, found := strings.Cut(rest, ".")
		if !found {
			return false
		}
		if _, ok := p.names["*."+parent]; ok {
			return true
		}
		rest = parent
	}
}

// Problems says which names or load balancers cannot be published and why, in
// words for a person; empty when all can.
func (p Plan) Problems() []string { return p.problems }

// Hostnames returns the host names of load balancers that have to be resolved to
// addresses, sorted: those that are not the only target of a name.
func (p Plan) Hostnames() []string {
	names := sets.New[string]()
	for _, e := range p.names {
		if e.targets.len() > 1 {
			names = names.Union(e.targets.hosts)
		}
	}
	return sets.List(names)
}

// Endpoints returns the records, sorted by name and type. addresses are those of
// Hostnames; a host name without any is left out.
func (p Plan) Endpoints(addresses map[string][]string) []Endpoint {
	var endpoints []Endpoint
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		e := p.names[name]
		add := func(kind string, targets ...string) {
			if len(targets) > 0 {
				endpoints = append(endpoints, Endpoint{Name: name, Type: kind, Targets: targets, TTL: p.ttl, Labels: maps.Clone(p.labels)})
			}
		}
		if host, ok := e.targets.onlyHost(); ok {
			add(CNAME, host)
			continue
		}
		v4, v6 := e.targets.resolve(addresses)
		switch {
		case v4.Len()+v6.Len() > 0:
			add(A, sets.List(v4)...)
			add(AAAA, sets.List(v6)...)
		case e.parent != "":
			add(CNAME, e.parent)
		}
	}
	return endpoints
}
