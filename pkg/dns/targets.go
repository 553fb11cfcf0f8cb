package dns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
)

// targets are load balancers.
type targets struct {
	v4, v6, hosts sets.Set[string]
}

func newTargets() targets {
	return targets{v4: sets.New[string](), v6: sets.New[string](), hosts: sets.New[string]()}
}

func (t targets) insert(other targets) {
	t.v4.Insert(other.v4.UnsortedList()...)
	t.v6.Insert(other.v6.UnsortedList()...)
	t.hosts.Insert(other.hosts.UnsortedList()...)
}

func (t targets) len() int { return t.v4.Len() + t.v6.Len() + t.hosts.Len() }

// onlyHost returns the host name that is the only target.
func (t targets) onlyHost() (string, bool) {
	if t.len() != 1 || t.hosts.Len() != 1 {
		return "", false
	}
	return t.hosts.UnsortedList()[0], true
}

// resolve returns all addresses, with those of the host names.
func (t targets) resolve(addresses map[string][]string) (v4, v6 sets.Set[string]) {
	all := newTargets()
	all.insert(targets{v4: t.v4, v6: t.v6})
	for host := range t.hosts {
		for _, address := range addresses[host] {
			all.address(address)
		}
	}
	return all.v4, all.v6
}

// address takes over an IP address that can be reached from elsewhere, and says
// whether s is one. Members say what their load balancers are: a name must not lead
// its users to themselves or to what a cloud keeps at link-local addresses.
func (t targets) address(s string) bool {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	switch {
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast():
		return false
	case a.Is4():
		t.v4.Insert(a.String())
	default:
		t.v6.Insert(a.String())
	}
	return true
}

// parseTargets sorts the load balancers of a cluster, addresses and host names.
func parseTargets(cluster string, balancers []string) (targets, []string) {
	t := newTargets()
	var problems []string
	for _, balancer := range slices.Sorted(slices.Values(balancers)) {
		if t.len() == maxTargets {
			problems = append(problems, fmt.Sprintf("cluster %s has more than %d load balancers: the others are left out", cluster, maxTargets))
			break
		}
		if t.address(balancer) {
			continue
		}
		host := normal(balancer)
		if err := checkName(host); err != nil || looksLikeAddress(host) {
			problems = append(problems, fmt.Sprintf("the load balancer %.64q of cluster %s is neither an address that others can reach nor a host name", balancer, cluster))
			continue
		}
		t.hosts.Insert(host)
	}
	return t, problems
}

// looksLikeAddress keeps what is a wrong IPv4 address from being looked up as a
// host name: no top level domain is a number (RFC 3696, section 2).
func looksLikeAddress(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}

// normal returns a name in lower case and without a dot at its end.
func normal(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// checkName says what is wrong with a full DNS name, whose first label may be
// "*".
func checkName(name string) error {
	if len(name) > validation.DNS1123SubdomainMaxLength {
		return fmt.Errorf("it is longer than %d characters", validation.DNS1123SubdomainMaxLength)
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(name, "*."), ".") {
		if problems := validation.IsDNS1123Label(label); len(problems) > 0 {
			return fmt.Errorf("%.64q: %s", label, problems[0])
		}
	}
	return nil
}
