package federatedtypes

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// publishDelay is how long the publisher waits for further changes, so that many
// kinds at once are published together.
const publishDelay = 100 * time.Millisecond

// publisher tells the world which kinds there are: aggregated discovery, OpenAPI
// v2 and v3, and a nudge to the host to read them again.
type publisher struct {
	server  *Server
	v2      *documentV2
	generic *genericapiserver.GenericAPIServer
	dirty   chan struct{}
}

func newPublisher(s *Server) (*publisher, error) {
	v2, err := newDocumentV2(s.config.Definitions)
	if err != nil {
		return nil, err
	}
	return &publisher{server: s, v2: v2, dirty: make(chan struct{}, 1)}, nil
}

// attach publishes through server from now on.
func (p *publisher) attach(server *genericapiserver.GenericAPIServer) {
	p.generic = server
}

// changed asks for a publication; it does not wait for it.
func (p *publisher) changed() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// run publishes changes until ctx ends. Nothing is published before the kinds
// have been loaded.
func (p *publisher) run(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-p.server.loaded:
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.dirty:
		}
		// Discovery is cheap and is what a user who just enabled a type looks for.
		p.publishDiscovery()
		select {
		case <-ctx.Done():
			return
		case <-time.After(publishDelay):
		}
		select {
		case <-p.dirty:
		default:
		}
		p.publishDiscovery()
		p.publishOpenAPI()
		p.nudge(ctx)
	}
}

func (p *publisher) publishDiscovery() {
	p.generic.AggregatedDiscoveryGroupManager.AddGroupVersion(typesv1beta1.GroupName, p.server.discoverable())
}

// publishOpenAPI replaces both documents. A server that publishes no OpenAPI is
// left without.
func (p *publisher) publishOpenAPI() {
	kinds := p.server.Kinds()
	if service := p.generic.OpenAPIV3VersionedService; service != nil {
		service.UpdateGroupVersion("apis/"+typesv1beta1.SchemeGroupVersion.String(), p.server.definitions.documentV3(kinds))
	}
	if service := p.generic.OpenAPIVersionedService; service != nil && p.generic.StaticOpenAPISpec != nil {
		// The old document is replaced as a whole; it cannot fail.
		_ = service.UpdateSpec(p.v2.with(p.generic.StaticOpenAPISpec, kinds))
	}
}

// nudge tells the host, again and again until it listens or there is something
// newer to tell.
func (p *publisher) nudge(ctx context.Context) {
	if p.server.config.NudgeHost == nil {
		return
	}
	backoff := wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 8, Cap: 30 * time.Second}.DelayWithReset(clock.RealClock{}, 10*time.Minute)
	for {
		err := p.server.config.NudgeHost(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		klog.FromContext(ctx).V(2).Info("The host does not know yet that the federated types changed", "err", fmt.Sprint(err))
		select {
		case <-ctx.Done():
			return
		case <-p.dirty:
			p.changed()
			return
		case <-time.After(backoff()):
		}
	}
}
