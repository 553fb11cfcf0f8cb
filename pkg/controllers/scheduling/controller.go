package scheduling

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
	corelisters "github.com/kubefederation/federation-apiserver/generated/listers/core/v1beta1"
	schedulinglisters "github.com/kubefederation/federation-apiserver/generated/listers/scheduling/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/settings"
)

// Options are what the controller works with. All but Clock and Workers are
// required.
type Options struct {
	// Namespace is the system namespace, where KubeFedClusters are.
	Namespace string
	// Federation reaches this server.
	Federation versioned.Interface
	// Types has the federated objects.
	Types *federatedtypes.Server
	// Members are looked into for replicas and pods.
	Members *members.Set
	// Settings has the delays and the feature gate SchedulerPreferences.
	Settings *settings.InForce
	// Events takes the events on preferences.
	Events record.EventRecorder
	// Workers is how many preferences are looked at at once. Default: 4.
	Workers int
	// Clock tells the time. Default: the real one.
	Clock clock.PassiveClock
}

// Controller carries out preferences. It is run by the leader.
type Controller struct {
	Options
	queue    workqueue.TypedRateLimitingInterface[types.NamespacedName]
	observer *observer
	kinds    *kinds

	preferences schedulinglisters.ReplicaSchedulingPreferenceLister
	clusters    corelisters.KubeFedClusterNamespaceLister
	began       time.Time
}

// New returns a controller; Run makes it work, once. The error names what is
// missing.
func New(options Options) (*Controller, error) {
	if options.Namespace == "" || options.Federation == nil || options.Types == nil || options.Members == nil || options.Settings == nil || options.Events == nil {
		return nil, errors.New("scheduling controller: the system namespace, a client of the federation, the federated types, the members, the settings and a recorder of events must be given")
	}
	options.Workers = cmp.Or(options.Workers, 4)
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	c := &Controller{
		Options: options,
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](50*time.Millisecond, 30*time.Second),
			workqueue.TypedRateLimitingQueueConfig[types.NamespacedName]{Name: "scheduling"}),
	}
	c.observer = newObserver(options.Members, options.Clock, c.memberObjectChanged)
	c.kinds = newKinds(options.Types, c.federatedObjectChanged)
	return c, nil
}

// coalesce is how long changes in members wait for more of them.
const coalesce = 200 * time.Millisecond

// Run works until ctx ends, and returns when everything that it started has ended.
func (c *Controller) Run(ctx context.Context) error {
	logger := klog.FromContext(ctx).WithName("scheduling")
	ctx = klog.NewContext(ctx, logger)
	c.began = c.Clock.Now()
	all := externalversions.NewSharedInformerFactory(c.Federation, 0)
	system := externalversions.NewSharedInformerFactoryWithOptions(c.Federation, 0, externalversions.WithNamespace(c.Namespace))
	preferences := all.Scheduling().V1alpha1().ReplicaSchedulingPreferences()
	clusters := system.Core().V1beta1().KubeFedClusters()
	c.preferences, c.clusters = preferences.Lister(), clusters.Lister().KubeFedClusters(c.Namespace)

	synced := []cache.InformerSynced{}
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		preferences.Informer(): c.preferenceHandler(),
		clusters.Informer():    c.clusterHandler(),
	} {
		registration, err := informer.AddEventHandler(handler)
		if err != nil {
			return fmt.Errorf("scheduling controller: %w", err)
		}
		synced = append(synced, registration.HasSynced)
	}
	all.StartWithContext(ctx)
	system.StartWithContext(ctx)
	defer all.Shutdown()
	defer system.Shutdown()
	defer c.kinds.wait()
	defer c.observer.stop()
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return nil
	}
	select {
	case <-c.Members.Complete():
	case <-ctx.Done():
		return nil
	}
	c.Members.AddEventHandler(func(members.Event) { c.enqueueAll() })
	defer c.Settings.OnChange(func(*settings.Settings) { c.enqueueAll() })()

	logger.Info("Starting")
	defer logger.Info("Stopped")
	var workers sync.WaitGroup
	for range c.Workers {
		workers.Go(func() { c.work(ctx) })
	}
	<-ctx.Done()
	c.queue.ShutDown()
	workers.Wait()
	return nil
}

func (c *Controller) work(ctx context.Context) {
	for {
		key, shutdown := c.queue.Get()
		if shutdown {
			return
		}
		if ctx.Err() == nil {
			c.syncAndRetry(ctx, key)
		}
		c.queue.Done(key)
	}
}

func (c *Controller) syncAndRetry(ctx context.Context, key types.NamespacedName) {
	recheck, err := c.sync(ctx, key)
	if err == nil || ctx.Err() != nil {
		c.queue.Forget(key)
		if !recheck.IsZero() {
			// A little later: times are compared with those of whole seconds.
			c.queue.AddAfter(key, max(0, recheck.Sub(c.Clock.Now()))+10*time.Millisecond)
		}
		return
	}
	// A conflict means that a cache has not caught up yet.
	if !apierrors.IsConflict(err) {
		klog.FromContext(ctx).Error(err, "Cannot schedule replicas, will retry", "preference", klog.KRef(key.Namespace, key.Name))
	}
	c.queue.AddRateLimited(key)
}

func (c *Controller) enqueueAll() { c.enqueueIn("") }

// enqueueIn has all preferences of a namespace looked at; of all if it is empty.
func (c *Controller) enqueueIn(namespace string) {
	if c.preferences == nil {
		return
	}
	list, err := c.preferences.ReplicaSchedulingPreferences(namespace).List(labels.Everything())
	if err != nil {
		return // a cache fails for want of an index only
	}
	for _, p := range list {
		c.queue.AddAfter(types.NamespacedName{Namespace: p.Namespace, Name: p.Name}, coalesce)
	}
}

// memberObjectChanged is told by the observer.
func (c *Controller) memberObjectChanged(namespace, name string) {
	if name == "" {
		c.enqueueIn(namespace)
		return
	}
	c.enqueueIfThere(types.NamespacedName{Namespace: namespace, Name: name}, coalesce)
}

// federatedObjectChanged is told of the objects of kinds that preferences are for.
func (c *Controller) federatedObjectChanged(namespaces bool, object types.NamespacedName) {
	if namespaces {
		c.enqueueIn(object.Namespace)
		return
	}
	c.enqueueIfThere(object, 0)
}

func (c *Controller) enqueueIfThere(key types.NamespacedName, after time.Duration) {
	if _, err := c.preferences.ReplicaSchedulingPreferences(key.Namespace).Get(key.Name); err == nil {
		c.queue.AddAfter(key, after)
	}
}
