package soak

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/pki"
)

// Troubles that a gateway makes.
const (
	tooMany   = "429"
	internal  = "500"
	unready   = "503"
	lostReply = "lost answer"
	slowReply = "slow answer"
)

// gateway is between the federation and a member, and speaks HTTP: it can answer in the member's place, and lose the
// member's answer to what was carried out.
type gateway struct {
	server   *http.Server
	done     sync.WaitGroup
	address  string
	upstream *http.Transport
	// authority is what the federation shall trust, PEM.
	authority []byte

	mu      sync.Mutex
	trouble string
	share   float64
	hits    int
}

// newGateway starts one in front of the address at which the federation reached the member before.
func newGateway(member *env.Cluster) (*gateway, error) {
	authority, err := pki.NewAuthority("soak-gateway")
	if err != nil {
		return nil, err
	}
	serving, err := authority.Server("gateway", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(serving.Certificate, serving.Key)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(member.Endpoint())
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(member.Config().CAData) {
		return nil, errors.New("the member has no certificate authority")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g := &gateway{
		address:   listener.Addr().String(),
		authority: authority.CertificatePEM(),
		upstream:  &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 100},
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     g.upstream,
		FlushInterval: -1,
		// Without an answer there is none, as without a gateway.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	g.server = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, proxy) }),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	// It ends when the gateway is closed.
	g.done.Go(func() { _ = g.server.ServeTLS(listener, "", "") })
	return g, nil
}

func (g *gateway) endpoint() string { return "https://" + g.address }

func (g *gateway) close() {
	_ = g.server.Close()
	g.done.Wait()
	g.upstream.CloseIdleConnections()
}

// set begins a trouble for a share of the requests; an empty one ends it. It returns how many requests met the last.
func (g *gateway) set(trouble string, share float64) (hits int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	hits = g.hits
	g.trouble, g.share, g.hits = trouble, share, 0
	return hits
}

// meet chooses what a request meets.
func (g *gateway) meet() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trouble == "" || rand.Float64() >= g.share {
		return ""
	}
	g.hits++
	return g.trouble
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request, proxy http.Handler) {
	switch trouble := g.meet(); trouble {
	case tooMany, internal, unready:
		code := map[string]int{tooMany: http.StatusTooManyRequests, internal: http.StatusInternalServerError, unready: http.StatusServiceUnavailable}[trouble]
		if trouble == tooMany {
			w.Header().Set("Retry-After", "1")
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"injected","code":%d}`, code)
	case lostReply:
		if !isWatch(r) {
			// The member carries it out.
			proxy.ServeHTTP(&lost{header: http.Header{}}, r.WithContext(context.WithoutCancel(r.Context())))
		}
		panic(http.ErrAbortHandler)
	case slowReply:
		if pauseFor(r.Context(), time.Second) {
			proxy.ServeHTTP(w, r)
		}
	default:
		proxy.ServeHTTP(w, r)
	}
}

func isWatch(r *http.Request) bool { return strings.Contains(r.URL.RawQuery, "watch=") }

// lost takes an answer and keeps nothing of it.
type lost struct{ header http.Header }

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) Write(b []byte) (int, error) { return len(b), nil }
func (l *lost) WriteHeader(int)             {}
