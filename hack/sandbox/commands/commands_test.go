package commands

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseMembers(t *testing.T) {
	for text, want := range map[string][]string{
		"0":             {},
		"2":             {"cluster1", "cluster2"},
		"master,slave":  {"master", "slave"},
		"master, slave": {"master", "slave"},
		"one":           {"one"},
	} {
		got, err := parseMembers(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"-1", "1000"} {
		_, err := parseMembers(text)
		assert.Error(t, err, text)
	}
}

func TestExampleIsAddressedToAMemberThatExists(t *testing.T) {
	manifests, err := readExample("../example", "master")
	require.NoError(t, err)
	assert.Contains(t, string(manifests), "clusterName: master\n")
	assert.NotContains(t, string(manifests), "clusterName: cluster1\n")
	assert.Contains(t, string(manifests), "kind: FederatedDeployment\n")
}
