package members

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/credentials"
)

// TokenKey is the key of a member's bearer token in its Secret.
const TokenKey = "token"

// settings are all that a connection is built from. Nothing else of a
// KubeFedCluster or its Secret is looked at: no file name, no command.
type settings struct {
	endpoint *url.URL
	proxy    *url.URL // nil: as the environment of the process says
	ca       []byte   // PEM; empty: the system's roots
	token    string

	insecure, anyName, anyTime bool
}

// equal says whether a connection built from s would serve for other, but for the
// token.
func (s settings) equal(other settings) bool {
	return s.address() == other.address() &&
		s.insecure == other.insecure && s.anyName == other.anyName && s.anyTime == other.anyTime
}

// address identifies the cluster that is reached, as far as that can be known:
// behind another address or another authority there may be another cluster.
func (s settings) address() string {
	proxy := ""
	if s.proxy != nil {
		proxy = s.proxy.String()
	}
	return strings.Join([]string{s.endpoint.String(), proxy, string(s.ca)}, "\n")
}

// settingsOf reads and checks what a connection is built from. The token is in no error.
func settingsOf(cluster *corev1beta1.KubeFedCluster, secret *corev1.Secret) (settings, error) {
	spec := &cluster.Spec
	var s settings
	var err error

	endpoint := spec.APIEndpoint
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	if s.endpoint, err = parseURL(endpoint, "https"); err != nil {
		return s, fmt.Errorf("spec.apiEndpoint: %w", err)
	}
	if s.endpoint.User != nil {
		return s, errors.New("spec.apiEndpoint: must not hold a user name or password")
	}
	if spec.ProxyURL != "" {
		if s.proxy, err = parseURL(spec.ProxyURL, "http", "https", "socks5"); err != nil {
			return s, fmt.Errorf("spec.proxyURL: %w", err)
		}
	}
	s.ca = bytes.TrimSpace(spec.CABundle)
	if _, err := parseCertificates(s.ca); err != nil {
		return s, fmt.Errorf("spec.caBundle: %w", err)
	}
	for i, validation := range spec.DisabledTLSValidations {
		switch validation {
		case corev1beta1.TLSAll:
			s.insecure = true
		case corev1beta1.TLSSubjectName:
			s.anyName = true
		case corev1beta1.TLSValidityPeriod:
			s.anyTime = true
		default:
			return s, fmt.Errorf("spec.disabledTLSValidations[%d]: %q must be one of *, SubjectName, ValidityPeriod", i, validation)
		}
	}

	if secret == nil {
		return s, fmt.Errorf("spec.secretRef.name: there is no Secret %q in namespace %q", spec.SecretRef.Name, cluster.Namespace)
	}
	if len(secret.Data[TokenKey]) > credentials.MaxTokenBytes {
		return s, fmt.Errorf("spec.secretRef.name: key %q of Secret %q is not a bearer token: it has more than %d bytes", TokenKey, spec.SecretRef.Name, credentials.MaxTokenBytes)
	}
	s.token = strings.TrimSpace(string(secret.Data[TokenKey]))
	if s.token == "" {
		return s, fmt.Errorf("spec.secretRef.name: Secret %q has no key %q with the bearer token", spec.SecretRef.Name, TokenKey)
	}
	if strings.ContainsFunc(s.token, isNotOfToken) {
		return s, fmt.Errorf("spec.secretRef.name: key %q of Secret %q is not a bearer token: it must be one line of printable ASCII", TokenKey, spec.SecretRef.Name)
	}
	return s, nil
}

func parseURL(text string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The text may hold a password: url.Error repeats it.
		var parseError *url.Error
		if errors.As(err, &parseError) {
			err = parseError.Err
		}
		return nil, fmt.Errorf("must be a URL: %w", err)
	}
	if !slices.Contains(schemes, u.Scheme) {
		return nil, fmt.Errorf("must begin with %s://", strings.Join(schemes, ":// or "))
	}
	if u.Hostname() == "" {
		return nil, errors.New("must name a host")
	}
	return u, nil
}

// parseCertificates reads PEM certificates; empty gives none.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	rest := data
	for len(bytes.TrimSpace(rest)) > 0 {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			return nil, errors.New("must hold PEM certificates only")
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(certificates)+1, err)
		}
		certificates = append(certificates, certificate)
	}
	if len(data) > 0 && len(certificates) == 0 {
		return nil, errors.New("must hold at least one PEM certificate")
	}
	return certificates, nil
}
