package dns

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

const (
	// refresh is how long the addresses of a host name of a load balancer are used
	// before they are asked for again, and failedRefresh after a failure.
	refresh, failedRefresh = time.Minute, 15 * time.Second
	// lookupTimeout bounds the lookup of one name.
	lookupTimeout = 5 * time.Second
	// forgetAfter is how long addresses stay known that nobody asks for.
	forgetAfter = time.Hour
)

// Resolver looks up host names. net.DefaultResolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var _ Resolver = net.DefaultResolver

// addresses remembers what host names were resolved to: a name server that does
// not answer for a while takes no load balancer out of DNS.
type addresses struct {
	resolver Resolver
	now      func() time.Time

	mu    sync.Mutex
	known map[string]resolved
}

type resolved struct {
	addresses []string
	// again is when to ask again, used when the addresses were last asked for.
	again, used time.Time
}

func newAddresses(resolver Resolver, now func() time.Time) *addresses {
	return &addresses{resolver: resolver, now: now, known: map[string]resolved{}}
}

// of returns the addresses of the hosts, those that have any, and when to ask again.
func (a *addresses) of(ctx context.Context, hosts []string) (map[string][]string, time.Duration) {
	var waiting sync.WaitGroup
	for _, host := range hosts {
		if a.due(host) {
			waiting.Go(func() { a.lookup(ctx, host) })
		}
	}
	waiting.Wait()

	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	found := make(map[string][]string, len(hosts))
	var next time.Duration
	for _, host := range hosts {
		r := a.known[host]
		r.used = now
		a.known[host] = r
		if len(r.addresses) > 0 {
			found[host] = r.addresses
		}
		if wait := max(r.again.Sub(now), time.Second); next == 0 || wait < next {
			next = wait
		}
	}
	for host, r := range a.known {
		if now.Sub(r.used) > forgetAfter {
			delete(a.known, host)
		}
	}
	return found, next
}

// due says whether a host has to be looked up.
func (a *addresses) due(host string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.now().Before(a.known[host].again)
}

func (a *addresses) lookup(ctx context.Context, host string) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	// With a dot at its end no search domain of this machine is tried.
	ips, err := a.resolver.LookupNetIP(ctx, "ip", host+".")
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.known[host]
	if err != nil {
		klog.FromContext(ctx).Info("Could not resolve the host name of a load balancer; will try again", "host", host, "err", err, "lastKnown", r.addresses)
		r.again = a.now().Add(failedRefresh)
		a.known[host] = r
		return
	}
	r.addresses = nil
	for _, ip := range ips {
		r.addresses = append(r.addresses, ip.Unmap().String())
	}
	slices.Sort(r.addresses)
	r.addresses = slices.Compact(r.addresses)
	r.again = a.now().Add(refresh)
	a.known[host] = r
}
