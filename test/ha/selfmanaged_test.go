package ha

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// The server keeps its certificate by itself: it fills the Secret and the
// APIServices, both replicas serve the same, and when it is renewed no request fails.
func TestServingCertificateIsSelfManaged(t *testing.T) {
	f := setup(t)
	before := readFile(t, f.Federation().CAFile())
	require.NoError(t, f.Federation().SetFlags(f.ctx(), "--tls-cert-file=", "--tls-private-key-file=", "--self-managed-serving-certificate"))
	t.Cleanup(func() {
		f := f.within(t)
		ctx := context.WithoutCancel(f.ctx())
		require.NoError(t, f.Federation().SetFlags(ctx))
		require.NoError(t, f.Federation().Stop(ctx))
		f.trust(before)
		require.NoError(t, f.Federation().Start(ctx))
	})
	require.NoError(t, f.Federation().Stop(f.ctx()))
	started := make(chan error, 1)
	go func() { started <- f.Federation().Start(f.ctx()) }()
	f.eventually("the Secret to be filled", func(context.Context) error {
		bundle := f.secret("ca-bundle.crt")
		if len(bundle) == 0 {
			return fmt.Errorf("it is empty")
		}
		f.trustInTest(bundle)
		return nil
	})
	// The host reaches the server, so the APIServices have the authority.
	require.NoError(t, <-started)
	first := f.served(f.servers[0])
	require.Equal(t, first.Raw, f.served(f.servers[1]).Raw)
	require.NoError(t, first.VerifyHostname(servingName))

	load := f.startLoad(2)
	load.more(8)
	_, err := f.in(secrets, env.SystemNamespace).Patch(f.ctx(), servingSecret, "application/json-patch+json",
		[]byte(`[{"op":"remove","path":"/data/tls.crt"}]`), metav1.PatchOptions{})
	require.NoError(t, err)
	f.awaitServed("another certificate", func(c *x509.Certificate) bool { return !c.Equal(first) })
	f.eventually("the same certificate of both", func(context.Context) error {
		if !f.served(f.servers[0]).Equal(f.served(f.servers[1])) {
			return fmt.Errorf("they differ")
		}
		return nil
	})
	load.end()
}

func (f *federation) secret(key string) []byte {
	f.t.Helper()
	secret, err := f.in(secrets, env.SystemNamespace).Get(f.ctx(), servingSecret, metav1.GetOptions{})
	require.NoError(f.t, err)
	data, _ := secret.Object["data"].(map[string]any)
	text, _ := data[key].(string)
	decoded, err := base64.StdEncoding.DecodeString(text)
	require.NoError(f.t, err)
	return decoded
}
