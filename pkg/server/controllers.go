package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/dynamic"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/cluster"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/dns"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/propagation"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/scheduling"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/typeconfig"
	"github.com/kubefederation/federation-apiserver/pkg/etcd"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/settings"
)

// controllers are what runs in the process beside the API. Kinds are served by
// every replica; everything else is done by the one that leads.
type controllers struct {
	config     *FederationConfig
	host       kubernetes.Interface
	namespaces coreinformers.NamespaceInformer

	settings    *settings.InForce
	clusters    *knownClusters
	credentials *credentials
	events      record.EventBroadcaster
	members     *members.Set
	typeConfig  *typeconfig.Controller
	cluster     *cluster.Controller
	propagation *propagation.Controller
	scheduling  *scheduling.Controller
	dns         *dns.Controller
	// fence is closed for members when another replica may lead.
	fence *fence
	// identity is that of the hub, in cell of the store.
	identity *identity.Keeper
	cell     *etcd.Cell
	// stopMembers ends every connection to a member.
	stopMembers context.CancelFunc
}

// newControllers makes the controllers; nothing runs yet. loopback reaches this
// server.
func (c CompletedConfig) newControllers(loopback *rest.Config, host kubernetes.Interface, kinds *federatedtypes.Server) (*controllers, error) {
	namespace := c.Federation.Namespace
	federation, err := versioned.NewForConfig(rest.AddUserAgent(rest.CopyConfig(loopback), "federation-controllers"))
	if err != nil {
		return nil, fmt.Errorf("client of this server: %w", err)
	}
	inForce, err := settings.Follow(federation, namespace)
	if err != nil {
		return nil, err
	}
	fence := newFence()
	c.Federation.settings.inForce = inForce
	// Whatever was started with this context has ended when members are closed.
	membersCtx, stopMembers := context.WithCancel(context.Background())
	result := &controllers{
		config:      c.Federation,
		host:        host,
		settings:    inForce,
		events:      record.NewBroadcaster(),
		fence:       fence,
		stopMembers: stopMembers,
		namespaces:  c.Federation.HostInformers.Core().V1().Namespaces(),
	}
	if err := result.identify(); err != nil {
		return nil, err
	}
	result.members = members.NewSet(membersCtx, members.Options{
		Confined: confinedTo(inForce, namespace), Forbidden: c.Federation.ForbiddenMembers, Fence: fence.check,
		Hold: result.hold, Owned: true,
	})
	// Whoever asks for an informer before the factory starts has it started.
	result.namespaces.Informer()
	result.propagation, err = propagation.New(propagation.Config{
		Members:          pushedMembers{Set: result.members, clusters: federation.CoreV1beta1().KubeFedClusters(namespace)},
		Federation:       federation,
		Settings:         func() propagation.Settings { return propagationSettings(inForce.Get()) },
		SystemNamespace:  namespace,
		HostNamespaceUID: result.namespaceUID,
		Events:           result.events.NewRecorder(Scheme, corev1.EventSource{Component: "federation-apiserver"}),
		AllStarted:       func() bool { return result.typeConfig.AllStarted() },
	})
	if err != nil {
		return nil, err
	}
	inForce.OnChange(func(*settings.Settings) { result.propagation.Refresh() })
	result.cluster, err = cluster.New(cluster.Options{
		Namespace: namespace, Federation: federation, Host: host, Members: result.members, Settings: inForce, Owner: result.identity,
	})
	if err != nil {
		return nil, err
	}
	result.typeConfig, err = typeconfig.New(typeconfig.Options{
		Namespace: namespace, Federation: federation, Types: kinds, Propagation: kindPropagation{result.propagation}, Settings: inForce,
	})
	if err != nil {
		return nil, err
	}
	result.scheduling, err = scheduling.New(scheduling.Options{
		Namespace: namespace, Federation: federation, Types: kinds, Members: result.members, Settings: inForce,
		Events: result.events.NewRecorder(Scheme, corev1.EventSource{Component: "federation-scheduler"}),
	})
	if err != nil {
		return nil, err
	}
	hostObjects, err := dynamic.NewForConfig(c.Federation.Host)
	if err != nil {
		return nil, fmt.Errorf("client of the host cluster: %w", err)
	}
	result.dns, err = dns.New(dns.Options{
		Namespace: namespace, Federation: federation, Host: hostObjects, Members: result.members, Settings: inForce, Resolver: net.DefaultResolver,
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// kindPropagation lets the type config controller start the propagation of kinds
// that this server stores.
type kindPropagation struct {
	*propagation.Controller
}

// Start implements typeconfig.Propagation.
func (p kindPropagation) Start(ctx context.Context, kind *federatedtypes.Kind, config *corev1beta1.FederatedTypeConfig) error {
	return p.Controller.Start(ctx, kind, config)
}

// namespaceUID answers from the cache of the host's namespaces, and asks the host
// about one that is not there: to take a namespace of the host for one of another
// cluster could delete it.
func (c *controllers) namespaceUID(ctx context.Context, name string) (types.UID, error) {
	namespace, err := c.namespaces.Lister().Get(name)
	if apierrors.IsNotFound(err) {
		namespace, err = c.host.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	}
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read namespace %s of the host: %w", name, err)
	}
	return namespace.UID, nil
}

// install lets the controllers run with the server: they start when it does, and
// have stopped before it stops to serve and to store.
func (c *controllers) install(generic *genericapiserver.GenericAPIServer) error {
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	// A server that is never run has no hooks to stop anything.
	generic.RegisterDestroyFunc(func() {
		stop()
		c.stopMembers()
		_ = c.cell.Close() // nothing that it could tell matters any more
	})
	if err := generic.AddPostStartHook("start-federation-controllers", func(hook genericapiserver.PostStartHookContext) error {
		logger := klog.FromContext(hook)
		ctx := klog.NewContext(ctx, logger)
		running.Go(func() { c.until(ctx, "type configurations", c.typeConfig.Run) })
		running.Go(func() { c.until(ctx, "settings", c.settings.Run) })
		running.Go(func() { c.until(ctx, "clusters", c.clusters.run) })
		running.Go(func() { c.until(ctx, "credentials", c.credentials.run) })
		running.Go(func() { c.until(ctx, "leader", c.leadWhenElected) })
		if c.config.servingCert != nil {
			running.Go(func() { c.until(ctx, "serving certificate", c.config.servingCert.Run) })
		}
		return nil
	}); err != nil {
		return fmt.Errorf("install the controllers: %w", err)
	}
	if err := generic.AddPreShutdownHook("stop-federation-controllers", func() error {
		stop()
		running.Wait()
		return nil
	}); err != nil {
		return fmt.Errorf("install the controllers: %w", err)
	}
	return nil
}

// until runs a part of the controllers. A part that fails, or ends before it was
// told to, cannot be done without: the process ends, and is started again by
// whoever supervises it.
func (c *controllers) until(ctx context.Context, part string, run func(context.Context) error) {
	err := run(ctx)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		err = errors.New("ended unexpectedly")
	}
	logger := klog.FromContext(ctx)
	logger.Error(err, "The process ends because a part of it did", "part", part)
	klog.FlushAndExit(klog.ExitFlushTimeout, 1)
}

// leadWhenElected runs what only one replica may do.
func (c *controllers) leadWhenElected(ctx context.Context) error {
	if !c.config.LeaderElect {
		return c.lead(ctx)
	}
	if err := c.settings.Wait(ctx); err != nil {
		return err
	}
	var led error
	err := whileLeading(ctx, c.host, c.config.Namespace, c.settings.Get().LeaderElect(), c.fence, func(ctx context.Context) { led = c.lead(ctx) })
	return errors.Join(err, led)
}

// lead runs the controllers that write, until ctx ends or one of them fails, and
// returns when all have ended.
func (c *controllers) lead(ctx context.Context) error {
	if err := c.settings.Wait(ctx); err != nil {
		return err
	}
	c.events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.host.CoreV1().Events("")})
	defer c.events.Shutdown()
	defer c.members.Close()
	leading.Set(1)
	defer leading.Set(0)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := c.identity.Begin(ctx); err != nil {
		return nil //nolint:nilerr // it ends before it knew who it is
	}
	parts := map[string]func(context.Context) error{
		"cluster": c.cluster.Run, "propagation": c.propagation.Run, "type configurations": c.typeConfig.Lead,
		"scheduling": c.scheduling.Run,
		"dns":        c.dnsWhenSettled,
		"identity":   c.identity.Run,
	}
	ended := make(chan error, len(parts))
	for part, run := range parts {
		go func() {
			// Without one of them the others are of no use.
			defer cancel()
			if err := run(ctx); err != nil {
				ended <- fmt.Errorf("%s: %w", part, err)
				return
			}
			ended <- nil
		}()
	}
	var errs []error
	for range parts {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}
