package dns

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// table is a resolver without a network.
type table struct {
	answers map[string][]netip.Addr
	asked   []string
}

func (r *table) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	r.asked = append(r.asked, host)
	if found, ok := r.answers[host]; ok {
		return found, nil
	}
	return nil, errors.New("no such host")
}

func TestAddressesAreRemembered(t *testing.T) {
	now := time.Unix(0, 0)
	resolver := &table{answers: map[string][]netip.Addr{"a.example.net.": {netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:192.0.2.1")}}}
	known := newAddresses(resolver, func() time.Time { return now })
	first := map[string][]string{"a.example.net": {"192.0.2.1", "2001:db8::1"}}

	got, again := known.of(t.Context(), []string{"a.example.net"})
	require.Equal(t, first, got)
	require.Equal(t, refresh, again)
	require.Equal(t, []string{"a.example.net."}, resolver.asked, "no search domains are tried")

	now = now.Add(refresh / 2)
	got, again = known.of(t.Context(), []string{"a.example.net"})
	require.Equal(t, first, got)
	require.Equal(t, refresh/2, again)
	require.Len(t, resolver.asked, 1, "it is not asked for again")

	// A failure takes nothing away.
	delete(resolver.answers, "a.example.net.")
	now = now.Add(refresh / 2)
	got, again = known.of(t.Context(), []string{"a.example.net", "b.example.net"})
	require.Equal(t, first, got)
	require.Equal(t, failedRefresh, again)

	// An answer does.
	resolver.answers["a.example.net."] = []netip.Addr{netip.MustParseAddr("192.0.2.7")}
	now = now.Add(failedRefresh)
	got, _ = known.of(t.Context(), []string{"a.example.net"})
	require.Equal(t, map[string][]string{"a.example.net": {"192.0.2.7"}}, got)

	// What nobody asks for is forgotten.
	now = now.Add(2 * forgetAfter)
	got, again = known.of(t.Context(), nil)
	require.Empty(t, got)
	require.Zero(t, again)
	require.Empty(t, known.known)
}
