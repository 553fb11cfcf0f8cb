package members

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlacesOfNodes(t *testing.T) {
	current := func(region, zone string) map[string]string {
		return map[string]string{"topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": zone}
	}
	former := func(region, zone string) map[string]string {
		return map[string]string{"failure-domain.beta.kubernetes.io/region": region, "failure-domain.beta.kubernetes.io/zone": zone}
	}
	both := current("eu", "eu-1")
	for name, value := range former("us", "us-1") {
		both[name] = value
	}
	tests := []struct {
		name   string
		nodes  []map[string]string
		region string
		zones  []string
	}{
		{"no nodes", nil, "", nil},
		{"nodes of no place", []map[string]string{nil, {"a": "b"}}, "", nil},
		{"one region", []map[string]string{current("eu", "eu-2"), current("eu", "eu-1"), current("eu", "eu-2")}, "eu", []string{"eu-1", "eu-2"}},
		{"former labels", []map[string]string{former("us", "us-1")}, "us", []string{"us-1"}},
		{"both labels", []map[string]string{both}, "eu", []string{"eu-1"}},
		{"most nodes", []map[string]string{current("eu", "a"), current("us", "b"), current("us", "b")}, "us", []string{"a", "b"}},
		{"as many nodes", []map[string]string{current("us", "b"), current("eu", "a")}, "eu", []string{"a", "b"}},
		{"a zone without a region", []map[string]string{{"topology.kubernetes.io/zone": "a"}}, "", []string{"a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			found := newPlaces()
			for _, labels := range test.nodes {
				found.add(labels)
			}
			require.Equal(t, test.region, found.region())
			require.Equal(t, test.zones, found.zones())
		})
	}
}
