// Package loopback finds free TCP ports on the loopback interface.
package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
)

const (
	lowest = 20000
	// ephemeralFloor is where Linux starts its ephemeral ports unless told otherwise.
	ephemeralFloor = 32768
	attempts       = 1000
)

// FreePorts returns n different ports that nothing listened on a moment ago.
//
// They lie below the range from which the kernel takes source ports for outgoing connections: a port above could be
// taken by any client on the machine while its server is stopped, and the server could then not start again.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	listeners := make([]net.Listener, 0, n)
	defer func() {
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}()
	highest := ephemeralStart()
	for attempt := 0; len(ports) < n; attempt++ {
		if attempt == attempts {
			return nil, fmt.Errorf("found %d free loopback ports between %d and %d, need %d", len(ports), lowest, highest, n)
		}
		port := lowest + rand.IntN(highest-lowest)
		// All listeners are held until the end, so that no port is handed out twice.
		listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		listeners = append(listeners, listener)
		ports = append(ports, port)
	}
	return ports, nil
}

func ephemeralStart() int {
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return ephemeralFloor
	}
	return parseEphemeralStart(string(data))
}

func parseEphemeralStart(text string) int {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return ephemeralFloor
	}
	start, err := strconv.Atoi(fields[0])
	// A machine that uses nearly every port for outgoing connections leaves no room below: then a clash is the lesser evil.
	if err != nil || start < lowest+attempts {
		return ephemeralFloor
	}
	return min(start, ephemeralFloor)
}
