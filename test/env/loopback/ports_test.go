package loopback

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFreePortsAreDifferentAndUsable(t *testing.T) {
	ports, err := FreePorts(20)
	require.NoError(t, err)
	require.Len(t, ports, 20)
	seen := map[int]bool{}
	for _, port := range ports {
		assert.False(t, seen[port], "port %d twice", port)
		seen[port] = true
		assert.GreaterOrEqual(t, port, lowest)
		listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if assert.NoError(t, err) {
			assert.NoError(t, listener.Close())
		}
	}
}

func TestEphemeralStart(t *testing.T) {
	for text, want := range map[string]int{
		"32768\t60999\n": 32768,
		"28000 60999":    28000,
		"40000 60999":    ephemeralFloor,
		"1024 65535":     ephemeralFloor,
		"":               ephemeralFloor,
		"x y":            ephemeralFloor,
	} {
		assert.Equal(t, want, parseEphemeralStart(text), "%q", text)
	}
}
