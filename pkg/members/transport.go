package members

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// userAgent is how members know us in their audit logs.
const userAgent = "federation-apiserver"

// transport sends requests to one member: with its token, and not at all while
// the breaker is open.
type transport struct {
	base    *http.Transport
	token   atomic.Pointer[string]
	breaker *breaker
	flow    *Flow
	// longLists has room for the one long list that is being read.
	longLists chan struct{}
	// fence keeps writes back, unless it is nil; held those that are not ungated.
	fence func() error
	held  func() *HeldError
}

type probingKey struct{}

// probing returns a context whose requests pass an open breaker: a probe is what
// closes it.
func probing(ctx context.Context) context.Context {
	return context.WithValue(ctx, probingKey{}, true)
}

// unansweredError is the error of a request without an answer. It does not unwrap
// and does not repeat its cause: client-go would know some causes, and try ten
// times, or take a watch that could not be opened for one that ended. Whether to
// try again is decided here.
type unansweredError struct {
	cause error
	// refused says that the request was kept back, by the breaker for so long as after.
	refused bool
	after   time.Duration
}

func (e *unansweredError) Error() string { return "the request was not answered" }

func (s settings) transport(b *breaker, flow *Flow, forbidden Addresses) (*transport, error) {
	base, err := s.base(forbidden)
	if err != nil {
		return nil, err
	}
	// HTTP/2 with pings, so that a dead connection is noticed under a watch.
	t := &transport{base: utilnet.SetTransportDefaults(base), breaker: b, flow: flow, longLists: make(chan struct{}, 1)}
	t.token.Store(&s.token)
	return t, nil
}

// base returns a transport to the member that says nothing of who sends.
func (s settings) base(forbidden Addresses) (*http.Transport, error) {
	tlsConfig, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	base := &http.Transport{
		TLSClientConfig:       tlsConfig,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: forbidden.control}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		MaxIdleConnsPerHost:   25,
		IdleConnTimeout:       90 * time.Second,
		// What is read is bounded, and a small answer that unpacks to a large one is not
		// what it seems.
		DisableCompression:     true,
		MaxResponseHeaderBytes: headerLimit,
	}
	if s.proxy != nil {
		base.Proxy = http.ProxyURL(s.proxy)
	}
	return base, nil
}

// RoundTrip sends one request.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	if err := t.fenced(request); err != nil {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, &unansweredError{cause: err, refused: true}
	}
	probe := ctx.Value(probingKey{}) != nil
	if !probe {
		if after, err := t.breaker.enter(); err != nil {
			if request.Body != nil {
				request.Body.Close()
			}
			return nil, &unansweredError{cause: err, refused: true, after: after}
		}
	}

	request = request.Clone(ctx)
	request.Header.Set("Authorization", "Bearer "+*t.token.Load())
	request.Header.Set("User-Agent", userAgent)
	if id := auditIDOf(ctx); id != "" {
		request.Header.Set(auditIDHeader, id)
	}
	began := time.Now()
	response, err := t.base.RoundTrip(request)
	t.measure(request, began, response, err)
	if err == nil {
		t.breaker.answered()
		response.Body = t.bounded(request, response)
		return response, nil
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		if !probe {
			t.breaker.abandoned()
		}
	case !probe:
		t.breaker.failed(plain(err))
	}
	return nil, &unansweredError{cause: err}
}

// refuseRedirect is the CheckRedirect of the HTTP client.
func refuseRedirect(request *http.Request, _ []*http.Request) error {
	return &RedirectError{Location: request.URL.Redacted()}
}

// plain returns the cause of a transport error without what differs from one try
// to the next, so that it can stand in a status: the address that was dialled from.
func plain(err error) error {
	var unanswered *unansweredError
	if errors.As(err, &unanswered) {
		err = unanswered.cause
	}
	var urlError *url.Error
	if errors.As(err, &urlError) {
		err = urlError.Err
	}
	var opError *net.OpError
	if errors.As(err, &opError) && opError.Addr != nil {
		return fmt.Errorf("%s %s: %w", opError.Op, opError.Addr, opError.Err)
	}
	return err
}
