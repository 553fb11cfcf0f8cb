package unjoin

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAsk(t *testing.T) {
	for answer, confirmed := range map[string]bool{
		"cluster1\n": true, " cluster1 ": true, "yes\n": false, "\n": false, "": false, "cluster2\n": false,
	} {
		var out bytes.Buffer
		err := ask(strings.NewReader(answer), &out, "2 secrets in cluster cluster1", "cluster1")
		require.Equal(t, confirmed, err == nil, "%q", answer)
		require.Equal(t, "This deletes 2 secrets in cluster cluster1.\nType the name of the cluster to go on: ", out.String())
	}
}

func TestSome(t *testing.T) {
	require.Equal(t, "a, b", some([]string{"a", "b"}))
	require.Equal(t, "a, b, c, d, e and 2 more", some([]string{"a", "b", "c", "d", "e", "f", "g"}))
}
