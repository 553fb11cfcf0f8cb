package members

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"
)

// connection is what was built from one state of a member's settings.
type connection struct {
	// ctx ends when the connection is replaced or the member goes.
	ctx    context.Context
	cancel context.CancelFunc
	member string
	// address identifies the cluster that is reached: see settings.address.
	address  string
	endpoint *url.URL
	sender   *transport
	breaker  *breaker
	http     *http.Client
	metadata metadata.Interface
	objects  dynamic.Interface
	rest     rest.Interface
}

// newConnection builds a connection; nothing is sent. flow learns how requests
// fare, changed is called when the member is found unreachable, or reachable again,
// and held says why it is not written to.
func newConnection(ctx context.Context, member string, s settings, o Options, flow *Flow, changed func(), held func() *HeldError) (*connection, error) {
	b := &breaker{clock: clock.RealClock{}, min: o.MinBackoff, max: o.MaxBackoff, changed: changed}
	if err := s.check(o.Forbidden); err != nil {
		return nil, err
	}
	t, err := s.transport(b, flow, o.Forbidden)
	if err != nil {
		return nil, err
	}
	t.fence, t.held = o.Fence, held
	client := &http.Client{Transport: t, CheckRedirect: refuseRedirect}
	config := metadata.ConfigFor(&rest.Config{
		Host:           s.endpoint.String(),
		UserAgent:      userAgent,
		RateLimiter:    flowcontrol.NewTokenBucketRateLimiter(o.QPS, o.Burst),
		WarningHandler: rest.NoWarnings{},
	})
	config.GroupVersion = &schema.GroupVersion{}
	config.APIPath = "/"
	restClient, err := rest.RESTClientForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("spec.apiEndpoint: %w", err)
	}
	metadataClient, err := metadata.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("spec.apiEndpoint: %w", err)
	}
	objectClient, err := dynamic.NewForConfigAndClient(dynamic.ConfigFor(config), client)
	if err != nil {
		return nil, fmt.Errorf("spec.apiEndpoint: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	return &connection{
		ctx: ctx, cancel: cancel, member: member, address: s.address(), endpoint: s.endpoint,
		sender: t, breaker: b, http: client, metadata: metadataClient, objects: objectClient, rest: restClient,
	}, nil
}

// close ends the watches. Requests on their way are answered still.
func (c *connection) close() {
	c.cancel()
	c.sender.base.CloseIdleConnections()
}

// errorOf turns what a request came back with into the errors of this package.
// ctx is the caller's, without the timeout of the request.
func (c *connection) errorOf(ctx context.Context, resource schema.GroupVersionResource, err error) error {
	if err == nil {
		return nil
	}
	var unanswered *unansweredError
	if errors.As(err, &unanswered) {
		var held *HeldError
		if errors.As(unanswered.cause, &held) {
			return held
		}
		if unanswered.refused {
			return &NotReadyError{Member: c.member, RetryAfter: unanswered.after, Err: unanswered.cause}
		}
		err = unanswered.cause
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case lacksRight(err):
		return &MissingRightError{Member: c.member, Err: err}
	case isUnserved(err):
		return &NotAvailableError{Member: c.member, Resource: resource, Err: err}
	case errors.Is(err, context.DeadlineExceeded), utilnet.IsTimeout(err), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return &TimeoutError{Member: c.member, Err: plain(err)}
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return fmt.Errorf("member %s: %w", c.member, err)
	}
	return fmt.Errorf("member %s: %w", c.member, plain(err))
}

// isUnserved says whether a request was answered by no resource at all, rather
// than by a resource that misses an object.
func isUnserved(err error) bool {
	return apierrors.IsMethodNotSupported(err) ||
		apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}
