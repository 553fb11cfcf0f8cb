package members

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// tlsConfig checks the member's certificate as the settings say.
func (s settings) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.insecure {
		config.InsecureSkipVerify = true // the user disabled every validation
		return config, nil
	}
	roots, err := parseCertificates(s.ca)
	if err != nil {
		return nil, fmt.Errorf("spec.caBundle: %w", err)
	}
	if !s.anyName && !s.anyTime {
		if len(roots) > 0 {
			config.RootCAs = poolOf(roots)
		}
		return config, nil
	}
	// The library checks all or nothing; what is left to check is checked below.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		return s.verify(state.PeerCertificates, roots, state.ServerName)
	}
	return config, nil
}

// verify checks a chain, but for its names with anyName, and but for the time
// with anyTime. Without roots the system's are used, which must be valid now.
func (s settings) verify(chain, roots []*x509.Certificate, serverName string) error {
	if len(chain) == 0 {
		return errors.New("tls: the server sent no certificate")
	}
	if s.anyTime {
		chain, roots = timeless(chain), timeless(roots)
	}
	options := x509.VerifyOptions{Intermediates: poolOf(chain[1:])}
	if len(roots) > 0 {
		options.Roots = poolOf(roots)
	}
	if !s.anyName {
		options.DNSName = serverName
	}
	if _, err := chain[0].Verify(options); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}

// timeless returns copies of certificates that are valid at any time. Their
// signatures are checked over the original bytes.
func timeless(certificates []*x509.Certificate) []*x509.Certificate {
	copies := make([]*x509.Certificate, len(certificates))
	for i, certificate := range certificates {
		c := *certificate
		c.NotBefore = time.Unix(0, 0)
		c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		copies[i] = &c
	}
	return copies
}

func poolOf(certificates []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	return pool
}
