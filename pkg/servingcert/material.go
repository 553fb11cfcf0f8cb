package servingcert

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 90 * 24 * time.Hour
	// skew lets a certificate be used by those whose clocks are behind.
	skew = 5 * time.Minute
	// settle is how long a new authority is announced before it is used: the
	// kube-apiservers of the host learn of it one after the other.
	settle = 2 * time.Minute

	// authorityCertificateKey and authorityKeyKey of the Secret hold the authority
	// that signs, bundleKey those to trust, of which there are two while one
	// follows on another.
	authorityCertificateKey = "ca.crt"
	authorityKeyKey         = "ca.key"
	bundleKey               = "ca-bundle.crt"
)

// material is what the Secret holds. What could not be read of it is missing.
type material struct {
	authority    *x509.Certificate
	authorityKey crypto.Signer
	trusted      []*x509.Certificate
	// certificate is the serving certificate; certPEM and keyPEM are how it is
	// served.
	certificate     *x509.Certificate
	certPEM, keyPEM []byte
}

// read takes what is usable from a Secret. The rest is made anew, which is how a
// person has it replaced: by removing it.
func read(data map[string][]byte) material {
	var m material
	if certificates, err := cert.ParseCertsPEM(data[authorityCertificateKey]); err == nil {
		key, err := keyutil.ParsePrivateKeyPEM(data[authorityKeyKey])
		signer, ok := key.(crypto.Signer)
		if err == nil && ok && certificates[0].IsCA && samePublicKey(certificates[0].PublicKey, signer.Public()) {
			m.authority, m.authorityKey = certificates[0], signer
		}
	}
	if certificates, err := cert.ParseCertsPEM(data[bundleKey]); err == nil {
		m.trusted = certificates
	}
	certPEM, keyPEM := data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey]
	if pair, err := tls.X509KeyPair(certPEM, keyPEM); err == nil {
		m.certificate, m.certPEM, m.keyPEM = pair.Leaf, certPEM, keyPEM
	}
	return m
}

// data is what the Secret shall hold.
func (m material) data() (map[string][]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(m.authorityKey)
	if err != nil {
		return nil, fmt.Errorf("encode the key of the authority: %w", err)
	}
	return map[string][]byte{
		authorityCertificateKey: certificatePEM(m.authority.Raw),
		authorityKeyKey:         pem.EncodeToMemory(&pem.Block{Type: keyutil.PrivateKeyBlockType, Bytes: key}),
		bundleKey:               m.bundle(),
		corev1.TLSCertKey:       m.certPEM,
		corev1.TLSPrivateKeyKey: m.keyPEM,
	}, nil
}

// bundle is the authorities to trust, as an APIService has them.
func (m material) bundle() []byte {
	var bundle bytes.Buffer
	for _, authority := range m.trusted {
		bundle.Write(certificatePEM(authority.Raw))
	}
	return bundle.Bytes()
}

// renewed returns m with what is missing, spent or past two thirds of its life
// made anew, and whether anything was. A new authority is announced, beside the
// old one, before anything is signed by it: announced says that all who must know
// know the authority of m.
func (m material) renewed(names []string, now time.Time, announced bool) (material, bool, error) {
	changed := false
	if m.authority == nil || due(m.authority, now) {
		authority, key, err := newAuthority(now)
		if err != nil {
			return m, false, err
		}
		m.authority, m.authorityKey, changed, announced = authority, key, true, false
	}
	var trusted []*x509.Certificate
	for _, authority := range append([]*x509.Certificate{m.authority}, m.trusted...) {
		if now.Before(authority.NotAfter) && !contains(trusted, authority) {
			trusted = append(trusted, authority)
		}
	}
	changed = changed || len(trusted) != len(m.trusted)
	m.trusted = trusted

	usable := m.certificate != nil && now.Before(m.certificate.NotAfter) && m.isTrusted(m.certificate) && namesAll(m.certificate, names)
	byAuthority := usable && m.certificate.CheckSignatureFrom(m.authority) == nil
	settled := announced && now.Sub(m.authority.NotBefore) >= skew+settle
	if !usable || byAuthority && due(m.certificate, now) || !byAuthority && settled {
		if err := m.issue(names, now); err != nil {
			return m, false, err
		}
		changed = true
	}
	return m, changed, nil
}

func (m material) isTrusted(certificate *x509.Certificate) bool {
	for _, authority := range m.trusted {
		if certificate.CheckSignatureFrom(authority) == nil {
			return true
		}
	}
	return false
}

// due says that two thirds of a certificate's life are over.
func due(certificate *x509.Certificate, now time.Time) bool {
	return now.After(certificate.NotBefore.Add(certificate.NotAfter.Sub(certificate.NotBefore) / 3 * 2))
}

func namesAll(certificate *x509.Certificate, names []string) bool {
	for _, name := range names {
		if certificate.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}

func newAuthority(now time.Time) (*x509.Certificate, crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate the key of an authority: %w", err)
	}
	template, err := newTemplate(now, authorityLife)
	if err != nil {
		return nil, nil, err
	}
	// Two authorities that follow on each other must differ in name: a verifier
	// looks for the issuer by it.
	template.Subject = pkix.Name{CommonName: fmt.Sprintf("federation-apiserver-ca@%d", now.Unix())}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign an authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("parse an authority: %w", err)
	}
	return certificate, key, nil
}

func (m *material) issue(names []string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generate the key of a serving certificate: %w", err)
	}
	template, err := newTemplate(now, certificateLife)
	if err != nil {
		return err
	}
	template.Subject = pkix.Name{CommonName: names[0]}
	template.DNSNames = names
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, m.authority, key.Public(), m.authorityKey)
	if err != nil {
		return fmt.Errorf("sign a serving certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("parse a serving certificate: %w", err)
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return fmt.Errorf("encode the key of a serving certificate: %w", err)
	}
	m.certificate, m.certPEM, m.keyPEM = certificate, certificatePEM(der), keyPEM
	return nil
}

func newTemplate(now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	return &x509.Certificate{SerialNumber: serial, NotBefore: now.Add(-skew), NotAfter: now.Add(life)}, nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: cert.CertificateBlockType, Bytes: der})
}

func contains(certificates []*x509.Certificate, wanted *x509.Certificate) bool {
	for _, certificate := range certificates {
		if certificate.Equal(wanted) {
			return true
		}
	}
	return false
}

func samePublicKey(a, b crypto.PublicKey) bool {
	comparable, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && comparable.Equal(b)
}
