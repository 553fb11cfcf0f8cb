// Package dns keeps the DNS names of federated Services and Ingresses: the status
// of ServiceDNSRecords and IngressDNSRecords from what the members have, and the
// DNSEndpoints that result, in this server and as DNSEndpoints of externaldns.k8s.io
// in the host, which is what external-dns reads. It runs on the leader.
//
// Which names there are is decided by pkg/dns. What is not known is not taken for
// absent: while a member has not said what it has, its part of the status stays as
// it was, and while no member is ready all of it does.
package dns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/settings"
)

const (
	// workers is how many records of a kind are worked on at once.
	workers = 4
	// minRetry and maxRetry bound the growing time between two tries of one record.
	minRetry, maxRetry = 100 * time.Millisecond, time.Minute
)

// Options are what the controller works with. All are required.
type Options struct {
	// Namespace is the system namespace, which has the Domains and KubeFedClusters.
	Namespace string
	// Federation reaches this server.
	Federation versioned.Interface
	// Host reaches the host cluster.
	Host dynamic.Interface
	// Members are the members.
	Members *members.Set
	// Settings have the gates CrossClusterServiceDiscovery and FederatedIngress.
	Settings *settings.InForce
	// Resolver looks up host names of load balancers.
	Resolver Resolver
}

// Controller keeps DNS names.
type Controller struct {
	Options
	addresses *addresses
	mirrored  *outcomes
	services  *records[*serviceRecord]
	ingresses *records[*ingressRecord]
}

// New returns a controller; Run makes it work.
func New(options Options) (*Controller, error) {
	switch {
	case options.Namespace == "":
		return nil, errors.New("DNS controller: the system namespace must be given")
	case options.Federation == nil || options.Host == nil:
		return nil, errors.New("DNS controller: clients of the federation and of the host must be given")
	case options.Members == nil || options.Settings == nil || options.Resolver == nil:
		return nil, errors.New("DNS controller: the set of members, the settings and a resolver must be given")
	}
	c := &Controller{Options: options, addresses: newAddresses(options.Resolver, time.Now), mirrored: newOutcomes()}
	c.services = newRecords(c, serviceKind(c))
	c.ingresses = newRecords(c, ingressKind(c))
	return c, nil
}

// Run works until ctx ends, and returns when everything that it started has ended.
// The gates start and stop its parts.
func (c *Controller) Run(ctx context.Context) error {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithName("dns-controller"))
	group, ctx := errgroup.WithContext(ctx)
	services := func(s *settings.Settings) bool { return s.Enabled(corev1beta1.CrossClusterServiceDiscovery) }
	ingresses := func(s *settings.Settings) bool { return s.Enabled(corev1beta1.FederatedIngress) }
	either := func(s *settings.Settings) bool { return services(s) || ingresses(s) }
	group.Go(func() error { return c.Settings.While(ctx, services, c.services.run) })
	group.Go(func() error { return c.Settings.While(ctx, ingresses, c.ingresses.run) })
	group.Go(func() error { return c.Settings.While(ctx, either, c.mirror) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("DNS controller: %w", err)
	}
	return nil
}

// newFactory makes informers of the namespaces in which records count.
func (c *Controller) newFactory() externalversions.SharedInformerFactory {
	if c.Settings.Get().Namespaced() {
		return c.newSystemFactory()
	}
	return externalversions.NewSharedInformerFactory(c.Federation, 0)
}

// newSystemFactory makes informers of the system namespace.
func (c *Controller) newSystemFactory() externalversions.SharedInformerFactory {
	return externalversions.NewSharedInformerFactoryWithOptions(c.Federation, 0, externalversions.WithNamespace(c.Namespace))
}

type queue = workqueue.TypedRateLimitingInterface[types.NamespacedName]

func newQueue(name string) queue {
	return workqueue.NewTypedRateLimitingQueueWithConfig(
		workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](minRetry, maxRetry),
		workqueue.TypedRateLimitingQueueConfig[types.NamespacedName]{Name: name})
}

// work takes keys from the queue until it shuts down. A conflict means that a cache
// has not caught up with our own write, and is not told.
func work(ctx context.Context, q queue, kind string, reconcile func(context.Context, types.NamespacedName) error) {
	for {
		key, shutdown := q.Get()
		if shutdown {
			return
		}
		err := reconcile(ctx, key)
		switch {
		case err == nil || ctx.Err() != nil:
			q.Forget(key)
		default:
			if !isStale(err) {
				klog.FromContext(ctx).Error(err, "Could not bring DNS names up to date; will try again", "kind", kind, "object", key)
			}
			q.AddRateLimited(key)
		}
		q.Done(key)
	}
}
