package ha

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/pki"
)

var (
	apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	ownServices = []string{"v1beta1.core.kubefed.io", "v1alpha1.core.kubefed.io", "v1beta1.types.kubefed.io",
		"v1alpha1.scheduling.kubefed.io", "v1alpha1.multiclusterdns.kubefed.io"}
)

const (
	servingName   = "federation-apiserver." + env.SystemNamespace + ".svc"
	servingSecret = "federation-apiserver-serving-cert"
)

// trust makes the host, and this test, trust the authorities.
func (f *federation) trust(bundle []byte) {
	f.t.Helper()
	f.trustInTest(bundle)
	patch := fmt.Appendf(nil, `{"spec":{"caBundle":%q}}`, base64.StdEncoding.EncodeToString(bundle))
	for _, name := range ownServices {
		_, err := f.host.Resource(apiServices).Patch(context.WithoutCancel(f.ctx()), name, "application/merge-patch+json", patch, metav1.PatchOptions{})
		require.NoError(f.t, err)
	}
}

func (f *federation) trustInTest(bundle []byte) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(f.Federation().CAFile(), bundle, 0o600))
}

// served is the certificate that a replica shows.
func (f *federation) served(server *env.Replica) *x509.Certificate {
	f.t.Helper()
	endpoint, err := url.Parse(server.Endpoint())
	require.NoError(f.t, err)
	conn, err := tls.Dial("tcp", endpoint.Host, &tls.Config{InsecureSkipVerify: true, ServerName: servingName}) //nolint:gosec // it is looked at
	require.NoError(f.t, err)
	defer func() { require.NoError(f.t, conn.Close()) }()
	return conn.ConnectionState().PeerCertificates[0]
}

func (f *federation) awaitServed(what string, check func(*x509.Certificate) bool) {
	f.t.Helper()
	for _, server := range f.servers {
		f.eventually(what, func(context.Context) error {
			if !check(f.served(server)) {
				return fmt.Errorf("%s serves another", server.Endpoint())
			}
			return nil
		})
	}
}

func authority(t *testing.T) *pki.Authority {
	t.Helper()
	made, err := pki.NewAuthority("another")
	require.NoError(t, err)
	return made
}

// Row 92: the files of the serving certificate, of the host's front proxy with its
// authority and of the authority of clients change under load. Nothing is started
// again and no request fails.
func TestCertificatesAreReplacedUnderLoad(t *testing.T) {
	f := setup(t)
	dir := filepath.Dir(f.Federation().CAFile())
	hostPKI := filepath.Join(f.Dir(), "clusters", env.HostName, "pki")
	old := readFile(t, f.Federation().CAFile())
	pids := f.pids()
	load := f.startLoad(2)
	load.more(20)

	t.Run("serving", func(t *testing.T) {
		f := f.within(t)
		next := authority(t)
		pair, err := next.Server("federation-apiserver", servingName, "localhost", "127.0.0.1")
		require.NoError(t, err)
		f.trust(append(append([]byte(nil), old...), next.CertificatePEM()...))
		load.more(8)
		require.NoError(t, pair.Write(dir, "serving"))
		block, _ := pem.Decode(pair.Certificate)
		f.awaitServed("the new certificate", func(c *x509.Certificate) bool { return string(c.Raw) == string(block.Bytes) })
		load.more(8)
		f.trust(next.CertificatePEM())
		load.more(8)
	})

	t.Run("front proxy", func(t *testing.T) {
		f := f.within(t)
		next := authority(t)
		proxy, err := next.Client("front-proxy-client")
		require.NoError(t, err)
		file := filepath.Join(hostPKI, "front-proxy-ca.crt")
		f.awaitCaller(proxy, http.Header{"X-Remote-User": {"somebody"}, "X-Remote-Group": {"system:masters"}}, http.StatusUnauthorized)
		appendFile(t, file, next.CertificatePEM())
		f.awaitCaller(proxy, http.Header{"X-Remote-User": {"somebody"}, "X-Remote-Group": {"system:masters"}}, http.StatusOK)
		load.more(8)
		require.NoError(t, proxy.Write(hostPKI, "front-proxy-client"))
		load.more(8)
	})

	t.Run("clients", func(t *testing.T) {
		f := f.within(t)
		next := authority(t)
		client, err := next.Client("somebody", "system:masters")
		require.NoError(t, err)
		f.awaitCaller(client, nil, http.StatusUnauthorized)
		appendFile(t, filepath.Join(hostPKI, "ca.crt"), next.CertificatePEM())
		f.awaitCaller(client, nil, http.StatusOK)
		load.more(8)
	})

	load.end()
	require.Equal(t, pids, f.pids(), "no replica was started again")
}

// awaitCaller waits until both replicas answer somebody with a client certificate
// with a code.
func (f *federation) awaitCaller(pair pki.Pair, header http.Header, want int) {
	f.t.Helper()
	for _, server := range f.servers {
		config := &rest.Config{Host: server.Endpoint(), TLSClientConfig: rest.TLSClientConfig{
			ServerName: "localhost", CAFile: f.Federation().CAFile(), CertData: pair.Certificate, KeyData: pair.Key}}
		client, err := rest.HTTPClientFor(config)
		require.NoError(f.t, err)
		f.eventually(fmt.Sprintf("an answer %d", want), func(ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.Endpoint()+"/apis/core.kubefed.io/v1beta1/kubefedclusters", nil)
			if err != nil {
				return err
			}
			request.Header = header.Clone()
			if request.Header == nil {
				request.Header = http.Header{}
			}
			response, err := client.Do(request)
			if err != nil {
				return err
			}
			response.Body.Close()
			// A connection is who opened it.
			client.CloseIdleConnections()
			if response.StatusCode != want {
				return fmt.Errorf("%s", response.Status)
			}
			return nil
		})
	}
}

// within is the federation in the hands of a subtest.
func (f *federation) within(t *testing.T) *federation {
	other := *f
	other.t = t
	return &other
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

func appendFile(t *testing.T, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, append(readFile(t, path), data...), 0o600))
}
