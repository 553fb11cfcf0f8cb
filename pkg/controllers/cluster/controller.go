// Package cluster keeps the set of members in step with the KubeFedClusters of
// the system namespace and their Secrets, probes the members, and writes what it
// finds into the status of the KubeFedClusters. It runs on the leader.
//
// A status is written when it says something new, and otherwise once a minute:
// lastProbeTime is when the member was probed at the time of the write, and lags
// behind the last probe by less than a minute and a period. One that is older
// says that nobody probes.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned/scheme"
	federationinformers "github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
	listers "github.com/kubefederation/federation-apiserver/generated/listers/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/settings"
)

// Options are what the controller works with. All are required but Owner.
type Options struct {
	// Namespace is the system namespace.
	Namespace string
	// Federation reaches this server, where KubeFedClusters are.
	Federation versioned.Interface
	// Host reaches the host cluster: Secrets of members are read in the system
	// namespace, and get renewed tokens, and events are written.
	Host kubernetes.Interface
	// Members is kept in step.
	Members *members.Set
	// Settings say how members are probed.
	Settings *settings.InForce
	// Owner says whether members may be written to, nil if nobody asks.
	Owner Owner
}

// Controller keeps one prober per KubeFedCluster.
type Controller struct {
	Options
	queue    workqueue.TypedRateLimitingInterface[string]
	recorder events.EventRecorderLogger

	turns    turns
	clusters listers.KubeFedClusterNamespaceLister
	secrets  corelisters.SecretNamespaceLister

	mu      sync.Mutex
	probers map[string]*prober
	running sync.WaitGroup
}

// New returns a controller; Run makes it work, once.
func New(options Options) (*Controller, error) {
	switch {
	case options.Namespace == "":
		return nil, errors.New("cluster controller: the system namespace must be given")
	case options.Federation == nil || options.Host == nil || options.Members == nil || options.Settings == nil:
		return nil, errors.New("cluster controller: clients of the federation and of the host, the set of members and the settings must be given")
	}
	registerMetrics()
	return &Controller{
		Options: options,
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(workqueue.DefaultTypedControllerRateLimiter[string](),
			workqueue.TypedRateLimitingQueueConfig[string]{Name: "cluster"}),
		turns:   newTurns(mostWrites),
		probers: map[string]*prober{},
	}, nil
}

// Run works until ctx ends, and returns when everything that it started has
// ended. Members stay in the set as they are.
func (c *Controller) Run(ctx context.Context) error {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithName("cluster-controller"))
	ctx, cancel := context.WithCancel(ctx)
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: c.Host.EventsV1()})
	defer func() {
		cancel()
		c.queue.ShutDown()
		c.running.Wait()
		broadcaster.Shutdown()
	}()
	if err := broadcaster.StartRecordingToSinkWithContext(ctx); err != nil {
		return fmt.Errorf("cluster controller: recording events: %w", err)
	}
	c.recorder = broadcaster.NewRecorder(scheme.Scheme, "federation-cluster-controller")

	if err := c.startInformers(ctx); err != nil {
		return err
	}
	if err := c.takeOver(ctx); err != nil {
		return err
	}
	defer c.Settings.OnChange(func(*settings.Settings) { c.probeAll() })()
	klog.FromContext(ctx).Info("Watching member clusters", "namespace", c.Namespace, "members", len(c.Members.List()))

	c.running.Go(func() {
		<-ctx.Done()
		c.queue.ShutDown()
	})
	for c.next(ctx) {
	}
	return nil
}

// startInformers starts the informers, of the system namespace only, and waits
// until they are filled.
func (c *Controller) startInformers(ctx context.Context) error {
	federation := federationinformers.NewSharedInformerFactoryWithOptions(c.Federation, 0, federationinformers.WithNamespace(c.Namespace))
	host := informers.NewSharedInformerFactoryWithOptions(c.Host, 0, informers.WithNamespace(c.Namespace), informers.WithTransform(tokenOnly))
	clusters := federation.Core().V1beta1().KubeFedClusters()
	secrets := host.Core().V1().Secrets()
	c.clusters = clusters.Lister().KubeFedClusters(c.Namespace)
	c.secrets = secrets.Lister().Secrets(c.Namespace)

	for informer, handler := range map[cache.SharedIndexInformer]func(any){
		clusters.Informer(): c.clusterChanged,
		secrets.Informer():  c.secretChanged,
	} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    handler,
			UpdateFunc: func(_, obj any) { handler(obj) },
			DeleteFunc: func(obj any) {
				if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
					obj = unknown.Obj
				}
				handler(obj)
			},
		}); err != nil {
			return fmt.Errorf("cluster controller: %w", err)
		}
	}
	federation.StartWithContext(ctx)
	host.StartWithContext(ctx)
	c.running.Go(func() {
		<-ctx.Done()
		federation.Shutdown()
		host.Shutdown()
	})
	for _, informer := range []cache.SharedIndexInformer{clusters.Informer(), secrets.Informer()} {
		if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			return fmt.Errorf("cluster controller: ended before the clusters and Secrets were read: %w", context.Cause(ctx))
		}
	}
	return nil
}

// tokenOnly keeps of a Secret what is needed of it.
func tokenOnly(obj any) (any, error) {
	if secret, ok := obj.(*corev1.Secret); ok {
		secret.Data = map[string][]byte{members.TokenKey: secret.Data[members.TokenKey]}
		if secret.Data[members.TokenKey] == nil {
			secret.Data = nil
		}
		var annotations map[string]string
		for _, name := range []string{corev1beta1.TokenLifetimeAnnotation, corev1beta1.RenewTokenAtAnnotation} {
			if value, ok := secret.Annotations[name]; ok {
				if annotations == nil {
					annotations = map[string]string{}
				}
				annotations[name] = value
			}
		}
		secret.Annotations, secret.Labels, secret.ManagedFields = annotations, nil, nil
	}
	return obj, nil
}

// takeOver brings all clusters that there are into the set, and says so.
func (c *Controller) takeOver(ctx context.Context) error {
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("cluster controller: %w", err)
	}
	for _, cluster := range clusters {
		if err := c.reconcile(ctx, cluster.Name); err != nil {
			return fmt.Errorf("cluster controller: %w", err)
		}
	}
	c.Members.MarkComplete()
	return nil
}

func (c *Controller) clusterChanged(obj any) {
	if cluster, ok := obj.(*corev1beta1.KubeFedCluster); ok {
		c.queue.Add(cluster.Name)
	}
}

func (c *Controller) secretChanged(obj any) {
	secret, ok := obj.(*corev1.Secret)
	if !ok {
		return
	}
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return // a lister of a local cache has no errors
	}
	for _, cluster := range clusters {
		if cluster.Spec.SecretRef.Name == secret.Name {
			c.queue.Add(cluster.Name)
		}
	}
}

func (c *Controller) next(ctx context.Context) bool {
	name, shutdown := c.queue.Get()
	if shutdown {
		return false
	}
	defer c.queue.Done(name)
	if err := c.reconcile(ctx, name); err != nil {
		klog.FromContext(ctx).Error(err, "Could not take over a cluster; will try again", "cluster", name)
		c.queue.AddRateLimited(name)
		return true
	}
	c.queue.Forget(name)
	return true
}

// origin says what a member's connection was built from.
type origin struct {
	cluster, secret types.UID
	generation      int64
	secretVersion   string
}

// reconcile brings the member and the prober of a cluster in step with it.
func (c *Controller) reconcile(ctx context.Context, name string) error {
	cluster, err := c.clusters.Get(name)
	if apierrors.IsNotFound(err) {
		c.stop(name)
		c.Members.Remove(name)
		return nil
	}
	if err != nil {
		return err
	}
	secret, err := c.secrets.Get(cluster.Spec.SecretRef.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	id := origin{cluster: cluster.UID, generation: cluster.Generation}
	if secret != nil {
		id.secret, id.secretVersion = secret.UID, secret.ResourceVersion
	}

	c.mu.Lock()
	p := c.probers[name]
	c.mu.Unlock()
	if p != nil && p.built.cluster != cluster.UID {
		c.stop(name) // deleted and made again: another member of the same name
		c.Members.Remove(name)
		p = nil
	}
	// What is wrong with the configuration is the prober's to tell.
	began := time.Now()
	_ = c.Members.Update(cluster, secret)
	if p == nil || p.built != id {
		connectionSeconds.Observe(time.Since(began).Seconds())
	}
	if p == nil {
		c.start(ctx, cluster, id)
		return nil
	}
	if p.built != id {
		p.built = id
		p.restart()
	}
	return nil
}

func (c *Controller) start(ctx context.Context, cluster *corev1beta1.KubeFedCluster, id origin) {
	p := newProber(c, cluster, id)
	c.mu.Lock()
	c.probers[cluster.Name] = p
	joinedClusters.Set(float64(len(c.probers)))
	c.mu.Unlock()
	ctx, p.cancel = context.WithCancel(ctx)
	c.running.Go(func() {
		defer close(p.done)
		p.run(ctx)
	})
}

// stop ends the prober of a cluster, if there is one, and waits for it.
func (c *Controller) stop(name string) {
	c.mu.Lock()
	p := c.probers[name]
	delete(c.probers, name)
	joinedClusters.Set(float64(len(c.probers)))
	c.mu.Unlock()
	if p != nil {
		p.cancel()
		<-p.done
		forgetState(name)
		if c.Owner != nil {
			c.Owner.Forget(name)
		}
	}
}

// probeAll lets all probers look at their settings again.
func (c *Controller) probeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.probers {
		p.wake()
	}
}
