package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, data []byte) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(data)
	require.NotNil(t, block)
	require.Empty(t, rest)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return certificate
}

func TestServerCertificateIsTrustedForItsHostsOnly(t *testing.T) {
	authority, err := NewAuthority("test-ca")
	require.NoError(t, err)
	pair, err := authority.Server("apiserver", "localhost", "apiserver.default.svc", "127.0.0.1")
	require.NoError(t, err)
	_, err = tls.X509KeyPair(pair.Certificate, pair.Key)
	require.NoError(t, err, "certificate and key belong together")

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(authority.CertificatePEM()))
	certificate := parse(t, pair.Certificate)
	for _, host := range []string{"localhost", "apiserver.default.svc", "127.0.0.1"} {
		_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
		require.NoError(t, err, host)
	}
	_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: "example.org"})
	require.Error(t, err)

	other, err := NewAuthority("test-ca")
	require.NoError(t, err)
	strangers := x509.NewCertPool()
	strangers.AppendCertsFromPEM(other.CertificatePEM())
	_, err = certificate.Verify(x509.VerifyOptions{Roots: strangers, DNSName: "localhost"})
	assert.Error(t, err, "an authority of the same name is another authority")
}

func TestClientCertificateCarriesUserAndGroups(t *testing.T) {
	authority, err := NewAuthority("test-ca")
	require.NoError(t, err)
	pair, err := authority.Client("alice", "developers", "system:masters")
	require.NoError(t, err)
	certificate := parse(t, pair.Certificate)
	assert.Equal(t, "alice", certificate.Subject.CommonName)
	assert.ElementsMatch(t, []string{"developers", "system:masters"}, certificate.Subject.Organization)
	assert.Equal(t, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, certificate.ExtKeyUsage)
}

func TestPairIsWrittenForItsOwnerOnly(t *testing.T) {
	authority, err := NewAuthority("test-ca")
	require.NoError(t, err)
	pair, err := authority.Client("alice")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, pair.Write(dir, "alice"))
	for _, name := range []string{"alice.crt", "alice.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}
