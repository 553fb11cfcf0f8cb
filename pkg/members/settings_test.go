package members

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/env/pki"
)

const token = "t0ken"

func clusterAt(endpoint string, caBundle []byte) *corev1beta1.KubeFedCluster {
	return &corev1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "cluster1"},
		Spec: corev1beta1.KubeFedClusterSpec{
			APIEndpoint: endpoint, CABundle: caBundle,
			SecretRef: corev1beta1.LocalSecretReference{Name: "cluster1-token"},
		},
	}
}

func secretWith(token string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "cluster1-token"},
		Data:       map[string][]byte{TokenKey: []byte(token)},
	}
}

func TestSettingsSayWhatIsWrong(t *testing.T) {
	authority, err := pki.NewAuthority("authority")
	require.NoError(t, err)
	tests := []struct {
		name   string
		change func(c *corev1beta1.KubeFedCluster, s **corev1.Secret)
		want   string // empty: nothing
	}{
		{"nothing", func(*corev1beta1.KubeFedCluster, **corev1.Secret) {}, ""},
		{"no scheme", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.APIEndpoint = "10.0.0.1:6443" }, ""},
		{"http", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.APIEndpoint = "http://10.0.0.1" }, "spec.apiEndpoint: must begin with https://"},
		{"no host", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.APIEndpoint = "https://:6443" }, "spec.apiEndpoint: must name a host"},
		{"a file", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.APIEndpoint = "file:///etc/passwd" }, "spec.apiEndpoint: must begin with https://"},
		{"a password in the address", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.APIEndpoint = "https://me:you@host" }, "spec.apiEndpoint: must not hold a user name"},
		{"a proxy of another kind", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.ProxyURL = "ftp://proxy" }, "spec.proxyURL: must begin with http:// or https:// or socks5://"},
		{"a proxy with a password", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.ProxyURL = "http://me:you@proxy:3128" }, ""},
		{"a socks5 proxy", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.ProxyURL = "socks5://proxy:1080" }, ""},
		{"no PEM", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.CABundle = []byte("/etc/ca.crt") }, "spec.caBundle: must hold PEM certificates only"},
		{"a key instead of a certificate", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) {
			c.Spec.CABundle = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})
		}, "spec.caBundle: must hold at least one PEM certificate"},
		{"no certificates", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) { c.Spec.CABundle = nil }, ""},
		{"an unknown validation", func(c *corev1beta1.KubeFedCluster, _ **corev1.Secret) {
			c.Spec.DisabledTLSValidations = []corev1beta1.TLSValidation{"ValidityPeriod", "Everything"}
		}, `spec.disabledTLSValidations[1]: "Everything"`},
		{"no Secret", func(_ *corev1beta1.KubeFedCluster, s **corev1.Secret) { *s = nil }, `there is no Secret "cluster1-token" in namespace "system"`},
		{"a kubeconfig instead of a token", func(_ *corev1beta1.KubeFedCluster, s **corev1.Secret) {
			(*s).Data = map[string][]byte{"kubeconfig": []byte("users: [{user: {exec: {command: sh}}}]")}
		}, `has no key "token"`},
		{"a token of two lines", func(_ *corev1beta1.KubeFedCluster, s **corev1.Secret) { *s = secretWith(token + "\r\nX-Evil: 1") }, "is not a bearer token"},
		{"a token of a megabyte", func(_ *corev1beta1.KubeFedCluster, s **corev1.Secret) { *s = secretWith(strings.Repeat(token, 1<<20)) }, "it has more than 16384 bytes"},
		{"a token with a newline at its end", func(_ *corev1beta1.KubeFedCluster, s **corev1.Secret) { *s = secretWith(token + "\n") }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster, secret := clusterAt("https://10.0.0.1:6443", authority.CertificatePEM()), secretWith(token)
			test.change(cluster, &secret)
			s, err := settingsOf(cluster, secret)
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, token, s.token)
				return
			}
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), token)
			require.NotContains(t, err.Error(), "you")
		})
	}
}

// serving returns the certificate of a server named there, valid until an hour after now.
func serving(t *testing.T, authority *pki.Authority, host string) *x509.Certificate {
	t.Helper()
	pair, err := authority.Server("server", host)
	require.NoError(t, err)
	block, _ := pem.Decode(pair.Certificate)
	require.NotNil(t, block)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return certificate
}

func TestEachValidationCanBeLeftOutAlone(t *testing.T) {
	authority, err := pki.NewAuthority("authority")
	require.NoError(t, err)
	stranger, err := pki.NewAuthority("authority")
	require.NoError(t, err)
	roots, err := parseCertificates(authority.CertificatePEM())
	require.NoError(t, err)

	right := serving(t, authority, "member.example")
	expired := *right
	expired.NotAfter = time.Now().Add(-time.Hour)
	expired.NotBefore = time.Now().Add(-2 * time.Hour)
	expiredRoot := *roots[0]
	expiredRoot.NotAfter = time.Now().Add(-time.Hour)
	foreign := serving(t, stranger, "member.example")

	anyName, anyTime, both := settings{anyName: true}, settings{anyTime: true}, settings{anyName: true, anyTime: true}
	tests := []struct {
		name        string
		settings    settings
		certificate *x509.Certificate
		root        *x509.Certificate
		serverName  string
		ok          bool
	}{
		{"any name: right", anyName, right, roots[0], "member.example", true},
		{"any name: other name", anyName, right, roots[0], "10.0.0.1", true},
		{"any name: expired", anyName, &expired, roots[0], "member.example", false},
		{"any name: of another authority", anyName, foreign, roots[0], "member.example", false},
		{"any time: right", anyTime, right, roots[0], "member.example", true},
		{"any time: expired", anyTime, &expired, roots[0], "member.example", true},
		{"any time: authority expired", anyTime, right, &expiredRoot, "member.example", true},
		{"any time: other name", anyTime, &expired, roots[0], "10.0.0.1", false},
		{"any time: of another authority", anyTime, foreign, roots[0], "member.example", false},
		{"both: expired and other name", both, &expired, roots[0], "10.0.0.1", true},
		{"both: of another authority", both, foreign, roots[0], "10.0.0.1", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.settings.verify([]*x509.Certificate{test.certificate}, []*x509.Certificate{test.root}, test.serverName)
			if test.ok {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "x509")
			}
		})
	}
	require.Error(t, both.verify(nil, roots, "member.example"))
	require.True(t, expired.NotAfter.Before(time.Now()), "the certificates themselves are left alone")
}
