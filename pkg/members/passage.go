package members

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	clienttransport "k8s.io/client-go/transport"
	"k8s.io/utils/clock"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Passages lead callers to members under the callers' own names. They are for
// every replica, where a Set is the leader's.
type Passages struct {
	options Options

	mu       sync.Mutex
	byMember map[string]*Passage
}

// NewPassages returns Passages; Options are those of a Set.
func NewPassages(options Options) *Passages {
	return &Passages{options: options.withDefaults(), byMember: map[string]*Passage{}}
}

// To returns the way to the member of that cluster, built anew when what it is
// built from changed. secret is the one that the cluster names, nil when there is
// none. The error is a NotReadyError that says what is wrong with the configuration.
func (p *Passages) To(cluster *corev1beta1.KubeFedCluster, secret *corev1.Secret) (*Passage, error) {
	wanted, err := settingsOf(cluster, secret)
	if err != nil {
		return nil, &NotReadyError{Member: cluster.Name, Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	existing, ok := p.byMember[cluster.Name]
	if ok && wanted.equal(existing.settings) {
		existing.token.Store(&wanted.token)
		return existing, nil
	}
	passage, err := newPassage(cluster.Name, wanted, p.options)
	if err != nil {
		return nil, &NotReadyError{Member: cluster.Name, Err: err}
	}
	p.byMember[cluster.Name] = passage
	if ok {
		existing.close()
	}
	return passage, nil
}

// Forget closes the idle connections to a member. Requests on their way are
// answered still.
func (p *Passages) Forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if passage, ok := p.byMember[name]; ok {
		passage.close()
		delete(p.byMember, name)
	}
}

// Close is Forget for all members.
func (p *Passages) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, passage := range p.byMember {
		passage.close()
	}
	clear(p.byMember)
}

// Passage is the way to one member.
type Passage struct {
	member   string
	settings settings
	// token is that of the moment: it is renewed more often than the rest changes.
	token   atomic.Pointer[string]
	breaker *breaker
	// streams cannot be upgraded to another protocol: those of HTTP/1.1 can.
	streams, upgrades *http.Transport
}

func newPassage(member string, s settings, o Options) (*Passage, error) {
	if err := s.check(o.Forbidden); err != nil {
		return nil, err
	}
	streams, err := s.base(o.Forbidden)
	if err != nil {
		return nil, err
	}
	upgrades, err := s.base(o.Forbidden)
	if err != nil {
		return nil, err
	}
	upgrades.ForceAttemptHTTP2 = false
	upgrades.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	// A connection that was to be upgraded serves nobody else.
	upgrades.DisableKeepAlives = true
	utilnet.SetTransportDefaults(streams)
	utilnet.SetOldTransportDefaults(upgrades)
	p := &Passage{
		member: member, settings: s, streams: streams, upgrades: upgrades,
		breaker: &breaker{clock: clock.RealClock{}, min: o.MinBackoff, max: o.MaxBackoff, changed: func() {}},
	}
	p.token.Store(&s.token)
	return p, nil
}

func (p *Passage) close() {
	p.streams.CloseIdleConnections()
	p.upgrades.CloseIdleConnections()
}

// URL is the address of something in the member's API. path begins with a slash
// and has no segments of dots.
func (p *Passage) URL(path, rawQuery string) *url.URL {
	endpoint := p.settings.endpoint
	return &url.URL{
		Scheme: endpoint.Scheme, Host: endpoint.Host,
		Path: strings.TrimSuffix(endpoint.Path, "/") + path, RawQuery: rawQuery,
	}
}

// Caller is who a request is sent for.
type Caller struct {
	clienttransport.ImpersonationConfig
	// AuditID is what the request is called in audit logs; empty: the member makes
	// one up.
	AuditID string
}

// errUnspeakable is the error of an identity that a header cannot carry.
var errUnspeakable = errors.New("it must not be empty, begin or end with a space, or have control characters")

// Validate says whether the caller can be named in headers as he is. One that
// would arrive as somebody else must not be sent.
func (c *Caller) Validate() error {
	check := func(what, value string) error {
		if value == "" || textproto.TrimString(value) != value || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%s %q: %w", what, value, errUnspeakable)
		}
		return nil
	}
	errs := []error{check("user", c.UserName)}
	if c.UID != "" {
		errs = append(errs, check("UID", c.UID))
	}
	for _, group := range c.Groups {
		errs = append(errs, check("group", group))
	}
	for key, values := range c.Extra {
		errs = append(errs, check("extra key", key))
		for _, value := range values {
			errs = append(errs, check("extra "+key, value))
		}
	}
	return errors.Join(errs...)
}

// As sends requests with the federation's credentials and in the caller's name.
// Whatever a request says itself about who sends it is taken off, here and not
// before: a proxy in front drops headers that the request's own Connection header
// names. Errors are those of this package; a redirect is an error.
func (p *Passage) As(caller Caller) http.RoundTripper {
	return &callerTransport{passage: p, caller: caller}
}

type callerTransport struct {
	passage *Passage
	caller  Caller
}

// RoundTrip implements http.RoundTripper.
func (t *callerTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	p, ctx := t.passage, request.Context()
	if after, err := p.breaker.enter(); err != nil {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, &NotReadyError{Member: p.member, RetryAfter: after, Err: err}
	}
	var base http.RoundTripper = p.streams
	if request.Header.Get("Upgrade") != "" {
		base = p.upgrades
	}
	request = request.Clone(ctx)
	stripIdentity(request.Header)
	request.Header.Set("Authorization", "Bearer "+*p.token.Load())
	if t.caller.AuditID != "" {
		request.Header.Set(auditIDHeader, t.caller.AuditID)
	}
	response, err := clienttransport.NewImpersonatingRoundTripper(t.caller.ImpersonationConfig, base).RoundTrip(request)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			p.breaker.abandoned()
			return nil, ctx.Err()
		}
		p.breaker.failed(plain(err))
		if utilnet.IsTimeout(err) {
			return nil, &TimeoutError{Member: p.member, Err: plain(err)}
		}
		return nil, fmt.Errorf("member %s: %w", p.member, plain(err))
	}
	p.breaker.answered()
	if response.StatusCode/100 == 3 && response.StatusCode != http.StatusNotModified {
		response.Body.Close()
		return nil, &RedirectError{Location: response.Header.Get("Location")}
	}
	return response, nil
}

const (
	// A WebSocket of a browser carries its token in the name of a protocol.
	protocolHeader      = "Sec-Websocket-Protocol"
	tokenProtocolPrefix = "base64url.bearer.authorization.k8s.io."
)

// stripIdentity takes off everything by which a request may say who sends it.
func stripIdentity(header http.Header) {
	for key := range header {
		// Some servers take an underscore for a dash.
		name := strings.ReplaceAll(strings.ToLower(key), "_", "-")
		switch {
		case strings.HasPrefix(name, "impersonate-"), strings.HasPrefix(name, "x-remote-"),
			name == "authorization", name == "proxy-authorization", name == "cookie", name == "audit-id":
			delete(header, key)
		}
	}
	var protocols []string
	for _, line := range header[protocolHeader] {
		for protocol := range strings.SplitSeq(line, ",") {
			if protocol = strings.TrimSpace(protocol); !strings.HasPrefix(protocol, tokenProtocolPrefix) {
				protocols = append(protocols, protocol)
			}
		}
	}
	if header.Del(protocolHeader); len(protocols) > 0 {
		header.Set(protocolHeader, strings.Join(protocols, ", "))
	}
}
