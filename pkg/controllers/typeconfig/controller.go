// Package typeconfig turns FederatedTypeConfigs into kinds that are served, and
// into types that are propagated.
//
// Every replica serves: Run enables and disables kinds. One replica leads: Lead
// starts and stops the propagation, keeps the finalizer, and writes the status.
package typeconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
	listers "github.com/kubefederation/federation-apiserver/generated/listers/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/settings"
)

const (
	// firstRetry and firstPatience are for types that cannot be enabled when the
	// server starts.
	firstRetry    = 100 * time.Millisecond
	firstPatience = 10 * time.Second
)

// Propagation propagates types. It is used by the leader only.
type Propagation interface {
	// Start propagates the objects of kind as config says, until ctx ends or Stop.
	Start(ctx context.Context, kind *federatedtypes.Kind, config *corev1beta1.FederatedTypeConfig) error
	// Stop ends the propagation of the type of the FederatedTypeConfig with the
	// name, and returns when it has ended. It is no error if there is none.
	Stop(name string)
	// Refresh has running types follow a change of the schema of their targets. It
	// does not wait.
	Refresh()
	// Running reports whether the type is being propagated.
	Running(name string) bool
}

// Options are what the controller works with. All are required.
type Options struct {
	// Namespace is the system namespace; FederatedTypeConfigs elsewhere enable
	// nothing.
	Namespace string
	// Federation reaches this server.
	Federation versioned.Interface
	// Types serves the kinds.
	Types *federatedtypes.Server
	// Propagation propagates them.
	Propagation Propagation
	// Settings say whether anything is propagated, and how far.
	Settings *settings.InForce
}

// Controller keeps kinds and propagation in step with FederatedTypeConfigs.
type Controller struct {
	Options
	factory externalversions.SharedInformerFactory
	synced  cache.InformerSynced
	configs listers.FederatedTypeConfigNamespaceLister
	queue   workqueue.TypedRateLimitingInterface[string]

	// mu makes one reconciliation at a time, and guards what follows.
	mu sync.Mutex
	// leading is the context of the leadership, nil without it.
	leading context.Context
	// propagated has what was last started, by name of the FederatedTypeConfig.
	propagated map[string]started
	// released has the types whose objects have been released since their
	// propagation was switched off, and since when.
	released map[string]time.Time
	// unserved has the names whose federated type could not be served.
	unserved map[string]bool
	// lookedAt has the UIDs of the FederatedTypeConfigs that have been reconciled
	// once: their types are served, or cannot be.
	lookedAt sync.Map
}

// started identifies a propagation that was started.
type started struct {
	kind       *federatedtypes.Kind
	generation int64
}

// New makes a controller; Run makes it serve, Lead makes it lead.
func New(options Options) (*Controller, error) {
	switch {
	case options.Namespace == "":
		return nil, errors.New("type config controller: the system namespace must be given")
	case options.Federation == nil || options.Types == nil || options.Propagation == nil || options.Settings == nil:
		return nil, errors.New("type config controller: a client of the federation, the server of the types, the propagation and the settings must be given")
	}
	factory := externalversions.NewSharedInformerFactoryWithOptions(options.Federation, 0, externalversions.WithNamespace(options.Namespace))
	informer := factory.Core().V1beta1().FederatedTypeConfigs()
	registerMetrics()
	c := &Controller{
		Options: options,
		factory: factory,
		synced:  informer.Informer().HasSynced,
		configs: informer.Lister().FederatedTypeConfigs(options.Namespace),
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, 30*time.Second),
			workqueue.TypedRateLimitingQueueConfig[string]{Name: "typeconfig"}),
		propagated: map[string]started{},
		released:   map[string]time.Time{},
		unserved:   map[string]bool{},
	}
	enqueue := func(obj any) {
		if key, err := cache.DeletionHandlingObjectToName(obj); err == nil {
			c.queue.Add(key.Name)
		}
	}
	if _, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, obj any) { enqueue(obj) },
		DeleteFunc: enqueue,
	}); err != nil {
		return nil, fmt.Errorf("type config controller: %w", err)
	}
	options.Types.OnSchemaChange(c.queue.Add)
	options.Types.OnUnknown(c.expects)
	return c, nil
}

// Run serves until ctx ends, and returns when its goroutines have ended. When
// every FederatedTypeConfig that there is has been dealt with once, it marks the
// types as loaded, which the readiness of the server waits for.
func (c *Controller) Run(ctx context.Context) error {
	logger := klog.FromContext(ctx).WithName("typeconfig-controller")
	ctx = klog.NewContext(ctx, logger)
	c.factory.StartWithContext(ctx)
	defer c.factory.Shutdown()
	defer context.AfterFunc(ctx, c.queue.ShutDown)()
	if !cache.WaitForCacheSync(ctx.Done(), c.synced) || c.Settings.Wait(ctx) != nil {
		return nil // ended
	}

	configs, err := c.configs.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list FederatedTypeConfigs: %w", err)
	}
	// Of two that claim one name the older is served, by every replica.
	slices.SortFunc(configs, func(a, b *corev1beta1.FederatedTypeConfig) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	for _, config := range configs {
		c.enableFirst(ctx, config.Name)
	}
	if ctx.Err() != nil {
		return nil
	}
	c.Types.MarkLoaded()
	defer c.Settings.OnChange(func(*settings.Settings) { c.lookAtAll() })()
	for c.next(ctx) {
	}
	return nil
}

// enableFirst does not give up at once: a kind that is not enabled yet when the
// types are marked as loaded looks to its users as if it did not exist.
func (c *Controller) enableFirst(ctx context.Context, name string) {
	var last error
	err := wait.PollUntilContextTimeout(ctx, firstRetry, firstPatience, true, func(context.Context) (bool, error) {
		last = c.reconcile(ctx, name)
		return last == nil, nil
	})
	if err == nil || ctx.Err() != nil {
		return
	}
	klog.FromContext(ctx).Error(last, "Could not enable a federated type before the server is ready", "federatedTypeConfig", name)
	c.queue.AddRateLimited(name)
}

// next reconciles one FederatedTypeConfig; false ends the work.
func (c *Controller) next(ctx context.Context) bool {
	name, shutdown := c.queue.Get()
	if shutdown {
		return false
	}
	defer c.queue.Done(name)
	if err := c.reconcile(ctx, name); err != nil {
		// A conflict means that the cache has not caught up with our own write.
		if ctx.Err() == nil && !apierrors.IsConflict(err) {
			klog.FromContext(ctx).Error(err, "Could not put a FederatedTypeConfig into effect", "federatedTypeConfig", name)
		}
		c.queue.AddRateLimited(name)
		return true
	}
	c.queue.Forget(name)
	return true
}

// Lead leads until ctx ends, and returns when the propagation of all types has
// ended.
func (c *Controller) Lead(ctx context.Context) error {
	c.mu.Lock()
	c.leading = ctx
	c.mu.Unlock()
	c.lookAtAll()

	<-ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leading = nil
	for name := range c.propagated {
		c.stop(name)
	}
	return nil
}

// expects says whether a FederatedTypeConfig that was stored a moment ago, through
// another replica, enables a federated type that is not served here yet.
func (c *Controller) expects(ctx context.Context, resource string) bool {
	configs, err := c.Federation.CoreV1beta1().FederatedTypeConfigs(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return true // not known not to be
	}
	return slices.ContainsFunc(configs.Items, func(config corev1beta1.FederatedTypeConfig) bool {
		_, lookedAt := c.lookedAt.Load(config.UID)
		return config.Spec.FederatedType.PluralName == resource && config.DeletionTimestamp == nil && !lookedAt
	})
}

// lookAtAll has all FederatedTypeConfigs reconciled.
func (c *Controller) lookAtAll() {
	// Before the first sync Run has everything ahead of it anyway, and a lister of
	// a local cache has no errors.
	configs, _ := c.configs.List(labels.Everything())
	for _, config := range configs {
		c.queue.Add(config.Name)
	}
}
