package servingcert

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

var (
	names = []string{"federation-apiserver.system.svc", "localhost"}
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// fresh is what a new installation has.
func fresh(t *testing.T) material {
	t.Helper()
	m, changed, err := read(nil).renewed(names, start, false)
	require.NoError(t, err)
	require.True(t, changed)
	return m
}

// stored passes m through its Secret.
func stored(t *testing.T, m material) material {
	t.Helper()
	data, err := m.data()
	require.NoError(t, err)
	return read(data)
}

// verify checks what is served as the host does.
func verify(t *testing.T, m material, bundle []byte, now time.Time) error {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(bundle))
	_, err := m.certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: names[0], CurrentTime: now})
	return err
}

func TestNothingIsRenewedBeforeItsTime(t *testing.T) {
	m := fresh(t)
	require.NoError(t, verify(t, m, m.bundle(), start))
	same, changed, err := stored(t, m).renewed(names, start.Add(certificateLife/2), true)
	require.NoError(t, err)
	require.False(t, changed)
	require.Equal(t, m.certPEM, same.certPEM)
	require.Equal(t, m.bundle(), same.bundle())
}

func TestCertificateIsRenewedByTheSameAuthority(t *testing.T) {
	m := fresh(t)
	for what, test := range map[string]struct {
		now    time.Time
		names  []string
		change func(map[string][]byte)
	}{
		"two thirds of its life over": {now: start.Add(certificateLife * 2 / 3), names: names},
		"expired":                     {now: start.Add(certificateLife * 2), names: names},
		"another name":                {now: start, names: append([]string{"other.svc"}, names...)},
		"removed by a person": {now: start, names: names, change: func(data map[string][]byte) {
			delete(data, corev1.TLSCertKey)
		}},
		"key of another": {now: start, names: names, change: func(data map[string][]byte) {
			data[corev1.TLSPrivateKeyKey] = fresh(t).keyPEM
		}},
	} {
		t.Run(what, func(t *testing.T) {
			data, err := m.data()
			require.NoError(t, err)
			if test.change != nil {
				test.change(data)
			}
			next, changed, err := read(data).renewed(test.names, test.now, true)
			require.NoError(t, err)
			require.True(t, changed)
			require.NotEqual(t, m.certPEM, next.certPEM)
			require.Equal(t, m.bundle(), next.bundle())
			require.NoError(t, verify(t, next, m.bundle(), test.now))
		})
	}
}

// At every moment of the change the host trusts what is served, whichever of the
// two states the one or the other has seen.
func TestAuthorityIsAnnouncedBeforeItSigns(t *testing.T) {
	m := fresh(t)
	now := start
	step := func(announced bool, wantChanged bool) {
		t.Helper()
		next, changed, err := stored(t, m).renewed(names, now, announced)
		require.NoError(t, err)
		require.Equal(t, wantChanged, changed)
		if changed {
			require.NoError(t, verify(t, m, next.bundle(), now), "served before, announced after")
			require.NoError(t, verify(t, next, m.bundle(), now), "served after, announced before")
		}
		m = next
	}
	// The certificate is renewed all along.
	for now.Before(start.Add(authorityLife * 2 / 3).Add(-certificateLife)) {
		now = now.Add(certificateLife * 2 / 3)
		step(true, true)
		require.Len(t, m.trusted, 1)
	}
	first := m.authority
	now = start.Add(authorityLife * 2 / 3).Add(time.Hour)
	// Whether the certificate is due now too does not matter.
	data, err := m.data()
	require.NoError(t, err)
	m = read(data)
	served := m.certPEM
	next, changed, err := m.renewed(names, now, true)
	require.NoError(t, err)
	require.True(t, changed)
	require.False(t, next.authority.Equal(first))
	require.Equal(t, served, next.certPEM, "nobody knows the new authority yet")
	require.Len(t, next.trusted, 2)
	m = next

	now = now.Add(time.Second)
	step(true, false) // announced, but not for long
	now = now.Add(settle)
	step(false, false) // for long, but not everywhere
	step(true, true)
	require.NoError(t, m.certificate.CheckSignatureFrom(m.authority))

	now = start.Add(authorityLife).Add(-time.Second)
	next, _, err = stored(t, m).renewed(names, now, true)
	require.NoError(t, err)
	require.Len(t, next.trusted, 2)
	next, changed, err = next.renewed(names, now.Add(2*time.Second), true)
	require.NoError(t, err)
	require.True(t, changed)
	require.Len(t, next.trusted, 1, "an expired authority is not trusted")
}

func TestUnusableAuthorityIsReplaced(t *testing.T) {
	m := fresh(t)
	for what, change := range map[string]func(map[string][]byte){
		"no key":  func(data map[string][]byte) { delete(data, authorityKeyKey) },
		"not PEM": func(data map[string][]byte) { data[authorityCertificateKey] = []byte("x") },
		"not an authority": func(data map[string][]byte) {
			data[authorityCertificateKey], data[authorityKeyKey] = m.certPEM, m.keyPEM
		},
		"key of another": func(data map[string][]byte) {
			other, err := fresh(t).data()
			require.NoError(t, err)
			data[authorityKeyKey] = other[authorityKeyKey]
		},
	} {
		t.Run(what, func(t *testing.T) {
			data, err := m.data()
			require.NoError(t, err)
			change(data)
			next, changed, err := read(data).renewed(names, start, false)
			require.NoError(t, err)
			require.True(t, changed)
			require.False(t, next.authority.Equal(m.authority))
			require.NoError(t, verify(t, next, m.bundle(), start), "the old certificate goes on until the new authority is known")
			require.NoError(t, verify(t, next, next.bundle(), start))
		})
	}
}
