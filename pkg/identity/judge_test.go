package identity

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var testTime = time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)

func TestJudge(t *testing.T) {
	stored := func(hubID string, sequence int64) *Record {
		return &Record{HubID: hubID, Sequence: sequence, Position: Position{Term: 2, Index: 100}}
	}
	later := Position{Term: 2, Index: 101}
	for name, test := range map[string]struct {
		Evidence
		reason   Reason
		hubID    string
		sequence int64
	}{
		"the first start":               {Evidence{Position: later}, "", "new", 1},
		"another start":                 {Evidence{Stored: stored("a", 5), Position: later, Host: &Mark{HubID: "a", Sequence: 5}}, "", "a", 6},
		"the host lags":                 {Evidence{Stored: stored("a", 5), Position: later, Host: &Mark{HubID: "a", Sequence: 4}}, "", "a", 6},
		"the host has lost its Lease":   {Evidence{Stored: stored("a", 5), Position: later}, "", "a", 6},
		"an empty store":                {Evidence{Position: later, Host: &Mark{HubID: "a", Sequence: 5}}, StoreEmpty, "a", 5},
		"an older store":                {Evidence{Stored: stored("a", 5), Position: later, Host: &Mark{HubID: "a", Sequence: 6}}, StoreOlder, "a", 5},
		"the store of another hub":      {Evidence{Stored: stored("b", 50), Position: later, Host: &Mark{HubID: "a", Sequence: 6}}, StoreOfAnotherHub, "b", 50},
		"a restored store":              {Evidence{Stored: stored("a", 5), Position: later, Restored: true, Host: &Mark{HubID: "a", Sequence: 5}}, StoreRestored, "a", 5},
		"a restored store, and no host": {Evidence{Stored: stored("a", 5), Position: later, Restored: true}, StoreRestored, "a", 5},
		"a log that began anew":         {Evidence{Stored: stored("a", 5), Position: Position{Term: 2, Index: 99}, Host: &Mark{HubID: "a", Sequence: 5}}, StoreRestored, "a", 5},
		"a log of an earlier term":      {Evidence{Stored: stored("a", 5), Position: Position{Term: 1, Index: 999}, Host: &Mark{HubID: "a", Sequence: 5}}, StoreRestored, "a", 5},
		"a shorter log of later terms":  {Evidence{Stored: stored("a", 5), Position: Position{Term: 7, Index: 99}, Host: &Mark{HubID: "a", Sequence: 5}}, StoreRestored, "a", 5},
		"a log that tells nothing":      {Evidence{Stored: stored("a", 5), Host: &Mark{HubID: "a", Sequence: 5}}, "", "a", 6},
	} {
		t.Run(name, func(t *testing.T) {
			next := Judge(test.Evidence, "new", testTime)
			require.Equal(t, test.hubID, next.HubID)
			require.Equal(t, test.sequence, next.Sequence)
			require.Equal(t, test.Position, next.Position)
			if test.reason == "" {
				require.Nil(t, next.Recovery)
				return
			}
			require.NotNil(t, next.Recovery)
			require.Equal(t, test.reason, next.Recovery.Reason)

			// A restart does not end it, and neither does what the host says by then.
			for _, host := range []*Mark{nil, test.Host, {HubID: next.HubID, Sequence: next.Sequence}} {
				again := Judge(Evidence{Stored: &next, Position: test.Position, Host: host}, "other", testTime.Add(time.Hour))
				require.Equal(t, next.Recovery, again.Recovery)
				require.Equal(t, next.Sequence, again.Sequence)
			}
			confirmed := next.confirmed(test.Host, "hash", testTime)
			require.Nil(t, confirmed.Recovery)
			require.Equal(t, test.reason, confirmed.Confirmed.Reason)
			if test.Host != nil {
				require.Equal(t, test.Host.HubID, confirmed.HubID, "members know it by this name")
				require.Greater(t, confirmed.Sequence, test.Host.Sequence)
			}
			require.Nil(t, Judge(Evidence{Stored: &confirmed, Position: test.Position, Host: &Mark{HubID: confirmed.HubID, Sequence: confirmed.Sequence}}, "other", testTime).Recovery)
		})
	}
}

// Whatever happens to store and host: a store that has lost a sequence which the
// host has seen is never taken for the right one, and sequences never go back.
func TestALostSequenceIsAlwaysNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var store, backup *Record
		var host *Mark
		start := func() {
			lost := host != nil && (store == nil || store.HubID != host.HubID || store.Sequence < host.Sequence)
			next := Judge(Evidence{Stored: store, Host: host}, rapid.StringMatching("[a-z]{8}").Draw(t, "id"), testTime)
			before := store
			store = &next
			switch {
			case before != nil && before.Recovery != nil:
				require.NotNil(t, next.Recovery)
			case lost:
				require.NotNil(t, next.Recovery)
			default:
				require.Nil(t, next.Recovery)
			}
		}
		tell := func() {
			if store == nil || store.Recovery != nil {
				return
			}
			if host != nil && host.HubID == store.HubID {
				require.GreaterOrEqual(t, store.Sequence, host.Sequence)
			}
			host = &Mark{HubID: store.HubID, Sequence: store.Sequence}
		}
		t.Repeat(map[string]func(*rapid.T){
			"start":   func(*rapid.T) { start(); tell() },
			"crash":   func(*rapid.T) { start() },
			"backup":  func(*rapid.T) { backup = store },
			"restore": func(*rapid.T) { store = backup },
			"wipe":    func(*rapid.T) { store = nil },
			"confirm": func(*rapid.T) {
				if store != nil && store.Recovery != nil {
					next := store.confirmed(host, "", testTime)
					store = &next
					tell()
				}
			},
		})
	})
}
