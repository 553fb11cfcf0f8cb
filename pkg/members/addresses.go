package members

import (
	"fmt"
	"net/netip"
	"syscall"
)

// Addresses are ranges of IP addresses.
type Addresses []netip.Prefix

// DefaultForbidden are the addresses at which clouds tell a machine its own
// credentials, and all others that are for one link only: no member is there.
const DefaultForbidden = "169.254.0.0/16,fe80::/10,fd00:ec2::254/128,fd20:ce::254/128,100.100.100.200/32,192.0.0.192/32,168.63.129.16/32"

// ParseAddresses reads ranges such as 169.254.0.0/16; an address without a length
// is a range of one.
func ParseAddresses(ranges []string) (Addresses, error) {
	var a Addresses
	for _, text := range ranges {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, single := netip.ParseAddr(text)
			if single != nil || address.Zone() != "" {
				return nil, fmt.Errorf("%q must be a range of IP addresses such as 169.254.0.0/16", text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		a = append(a, prefix.Masked())
	}
	return a, nil
}

// Contains returns the range that an address is in. An IPv4 address is the same in
// the forms that IPv6 has for it (RFC 4291 section 2.5.5.2, RFC 6052 section 2.1).
func (a Addresses) Contains(address netip.Addr) (netip.Prefix, bool) {
	address = address.Unmap().WithZone("")
	candidates := []netip.Addr{address}
	if translated.Contains(address) {
		bytes := address.As16()
		candidates = append(candidates, netip.AddrFrom4([4]byte(bytes[12:])))
	}
	for _, prefix := range a {
		for _, candidate := range candidates {
			if prefix.Contains(candidate) {
				return prefix, true
			}
		}
	}
	return netip.Prefix{}, false
}

var translated = netip.MustParsePrefix("64:ff9b::/96")

// ForbiddenError means that no connection was made, because the address is one of
// those that no member may have.
type ForbiddenError struct {
	Address netip.Addr
	Range   netip.Prefix
}

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("connections to %s are forbidden: it is in %s of --forbidden-member-addresses", e.Address, e.Range)
}

// control is the Control of a net.Dialer: it sees the address that a name came to,
// right before the connection is made.
func (a Addresses) control(_, address string, _ syscall.RawConn) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %q cannot be judged: %w", address, err)
	}
	if prefix, ok := a.Contains(parsed.Addr()); ok {
		return &ForbiddenError{Address: parsed.Addr(), Range: prefix}
	}
	return nil
}

// check finds forbidden addresses in the settings themselves. Behind a proxy it is
// the only look at where requests go.
func (s settings) check(forbidden Addresses) error {
	if address, err := netip.ParseAddr(s.endpoint.Hostname()); err == nil {
		if prefix, ok := forbidden.Contains(address); ok {
			return fmt.Errorf("spec.apiEndpoint: %w", &ForbiddenError{Address: address, Range: prefix})
		}
	}
	if s.proxy != nil {
		if address, err := netip.ParseAddr(s.proxy.Hostname()); err == nil {
			if prefix, ok := forbidden.Contains(address); ok {
				return fmt.Errorf("spec.proxyURL: %w", &ForbiddenError{Address: address, Range: prefix})
			}
		}
	}
	return nil
}
