package server

import (
	"crypto/x509"
	"net/http"
	"sync"
	"time"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/utils/clock"
)

// clientAuthorityPatience bounds the wait for the certificate authority of users,
// which not every host has. It comes from the same ConfigMap as the front proxy's.
const clientAuthorityPatience = 10 * time.Second

// afterAuthoritiesAreKnown answers 503 as long as the certificate authorities of
// the host, that of its front proxy and that of its users, have not been read,
// which takes a moment after the start. Until then the library takes every user
// that the host forwards for anonymous, and knows no user with a certificate; it
// refuses both with what nobody tries again. Requests with a token need neither.
func afterAuthoritiesAreKnown(handler http.Handler, c *genericapiserver.Config) http.Handler {
	frontProxy := c.Authentication.RequestHeaderConfig
	if frontProxy == nil || frontProxy.CAContentProvider == nil {
		return handler
	}
	a := &authorities{frontProxy: frontProxy.CAContentProvider, clock: clock.RealClock{}}
	if c.SecureServing != nil {
		a.all = c.SecureServing.ClientCA
	}
	return a.before(handler)
}

// authorities are those of the host that sign the certificates of clients.
type authorities struct {
	frontProxy dynamiccertificates.CAContentProvider
	// all has the front proxy's and the users'; nil: there are none of users.
	all   dynamiccertificates.CAContentProvider
	clock clock.PassiveClock

	once sync.Once
	// until is when there is no more waiting for the users' authority.
	until time.Time
}

func (a *authorities) before(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") == "" && !isHealthPath(req.URL.Path) {
			if unknown := a.unknown(req); unknown != "" {
				// A connection that was made without a certificate, as its authority
				// was not asked for, is of no use later.
				w.Header().Set("Connection", "close")
				refuseAtStart(w, req, unknown)
				return
			}
		}
		handler.ServeHTTP(w, req)
	})
}

// unknown says what has to be known before a request can be authenticated.
func (a *authorities) unknown(req *http.Request) string {
	options, known := a.frontProxy.VerifyOptions()
	if !known {
		return "the host's front proxy is not known yet"
	}
	if a.all == nil || len(a.all.CurrentCABundleContent()) > len(a.frontProxy.CurrentCABundleContent()) || fromFrontProxy(req, options) {
		return ""
	}
	a.once.Do(func() { a.until = a.clock.Now().Add(clientAuthorityPatience) })
	if a.clock.Now().Before(a.until) {
		return "the host's authority for users is not known yet"
	}
	return ""
}

func fromFrontProxy(req *http.Request, options x509.VerifyOptions) bool {
	if req.TLS == nil || len(req.TLS.PeerCertificates) == 0 {
		return false
	}
	options.Intermediates = x509.NewCertPool()
	for _, certificate := range req.TLS.PeerCertificates[1:] {
		options.Intermediates.AddCert(certificate)
	}
	_, err := req.TLS.PeerCertificates[0].Verify(options)
	return err == nil
}
