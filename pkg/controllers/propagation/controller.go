package propagation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
)

// Config is what a Controller is made of. What has a default may be left zero.
type Config struct {
	// Members of the federation.
	Members Members
	// Federation reaches the API of this server, where PendingRemovals are kept.
	Federation versioned.Interface
	// Settings in force; called often.
	Settings func() Settings
	// SystemNamespace is the namespace of the federation in the host and in
	// members, which is never propagated.
	SystemNamespace string
	// HostNamespaceUID returns the UID of a namespace of the host, empty if there is
	// none. Called often: it should answer from a cache.
	HostNamespaceUID func(ctx context.Context, name string) (types.UID, error)
	// Events takes the events on federated objects, in the host.
	Events record.EventRecorder

	// ObjectWorkers is how many objects are looked at at once, unless the settings
	// say more. Default: 16.
	ObjectWorkers int
	// RequestTimeout bounds the work on one copy. Default: 30s.
	RequestTimeout time.Duration
	// MinBackoff and MaxBackoff bound the growing time between tries.
	// Default: 200ms and 1m.
	MinBackoff, MaxBackoff time.Duration
	// ReportInterval is how long results wait for those of other members.
	// LongestReportInterval is for members that are busy, but make progress. Both are
	// for objects in few members, and stretched for those in many. Default: 1s and 5s.
	ReportInterval, LongestReportInterval time.Duration
	// NamespacesGrace is how long after the start it may take until the propagation
	// of namespaces is started too; until then objects in namespaces wait.
	// Default: 30s.
	NamespacesGrace time.Duration
	// AllStarted says whether every kind that is to be propagated has been started,
	// so that their recent removals count. What has a budget waits for that, and for
	// NamespacesGrace at most. Default: that is always so.
	AllStarted func() bool
	// StatusRewrites is how many objects a second are looked at only because a member
	// was lost or found: each may have its status written. Default: 100.
	StatusRewrites int
	// Clock to tell the time by. Default: the real one.
	Clock clock.PassiveClock
}

// Controller propagates the kinds that are started. See the documentation of the
// package.
type Controller struct {
	config  Config
	ledger  *ledger
	objects *lane[objectKey]
	// settled says that kinds which are not started by now are not enabled.
	settled   atomic.Bool
	announcer *announcer
	// removals that wait for members, and the names of those to look after.
	removals *pendingRemovals
	pending  *lane[string]
	// pacer has looked at what only a member that was lost or found has made
	// different.
	pacer *pacer
	// starts are shared by the workers of all members.
	starts *starts
	// window has the objects that lost copies of late.
	window removals.Window
	// refreshing has an item when Refresh was called.
	refreshing chan struct{}

	// changing is held while kinds or members come and go.
	changing sync.Mutex
	// ctx of Run, nil before.
	ctx context.Context

	mu      sync.RWMutex
	kinds   map[string]*kind
	workers map[string]*memberWorker
	// objectWorkers run, of objectWorkersWanted.
	objectWorkers, objectWorkersWanted int
}

// New returns a Controller that does nothing until Run. The error names what is
// missing in config.
func New(config Config) (*Controller, error) {
	var errs []error
	for name, missing := range map[string]bool{
		"Members": config.Members == nil, "Federation": config.Federation == nil, "Settings": config.Settings == nil, "SystemNamespace": config.SystemNamespace == "",
		"HostNamespaceUID": config.HostNamespaceUID == nil, "Events": config.Events == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("propagation: %s must be set", name))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	config.ObjectWorkers = cmp.Or(config.ObjectWorkers, 16)
	config.RequestTimeout = cmp.Or(config.RequestTimeout, 30*time.Second)
	config.MinBackoff = cmp.Or(config.MinBackoff, 200*time.Millisecond)
	config.MaxBackoff = cmp.Or(config.MaxBackoff, time.Minute)
	config.ReportInterval = cmp.Or(config.ReportInterval, time.Second)
	config.LongestReportInterval = cmp.Or(config.LongestReportInterval, 5*time.Second)
	config.StatusRewrites = cmp.Or(config.StatusRewrites, 100)
	config.NamespacesGrace = cmp.Or(config.NamespacesGrace, 30*time.Second)
	if config.Clock == nil {
		config.Clock = clock.RealClock{}
	}
	if config.AllStarted == nil {
		config.AllStarted = func() bool { return true }
	}
	registerMetrics()
	return &Controller{
		config:    config,
		ledger:    newLedger(),
		objects:   newLane[objectKey]("propagation_objects", 50*time.Millisecond, 30*time.Second),
		announcer: newAnnouncer(config.Events),
		removals:  newPendingRemovals(config.Federation, config.SystemNamespace),
		pending:   newLane[string]("propagation_removals", time.Second, 30*time.Second),
		pacer:     newPacer(config.StatusRewrites),
		starts:    newStarts(),
		kinds:     map[string]*kind{},
		workers:   map[string]*memberWorker{},

		refreshing: make(chan struct{}, 1),
	}, nil
}

func (c *Controller) now() time.Time { return c.config.Clock.Now() }

// Run works until ctx ends, and returns when all work has ended. It may be called
// once.
func (c *Controller) Run(ctx context.Context) error {
	logger := klog.FromContext(ctx).WithName("propagation")
	ctx = klog.NewContext(ctx, logger)
	c.changing.Lock()
	if c.ctx != nil {
		c.changing.Unlock()
		return errors.New("propagation: Run was called before")
	}
	c.ctx = ctx
	c.changing.Unlock()
	defer c.end()
	state.add(c)
	defer state.remove(c)

	logger.Info("Starting")
	defer logger.Info("Stopped")
	var workers sync.WaitGroup
	defer workers.Wait()
	defer c.pending.ShutDown()
	defer c.objects.ShutDown()
	followed, err := c.removals.informer.AddEventHandler(c.followRemovals())
	if err != nil {
		return fmt.Errorf("propagation: %w", err)
	}
	workers.Go(func() { c.removals.informer.RunWithContext(ctx) })
	// What a copy without a federated object is depends on the removals.
	if !cache.WaitForCacheSync(ctx.Done(), followed.HasSynced) {
		return nil
	}
	c.config.Members.AddHandler(c.memberChanged)
	if !cache.WaitForCacheSync(ctx.Done(), c.config.Members.HasSynced) {
		return nil
	}
	workers.Go(func() { c.runRemovals(ctx) })
	workers.Go(func() { c.pacer.run(ctx, c.isStale, c.objects.AddBackground) })

	inForce := c.takeUp(ctx, &workers, c.config.Settings())
	grace := time.NewTimer(c.config.NamespacesGrace)
	defer grace.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-c.refreshing:
			c.refresh()
			inForce = c.takeUp(ctx, &workers, inForce)
		case <-grace.C:
			c.settled.Store(true)
			if c.kind(namespacesName) == nil {
				c.resyncNamespaced("")
			}
		}
	}
	return nil
}

// end stops whatever still runs.
func (c *Controller) end() {
	c.objects.ShutDown()
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	kinds, workers := c.kinds, c.workers
	c.kinds, c.workers = map[string]*kind{}, map[string]*memberWorker{}
	c.mu.Unlock()
	for _, k := range kinds {
		k.stop()
	}
	for _, w := range workers {
		w.stop()
	}
}

// run is an object worker.
func (c *Controller) run(ctx context.Context) {
	for !c.isSurplus() {
		key, shutdown := c.objects.Get()
		if shutdown {
			return
		}
		if ctx.Err() == nil {
			c.syncAndRetry(ctx, key)
		}
		c.objects.Done(key)
	}
}

func (c *Controller) syncAndRetry(ctx context.Context, key objectKey) {
	began := c.now()
	err := c.sync(ctx, key)
	if c.kind(key.kind) != nil {
		reconcileSeconds.WithLabelValues(key.kind).Observe(c.now().Sub(began).Seconds())
	}
	if err == nil || ctx.Err() != nil || errors.Is(err, context.Canceled) {
		c.objects.Forget(key)
		return
	}
	klog.FromContext(ctx).Error(err, "Cannot propagate an object, will retry", "type", key.kind, "object", klog.KRef(key.Namespace, key.Name))
	c.objects.AddRateLimited(key)
}

// Start begins to propagate the objects of source, which is served for config. If
// the kind is being propagated already, it is stopped first. The work goes on
// until Stop, the end of ctx or the end of Run.
func (c *Controller) Start(ctx context.Context, source Source, config *corev1beta1.FederatedTypeConfig) error {
	c.Stop(config.Name)
	k, err := newKind(ctx, source, config)
	if err != nil {
		return fmt.Errorf("start the propagation: %w", err)
	}
	registration, err := k.informer.AddEventHandler(c.handlerOf(k))
	if err != nil {
		k.cancel()
		return fmt.Errorf("start the propagation: %w", err)
	}

	c.changing.Lock()
	defer c.changing.Unlock()
	if c.ctx != nil && c.ctx.Err() != nil {
		k.cancel()
		return fmt.Errorf("start the propagation: %w", c.ctx.Err())
	}
	k.observes(c.detailOf(k))
	announceMetrics(k.name)
	c.mu.Lock()
	c.kinds[k.name] = k
	workers := make([]*memberWorker, 0, len(c.workers))
	for _, w := range c.workers {
		workers = append(workers, w)
	}
	c.mu.Unlock()
	for _, w := range workers {
		if member := c.config.Members.Get(w.name); member != nil {
			c.attach(k, w, member)
		}
	}
	k.running.Go(func() { k.informer.RunWithContext(k.ctx) })
	k.running.Go(func() {
		if cache.WaitForCacheSync(k.ctx.Done(), registration.HasSynced) {
			c.kindSynced(k)
		}
	})
	return nil
}

// Stop ends the propagation of a kind, and returns when no more requests for it
// are under way. Members stay as they are.
func (c *Controller) Stop(name string) {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	k := c.kinds[name]
	delete(c.kinds, name)
	workers := slices.Collect(maps.Values(c.workers))
	c.mu.Unlock()
	if k == nil {
		return
	}
	k.stop()
	for _, w := range workers {
		w.endListing(k)
	}
	for _, member := range c.config.Members.List() {
		member.StopCopies(k.resource)
	}
	c.ledger.forgetKind(name)
	forgetMetrics(name)
	if k.namespaces {
		c.parkNamespaced()
	}
}

// restartGrace is how long a kind may be away to be started anew without anybody
// being told.
const restartGrace = 2 * time.Second

// parkNamespaced has objects in namespaces looked at when it is clear that the
// propagation of namespaces does not come back at once.
func (c *Controller) parkNamespaced() {
	for _, k := range c.allKinds() {
		if k.namespaced {
			k.each("", func(obj *typesv1beta1.FederatedObject) { c.objects.AddAfter(k.keyOf(obj), restartGrace) })
		}
	}
}

// Running says whether the kind of a FederatedTypeConfig is being propagated.
func (c *Controller) Running(name string) bool {
	return c.kind(name) != nil
}

func (c *Controller) kind(name string) *kind {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.kinds[name]
}

func (c *Controller) allKinds() []*kind {
	c.mu.RLock()
	defer c.mu.RUnlock()
	kinds := make([]*kind, 0, len(c.kinds))
	for _, k := range c.kinds {
		kinds = append(kinds, k)
	}
	return kinds
}

func (c *Controller) allWorkers() []*memberWorker {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Collect(maps.Values(c.workers))
}

func (c *Controller) worker(cluster string) *memberWorker {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.workers[cluster]
}
