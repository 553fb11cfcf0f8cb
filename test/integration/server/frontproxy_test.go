package server

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/test/env/pki"
)

// TestOnlyTheFrontProxyNamesUsers: who a request is from is taken from its headers only if its certificate is that of
// the front proxy, by its authority and by its name.
func TestOnlyTheFrontProxyNamesUsers(t *testing.T) {
	authority, err := pki.NewAuthority("front-proxy-ca")
	require.NoError(t, err)
	stranger, err := pki.NewAuthority("front-proxy-ca")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "front-proxy-ca.crt")
	require.NoError(t, os.WriteFile(file, authority.CertificatePEM(), 0o600))
	s := start(t, t.TempDir(), "--requestheader-client-ca-file="+file, "--requestheader-allowed-names=front-proxy-client")

	code := func(certificates ...tls.Certificate) int {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true, Certificates: certificates, //nolint:gosec // a certificate made in memory
		}, DisableKeepAlives: true}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.endpoint+"/apis/core.kubefed.io/v1beta1/kubefedclusters", nil)
		require.NoError(t, err)
		request.Header.Set("X-Remote-User", "somebody")
		request.Header.Set("X-Remote-Group", "system:masters")
		answer, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	certificate := func(authority *pki.Authority, name string) tls.Certificate {
		t.Helper()
		pair, err := authority.Client(name)
		require.NoError(t, err)
		made, err := tls.X509KeyPair(pair.Certificate, pair.Key)
		require.NoError(t, err)
		return made
	}
	require.Equal(t, http.StatusOK, code(certificate(authority, "front-proxy-client")))
	require.Equal(t, http.StatusUnauthorized, code(certificate(authority, "another-client")), "its authority is right, its name is not")
	require.NotEqual(t, http.StatusOK, code(certificate(stranger, "front-proxy-client")), "its name is right, its authority is not")
	require.NotEqual(t, http.StatusOK, code())
}
