package conformance

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

var identityRows = []row{
	{number: 88, name: "forged front-proxy headers", once: true, applies: []condition{directly}, check: forgedHeaders},
	{number: 90, name: "audit ID", check: auditID},
}

// anonymous is the same path without credentials.
func (c *trial) anonymous() *path {
	return c.path.as(c.TB, rest.AnonymousClientConfig(c.path.config))
}

func (p *path) as(t testing.TB, config *rest.Config) *path {
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	return &path{name: p.name, config: config, client: client, namespace: p.namespace}
}

var forged = map[string]string{"X-Remote-User": "system:admin", "X-Remote-Group": "system:masters", "X-Remote-Uid": "0"}

// forgedHeaders claims to be the host's front proxy without its certificate.
func forgedHeaders(c *trial) {
	for _, k := range c.kinds {
		answer := c.anonymous().send(c.TB, request{method: http.MethodGet, path: k.collection(), header: forged})
		c.refused(answer, http.StatusUnauthorized, http.StatusForbidden)
	}
}

// auditID follows one request through the logs of the host and of the server.
func auditID(c *trial) {
	const header = "Audit-Id"
	id := "conformance-" + c.suite.run + "-" + c.id
	answer := c.send(request{method: http.MethodGet, path: c.everywhere(), query: query("limit", "1"), header: map[string]string{header: id}})
	require.Equal(c, http.StatusOK, answer.code, answer)
	// The host passes the server's header on beside its own.
	require.Equal(c, []string{id}, slices.Compact(answer.header.Values(header)))
	own := slices.Compact(c.get(c.everywhere(), "limit", "1").header.Values(header))
	require.Len(c, own, 1)
	require.NotEqual(c, id, own[0])
}
