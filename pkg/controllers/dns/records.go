package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	corelisters "github.com/kubefederation/federation-apiserver/generated/listers/core/v1beta1"
	dnslisters "github.com/kubefederation/federation-apiserver/generated/listers/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

type record interface {
	metav1.Object
	runtime.Object
}

// records keep the records of one kind while the gate of the kind is on.
type records[R record] struct {
	controller *Controller
	kind       recordKind[R]
	// current is what runs now, nil if nothing does.
	current atomic.Pointer[recordsRun[R]]
}

func newRecords[R record](c *Controller, kind recordKind[R]) *records[R] {
	r := &records[R]{controller: c, kind: kind}
	c.Members.AddEventHandler(func(event members.Event) {
		if run := r.current.Load(); run != nil {
			run.memberChanged(event)
		}
	})
	c.mirrored.onChange(func(endpoint types.NamespacedName) {
		if run := r.current.Load(); run != nil {
			run.endpointChanged(endpoint)
		}
	})
	return r
}

// recordsRun is one time of running.
type recordsRun[R record] struct {
	*Controller
	kind  recordKind[R]
	ctx   context.Context
	queue queue

	records   cache.Indexer
	endpoints dnslisters.DNSEndpointLister
	domains   dnslisters.DomainNamespaceLister
	clusters  corelisters.KubeFedClusterNamespaceLister

	running sync.WaitGroup
	mu      sync.Mutex
	// observed are the namespaces that have records, and in each the members'
	// observers.
	observed map[string]map[string]watched
}

// watched is a running observer of a member.
type watched struct {
	member   *members.Member
	observer observer
	stop     context.CancelFunc
}

// run works until ctx ends.
func (r *records[R]) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	run := &recordsRun[R]{
		Controller: r.controller, kind: r.kind, ctx: ctx, queue: newQueue("dns-" + r.kind.name),
		observed: map[string]map[string]watched{},
	}
	defer func() {
		r.current.CompareAndSwap(run, nil)
		cancel()
		run.queue.ShutDown()
		run.mu.Lock()   // from now on nothing more is started
		run.mu.Unlock() //nolint:staticcheck // the section is empty: it waits for who is in another
		run.running.Wait()
	}()
	if err := run.startInformers(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	select {
	case <-run.Members.Complete():
	case <-ctx.Done():
		return nil
	}
	r.current.Store(run)
	run.enqueueAll("")
	klog.FromContext(ctx).Info("Keeping DNS names", "kind", r.kind.name, "records", len(run.records.ListKeys()))
	for range workers {
		run.running.Go(func() { work(ctx, run.queue, r.kind.name, run.reconcile) })
	}
	<-ctx.Done()
	return nil
}

func (r *recordsRun[R]) startInformers(ctx context.Context) error {
	all, system := r.newFactory(), r.newSystemFactory()
	recordInformer := r.kind.informer(all)
	endpoints := all.Multiclusterdns().V1alpha1().DNSEndpoints()
	domains := system.Multiclusterdns().V1alpha1().Domains()
	clusters := system.Core().V1beta1().KubeFedClusters()
	r.records = recordInformer.GetIndexer()
	r.endpoints = endpoints.Lister()
	r.domains = domains.Lister().Domains(r.Namespace)
	r.clusters = clusters.Lister().KubeFedClusters(r.Namespace)

	var synced []cache.InformerSynced
	for informer, handler := range map[cache.SharedIndexInformer]func(before, after metav1.Object){
		recordInformer: func(_, after metav1.Object) { r.queue.Add(keyOf(after)) },
		endpoints.Informer(): func(_, after metav1.Object) {
			r.endpointChanged(keyOf(after))
		},
		domains.Informer():  func(_, after metav1.Object) { r.enqueueAll(after.GetName()) },
		clusters.Informer(): r.clusterChanged,
	} {
		registration, err := informer.AddEventHandler(handle(handler))
		if err != nil {
			return fmt.Errorf("follow the objects of %ss: %w", r.kind.name, err)
		}
		synced = append(synced, registration.HasSynced)
	}
	all.StartWithContext(ctx)
	system.StartWithContext(ctx)
	r.running.Go(func() {
		<-ctx.Done()
		all.Shutdown()
		system.Shutdown()
	})
	cache.WaitForCacheSync(ctx.Done(), synced...)
	return nil
}

// handle calls handler with objects as they were, nil for new ones, and as they
// are, or were last.
func handle(handler func(before, after metav1.Object)) cache.ResourceEventHandler {
	object := func(obj any) metav1.Object {
		if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = unknown.Obj
		}
		o, _ := obj.(metav1.Object)
		return o
	}
	call := func(before, after any) {
		if o := object(after); o != nil {
			handler(object(before), o)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { call(nil, obj) }, UpdateFunc: call, DeleteFunc: func(obj any) { call(nil, obj) },
	}
}

func keyOf(obj metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

// clusterChanged looks at everything again when a cluster is new, gone, or
// elsewhere than it was: that a probe was written is nothing new.
func (r *recordsRun[R]) clusterChanged(before, after metav1.Object) {
	was, _ := before.(*corev1beta1.KubeFedCluster)
	is, _ := after.(*corev1beta1.KubeFedCluster)
	if was != nil && is != nil {
		region, zones := placeOf(was)
		if nowRegion, nowZones := placeOf(is); region == nowRegion && slices.Equal(zones, nowZones) {
			return
		}
	}
	r.enqueueAll("")
}

// endpointChanged looks at the record of a DNSEndpoint.
func (r *recordsRun[R]) endpointChanged(endpoint types.NamespacedName) {
	if name, ok := r.kind.recordOf(endpoint.Name); ok {
		r.queue.Add(types.NamespacedName{Namespace: endpoint.Namespace, Name: name})
	}
}

// enqueueAll looks at all records, or those of one domain.
func (r *recordsRun[R]) enqueueAll(domain string) {
	for _, obj := range r.records.List() {
		if record, ok := obj.(R); ok && (domain == "" || r.kind.domain(record) == domain) {
			r.queue.Add(keyOf(record))
		}
	}
}

// enqueueNamespace looks at all records of a namespace.
func (r *recordsRun[R]) enqueueNamespace(namespace string) {
	for _, record := range r.inNamespace(namespace) {
		r.queue.Add(keyOf(record))
	}
}

func (r *recordsRun[R]) inNamespace(namespace string) []R {
	list, _ := r.records.ByIndex(cache.NamespaceIndex, namespace) // the index is there
	var found []R
	for _, obj := range list {
		if record, ok := obj.(R); ok {
			found = append(found, record)
		}
	}
	return found
}

// reconcile brings the DNSEndpoint and the status of a record up to date.
func (r *recordsRun[R]) reconcile(ctx context.Context, key types.NamespacedName) error {
	obj, found, err := r.records.GetByKey(key.String())
	if err != nil {
		return err
	}
	stored, ok := obj.(R)
	if !found || !ok || stored.GetDeletionTimestamp() != nil {
		r.release(key.Namespace)
		return r.withdraw(ctx, key)
	}
	shards, err := r.shards(key)
	if err != nil {
		return err
	}
	record := r.kind.copy(stored)
	judged := r.kind.judge(record, r.domain, shards)
	addresses, again := r.addresses.of(ctx, judged.plan.Hostnames())
	if again > 0 {
		r.queue.AddAfter(key, again)
	}
	endpoints := judged.plan.Endpoints(addresses)

	err = r.publish(ctx, record, endpoints)
	conflict := &conflictError{}
	if err != nil && !errors.As(err, &conflict) {
		return err
	}
	*r.kind.observed(record) = stored.GetGeneration()
	r.setConditions(record, judged, endpoints, err)
	if r.kind.same(record, stored) {
		return nil
	}
	// A record that is gone has no status; its deletion is the next thing to be seen.
	if err := r.kind.write(ctx, record); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("write the status: %w", err)
	}
	return nil
}

// domain returns the Domain of a name, nil if there is none.
func (r *recordsRun[R]) domain(name string) *v1alpha1.Domain {
	domain, err := r.domains.Get(name)
	if err != nil {
		return nil // a lister of a local cache has no other errors than that there is none
	}
	return domain
}

// shards returns what is known of the object of a record in each registered
// cluster, by name.
func (r *recordsRun[R]) shards(key types.NamespacedName) ([]shard, error) {
	observers := r.need(key.Namespace)
	clusters, err := r.clusters.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list the clusters: %w", err)
	}
	shards := make([]shard, 0, len(clusters))
	for _, cluster := range clusters {
		s := shard{cluster: cluster.Name}
		s.region, s.zones = placeOf(cluster)
		if member, ok := r.Members.Get(cluster.Name); ok {
			s.offline = !member.Ready()
			if w, ok := observers[cluster.Name]; ok && w.member == member {
				s.sighting = w.observer.look(key.Name)
			}
		}
		shards = append(shards, s)
	}
	slices.SortFunc(shards, func(a, b shard) int {
		if a.cluster < b.cluster {
			return -1
		}
		return 1
	})
	return shards, nil
}

// sameSpec says whether two DNSEndpoints ask for the same.
func sameSpec(a, b *v1alpha1.DNSEndpoint) bool {
	return apiequality.Semantic.DeepEqual(a.Spec, b.Spec) && apiequality.Semantic.DeepEqual(a.OwnerReferences, b.OwnerReferences)
}
