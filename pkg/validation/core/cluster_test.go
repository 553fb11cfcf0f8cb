package core_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"pgregory.net/rapid"

	"github.com/kubefederation/federation-apiserver/apis/core"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

func newCluster(t *testing.T) *core.KubeFedCluster {
	return decode[*core.KubeFedCluster](t, `{"apiVersion":"core.kubefed.io/v1beta1","kind":"KubeFedCluster",
		"metadata":{"name":"cluster1","namespace":"kube-federation-system","labels":{"region":"eu"}},
		"spec":{"apiEndpoint":"https://172.18.0.2:6443","secretRef":{"name":"cluster1-shb2x"},"disabledTLSValidations":["SubjectName"],"proxyURL":"socks5://proxy:1080"}}`)
}

// certificate returns a self-signed certificate as PEM.
func certificate(t *testing.T) []byte { return certificateUntil(t, time.Now().Add(time.Hour)) }

// expired returns one that is not valid any more.
func expired(t *testing.T) []byte { return certificateUntil(t, time.Now().Add(-time.Hour)) }

func certificateUntil(t *testing.T, end time.Time) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestValidateKubeFedCluster(t *testing.T) {
	requireFaults(t, validation.ValidateKubeFedCluster(newCluster(t)))

	const endpoint, proxy, checks = "spec.apiEndpoint", "spec.proxyURL", "spec.disabledTLSValidations"
	invalid := func(path, detail string) []fault { return []fault{{field.ErrorTypeInvalid, path, detail}} }
	for name, test := range map[string]struct {
		change func(*core.KubeFedCluster)
		want   []fault
	}{
		"name":                    {func(c *core.KubeFedCluster) { c.Name = "A_B" }, invalid("metadata.name", "RFC 1123 subdomain")},
		"no namespace":            {func(c *core.KubeFedCluster) { c.Namespace = "" }, []fault{{field.ErrorTypeRequired, "metadata.namespace", ""}}},
		"no endpoint":             {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "" }, []fault{{field.ErrorTypeRequired, endpoint, "https://"}}},
		"endpoint scheme":         {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "ftp://member" }, invalid(endpoint, "scheme must be https")},
		"endpoint file":           {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "file:///etc/passwd" }, invalid(endpoint, "must be a URL")},
		"endpoint port 0":         {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://member:0" }, invalid(endpoint, "between 1 and 65535")},
		"endpoint port 65536":     {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://member:65536" }, invalid(endpoint, "between 1 and 65535")},
		"endpoint port empty":     {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://member:" }, invalid(endpoint, "between 1 and 65535")},
		"endpoint port letters":   {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://member:https" }, invalid(endpoint, "must be a URL")},
		"endpoint without host":   {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://:443" }, invalid(endpoint, "must name a host")},
		"endpoint host":           {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://mémbre" }, invalid(endpoint, "IP address or a DNS name")},
		"endpoint path no scheme": {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "member/path" }, invalid(endpoint, "neither a URL nor HOST:PORT")},
		"endpoint control char":   {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://member\r\nX: y" }, invalid(endpoint, "must be a URL")},
		"endpoint credentials":    {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://user:secret@member" }, invalid(endpoint, "must not have credentials")},
		"endpoint query":          {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://member/?a=b" }, invalid(endpoint, "query or a fragment")},
		"endpoint fragment":       {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://member/#a" }, invalid(endpoint, "query or a fragment")},
		"endpoint too long":       {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://member/" + strings.Repeat("a", 4096) }, []fault{{field.ErrorTypeTooLong, endpoint, "2048"}}},
		"no secret":               {func(c *core.KubeFedCluster) { c.Spec.SecretRef.Name = "" }, []fault{{field.ErrorTypeRequired, "spec.secretRef.name", "Secret"}}},
		"secret":                  {func(c *core.KubeFedCluster) { c.Spec.SecretRef.Name = "../other" }, invalid("spec.secretRef.name", "RFC 1123 subdomain")},
		"proxy that is no URL":    {func(c *core.KubeFedCluster) { c.Spec.ProxyURL = "http://user:secret@pro xy:%zz" }, invalid(proxy, "must be a URL")},
		"proxy scheme":            {func(c *core.KubeFedCluster) { c.Spec.ProxyURL = "ftp://proxy" }, []fault{{field.ErrorTypeNotSupported, proxy, `"http", "https", "socks5"`}}},
		"proxy without scheme":    {func(c *core.KubeFedCluster) { c.Spec.ProxyURL = "//proxy" }, []fault{{field.ErrorTypeNotSupported, proxy, `"http", "https", "socks5"`}}},
		"proxy without host":      {func(c *core.KubeFedCluster) { c.Spec.ProxyURL = "http://" }, invalid(proxy, "must name a host")},
		"proxy port":              {func(c *core.KubeFedCluster) { c.Spec.ProxyURL = "http://proxy:70000" }, invalid(proxy, "between 1 and 65535")},
		"proxy too long":          {func(c *core.KubeFedCluster) { c.Spec.ProxyURL = "http://" + strings.Repeat("a", 4096) }, []fault{{field.ErrorTypeTooLong, proxy, "2048"}}},
		"TLS check":               {func(c *core.KubeFedCluster) { c.Spec.DisabledTLSValidations = []core.TLSValidation{"None"} }, []fault{{field.ErrorTypeNotSupported, checks + "[0]", `"*", "SubjectName", "ValidityPeriod"`}}},
		"empty TLS check":         {func(c *core.KubeFedCluster) { c.Spec.DisabledTLSValidations = []core.TLSValidation{""} }, []fault{{field.ErrorTypeRequired, checks + "[0]", "SubjectName"}}},
		"TLS check twice": {func(c *core.KubeFedCluster) {
			c.Spec.DisabledTLSValidations = []core.TLSValidation{"SubjectName", "SubjectName"}
		}, []fault{{field.ErrorTypeDuplicate, checks + "[1]", ""}}},
		"all TLS checks and one": {func(c *core.KubeFedCluster) { c.Spec.DisabledTLSValidations = []core.TLSValidation{"SubjectName", "*"} }, invalid(checks, "must be the only value")},
		"CA bundle":              {func(c *core.KubeFedCluster) { c.Spec.CABundle = []byte("not PEM") }, invalid("spec.caBundle", "at least one PEM certificate")},
		"CA bundle of other PEM": {func(c *core.KubeFedCluster) { c.Spec.CABundle = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY"}) }, invalid("spec.caBundle", "at least one PEM certificate")},
		"CA bundle of no X.509": {func(c *core.KubeFedCluster) {
			c.Spec.CABundle = append(certificate(t), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})...)
		}, invalid("spec.caBundle", "certificate 2 cannot be parsed")},
		"CA bundle too large":     {func(c *core.KubeFedCluster) { c.Spec.CABundle = make([]byte, 2<<20) }, []fault{{field.ErrorTypeTooLong, "spec.caBundle", "524288"}}},
		"https by IP":             {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://[::1]:6443/path" }, nil},
		"zone of an IPv6 address": {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://[fe80::1%25eth0]:6443" }, nil},
		"http":                    {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "http://Member.example.com" }, invalid(endpoint, "scheme must be https")},
		"port 0":                  {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://member:0" }, invalid(endpoint, "between 1 and 65535")},
		"international name":      {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "https://müller.example:6443" }, invalid(endpoint, "host must be an IP address or a DNS name")},
		"expired CA bundle":       {func(c *core.KubeFedCluster) { c.Spec.CABundle, c.Spec.DisabledTLSValidations = expired(t), nil }, invalid("spec.caBundle", "must hold a certificate that is valid now")},
		"expired CA, time ignored": {func(c *core.KubeFedCluster) {
			c.Spec.CABundle, c.Spec.DisabledTLSValidations = expired(t), []core.TLSValidation{"ValidityPeriod"}
		}, nil},
		"CA bundle partly expired": {func(c *core.KubeFedCluster) {
			c.Spec.CABundle, c.Spec.DisabledTLSValidations = append(expired(t), certificate(t)...), nil
		}, nil},
		"host and port":            {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "10.0.0.1:6443" }, nil},
		"name and port":            {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "member:6443" }, nil},
		"host alone":               {func(c *core.KubeFedCluster) { c.Spec.APIEndpoint = "member" }, nil},
		"all TLS checks":           {func(c *core.KubeFedCluster) { c.Spec.DisabledTLSValidations = []core.TLSValidation{"*"} }, nil},
		"CA bundle of two":         {func(c *core.KubeFedCluster) { c.Spec.CABundle = append(certificate(t), certificate(t)...) }, nil},
		"proxy with credentials":   {func(c *core.KubeFedCluster) { c.Spec.ProxyURL = "https://user:secret@proxy:3128" }, nil},
		"no proxy and no TLS list": {func(c *core.KubeFedCluster) { c.Spec.ProxyURL, c.Spec.DisabledTLSValidations = "", nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t)
			test.change(cluster)
			errs := validation.ValidateKubeFedCluster(cluster)
			requireFaults(t, errs, test.want...)
			if len(errs) > 0 {
				require.NotContains(t, errs.ToAggregate().Error(), "secret@", "credentials are not repeated")
			}
		})
	}
}

func TestAddressesNeverPanic(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("http://s:@[]%?#.a1\x00 é")))
		cluster := &core.KubeFedCluster{}
		cluster.Name, cluster.Namespace = "c", "n"
		cluster.Spec.SecretRef.Name = "s"
		cluster.Spec.APIEndpoint = "https://member"
		cluster.Spec.ProxyURL = text.Draw(rt, "proxy")
		for _, err := range validation.ValidateKubeFedCluster(cluster) {
			require.Equal(rt, "spec.proxyURL", err.Field)
		}
		validation.KubeFedClusterWarnings(cluster)

		cluster.Spec.ProxyURL = ""
		cluster.Spec.APIEndpoint = text.Draw(rt, "endpoint")
		for _, err := range validation.ValidateKubeFedCluster(cluster) {
			require.Equal(rt, "spec.apiEndpoint", err.Field)
		}
		validation.KubeFedClusterWarnings(cluster)
	})
}

func TestKubeFedClusterWarnings(t *testing.T) {
	cluster := newCluster(t)
	require.Len(t, validation.KubeFedClusterWarnings(cluster), 1, "a TLS check is left out")
	cluster.Spec.DisabledTLSValidations = nil
	require.Empty(t, validation.KubeFedClusterWarnings(cluster))
	cluster.Spec.ProxyURL = "http://user:secret@proxy"
	warnings := validation.KubeFedClusterWarnings(cluster)
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "spec.proxyURL: ")
	require.NotContains(t, warnings[0], "secret@")
}

func TestValidateKubeFedClusterUpdate(t *testing.T) {
	old := newCluster(t)
	old.Spec.APIEndpoint = "ftp://stored.under.other.rules"

	labelled := old.DeepCopy()
	labelled.Labels["a"] = "b"
	requireFaults(t, validation.ValidateKubeFedClusterUpdate(labelled, old))

	changed := old.DeepCopy()
	changed.Spec.ProxyURL = ""
	requireFaults(t, validation.ValidateKubeFedClusterUpdate(changed, old), fault{field.ErrorTypeInvalid, "spec.apiEndpoint", "scheme"})
}

func TestValidateKubeFedClusterStatusUpdate(t *testing.T) {
	now := metav1.Now()
	good := core.ClusterCondition{Type: core.ClusterReady, Status: "True", LastProbeTime: now}
	for name, test := range map[string]struct {
		conditions []core.ClusterCondition
		want       []fault
	}{
		"none":           {nil, nil},
		"all":            {[]core.ClusterCondition{good, {Type: "Offline", Status: "False", LastProbeTime: now}, {Type: "ConfigMalformed", Status: "Unknown", LastProbeTime: now}}, nil},
		"type":           {[]core.ClusterCondition{good, {Type: "Happy", Status: "True", LastProbeTime: now}}, []fault{{field.ErrorTypeNotSupported, "status.conditions[1].type", "ConfigMalformed"}}},
		"status":         {[]core.ClusterCondition{{Type: "Ready", Status: "Yes", LastProbeTime: now}}, []fault{{field.ErrorTypeNotSupported, "status.conditions[0].status", "Unknown"}}},
		"no probe time":  {[]core.ClusterCondition{{Type: "Ready", Status: "True"}}, []fault{{field.ErrorTypeRequired, "status.conditions[0].lastProbeTime", ""}}},
		"the type twice": {[]core.ClusterCondition{good, good}, []fault{{field.ErrorTypeDuplicate, "status.conditions[1].type", "Ready"}}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t)
			cluster.Status.Conditions = test.conditions
			requireFaults(t, validation.ValidateKubeFedClusterStatusUpdate(cluster), test.want...)
		})
	}
}
