package ha

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// etcd is a client of the external etcd, with the server's certificate.
func (f *federation) etcd() *clientv3.Client {
	f.t.Helper()
	store := f.Federation().Store()
	config, err := transport.TLSInfo{TrustedCAFile: store.CAFile(), CertFile: store.CertFile(), KeyFile: store.KeyFile()}.ClientConfig()
	require.NoError(f.t, err)
	client, err := clientv3.New(clientv3.Config{Endpoints: f.Federation().Store().Endpoints(), TLS: config, DialTimeout: 5 * time.Second})
	require.NoError(f.t, err)
	f.t.Cleanup(func() { require.NoError(f.t, client.Close()) })
	return client
}

// No. 29 of the negative security tests: who has no client certificate gets
// nothing from the etcd.
func TestEtcdRefusesStrangers(t *testing.T) {
	f := setup(t)
	_, err := f.etcd().Get(f.ctx(), "/federation", clientv3.WithPrefix(), clientv3.WithCountOnly())
	require.NoError(t, err)
	config, err := transport.TLSInfo{TrustedCAFile: f.Federation().Store().CAFile()}.ClientConfig()
	require.NoError(t, err)
	stranger := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: patience}
	defer stranger.CloseIdleConnections()
	for _, endpoint := range append(f.Federation().Store().Endpoints(), f.Federation().Store().Peers()...) {
		response, err := stranger.Get(endpoint + "/version")
		if err == nil {
			response.Body.Close()
		}
		require.ErrorContains(t, err, "certificate required")
	}
}
