package dns

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"

	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	dnslisters "github.com/kubefederation/federation-apiserver/generated/listers/multiclusterdns/v1alpha1"
)

// MirrorLabel is on DNSEndpoints of the host that follow one of this server.
const (
	MirrorLabel = "multiclusterdns.kubefed.io/managed"
	mirrorValue = "true"
)

// hostEndpoints are what external-dns reads, since v0.21 nothing else.
var hostEndpoints = schema.GroupVersionResource{Group: "externaldns.k8s.io", Version: "v1alpha1", Resource: "dnsendpoints"}

// mirroredEndpoint is what is kept of a DNSEndpoint of the host.
type mirroredEndpoint struct {
	uid                  types.UID
	spec                 any
	generation, observed int64
}

// mirror keeps the DNSEndpoints of the host as those of this server.
type mirror struct {
	*Controller
	queue     queue
	endpoints dnslisters.DNSEndpointLister
	theirs    *follower[mirroredEndpoint]
}

// mirror works until ctx ends.
func (c *Controller) mirror(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	m := &mirror{Controller: c, queue: newQueue("dns-mirror")}
	var running sync.WaitGroup
	defer func() {
		cancel()
		m.queue.ShutDown()
		running.Wait()
		c.mirrored.reset()
	}()
	factory := c.newFactory()
	informer := factory.Multiclusterdns().V1alpha1().DNSEndpoints()
	m.endpoints = informer.Lister()
	registration, err := informer.Informer().AddEventHandler(handle(func(_, after metav1.Object) { m.queue.Add(keyOf(after)) }))
	if err != nil {
		return fmt.Errorf("follow the DNSEndpoints: %w", err)
	}
	factory.StartWithContext(ctx)
	running.Go(func() {
		<-ctx.Done()
		factory.Shutdown()
	})
	if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return nil
	}
	m.theirs = &follower[mirroredEndpoint]{
		selection: selection{resource: hostEndpoints, labels: MirrorLabel + "=" + mirrorValue},
		session: func(ctx context.Context, use func(context.Context, dynamic.Interface, string) error) error {
			return use(ctx, c.Host, "host")
		},
		reduce:  reduceMirrored,
		changed: func(key types.NamespacedName, _, _ mirroredEndpoint) { m.queue.Add(key) },
		state:   m.enqueueAll,
	}
	if c.Settings.Get().Namespaced() {
		m.theirs.selection.namespace = c.Namespace
	}
	running.Go(func() { m.theirs.run(ctx) })
	for range workers {
		running.Go(func() { work(ctx, m.queue, "DNSEndpoint", m.reconcile) })
	}
	<-ctx.Done()
	return nil
}

func (m *mirror) enqueueAll() {
	endpoints, _ := m.endpoints.List(labels.Everything()) // a lister of a local cache has no errors
	for _, endpoint := range endpoints {
		m.queue.Add(keyOf(endpoint))
	}
}

func reduceMirrored(obj *unstructured.Unstructured) (mirroredEndpoint, error) {
	e := mirroredEndpoint{uid: obj.GetUID(), generation: obj.GetGeneration(), spec: obj.Object["spec"]}
	observed, _, err := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
	e.observed = observed
	return e, err
}

// reconcile brings a DNSEndpoint of the host up to date.
func (m *mirror) reconcile(ctx context.Context, key types.NamespacedName) error {
	complete, problem := m.theirs.known()
	if !complete || apierrors.IsNotFound(problem) {
		m.mirrored.set(key, notFollowed(problem))
		return nil // the follower tells when it is
	}
	theirs, found := m.theirs.get(key)
	ours, err := m.endpoints.DNSEndpoints(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) || err == nil && ours.DeletionTimestamp != nil {
		m.mirrored.forget(key)
		if !found {
			return nil
		}
		return m.remove(ctx, key, theirs)
	}
	if err != nil {
		return err
	}
	desired, err := hostEndpointOf(ours)
	if err != nil {
		return err
	}
	if found && sameValue(theirs.spec, desired.Object["spec"]) {
		m.mirrored.set(key, outcome{metav1.ConditionTrue, ReasonWritten, ""})
		return m.report(ctx, ours, theirs)
	}
	err = m.write(ctx, desired, found)
	switch {
	case err == nil:
		m.mirrored.set(key, outcome{metav1.ConditionTrue, ReasonWritten, ""})
		return nil
	case apierrors.IsConflict(err):
		m.mirrored.set(key, outcome{metav1.ConditionFalse, ReasonHostConflict,
			"the host has a DNSEndpoint of that name that is somebody else's: delete it, or give the record another name"})
		m.queue.AddAfter(key, maxRetry)
		return nil
	case apierrors.IsNotFound(err):
		// What is not served any more, or a namespace that goes: the follower and the
		// informer tell what comes of it.
		m.mirrored.set(key, outcome{metav1.ConditionFalse, ReasonWriteFailed, message([]string{err.Error()})})
		m.queue.AddAfter(key, maxRetry)
		return nil
	}
	m.mirrored.set(key, outcome{metav1.ConditionFalse, ReasonWriteFailed, message([]string{err.Error()})})
	return fmt.Errorf("write the DNSEndpoint of the host: %w", err)
}

// write applies a DNSEndpoint to the host. One that is not known to be ours must
// not be there.
func (m *mirror) write(ctx context.Context, desired *unstructured.Unstructured, ours bool) error {
	client := m.Host.Resource(hostEndpoints).Namespace(desired.GetNamespace())
	if !ours {
		stored, err := client.Get(ctx, desired.GetName(), metav1.GetOptions{})
		switch {
		case err == nil && stored.GetLabels()[MirrorLabel] != mirrorValue:
			return apierrors.NewConflict(hostEndpoints.GroupResource(), desired.GetName(), nil)
		case err != nil && !apierrors.IsNotFound(err):
			return err
		}
	}
	// What somebody else set in one that is ours is set back.
	_, err := client.Apply(ctx, desired.GetName(), desired, metav1.ApplyOptions{FieldManager: typesv1beta1.FieldManager, Force: ours})
	return err
}

// remove deletes a DNSEndpoint of the host whose original went.
func (m *mirror) remove(ctx context.Context, key types.NamespacedName, theirs mirroredEndpoint) error {
	// The cache may not have come to one that is new.
	ours, err := m.Federation.MulticlusterdnsV1alpha1().DNSEndpoints(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	exists, err := present(ours, err)
	if err != nil {
		return fmt.Errorf("ask whether the DNSEndpoint is gone: %w", err)
	}
	if exists {
		return nil
	}
	err = m.Host.Resource(hostEndpoints).Namespace(key.Namespace).Delete(ctx, key.Name, metav1.DeleteOptions{
		Preconditions: metav1.NewUIDPreconditions(string(theirs.uid)),
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the DNSEndpoint of the host: %w", err)
	}
	return nil
}

// report takes over that external-dns has seen what the DNSEndpoint says.
func (m *mirror) report(ctx context.Context, ours *v1alpha1.DNSEndpoint, theirs mirroredEndpoint) error {
	observed := ours.Status.ObservedGeneration
	if theirs.observed != theirs.generation || observed != nil && *observed == ours.Generation {
		return nil
	}
	next := ours.DeepCopy()
	next.Status.ObservedGeneration = &ours.Generation
	_, err := m.Federation.MulticlusterdnsV1alpha1().DNSEndpoints(ours.Namespace).UpdateStatus(ctx, next, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("write the status: %w", err)
	}
	return nil
}
