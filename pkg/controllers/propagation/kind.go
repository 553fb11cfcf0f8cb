package propagation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// kind is one federated kind that is being propagated.
type kind struct {
	// name of the FederatedTypeConfig.
	name      string
	source    Source
	federated schema.GroupVersionKind
	// target is the type in the members; namespaced tells its scope, and namespaces
	// that it is Namespace itself.
	target     schema.GroupVersionKind
	resource   schema.GroupVersionResource
	namespaced bool
	namespaces bool
	// collects says that the FederatedTypeConfig asks for the status of copies.
	collects bool
	// detail is the members.Detail in which copies are observed.
	detail atomic.Int32

	// objects counts those in the cache, whose recent removals are all known when it
	// is synced.
	objects atomic.Int64
	synced  atomic.Bool

	informer cache.SharedIndexInformer
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	active  sync.WaitGroup
	// brief are the objects whose status has to be short.
	brief map[size]brevity
}

func newKind(ctx context.Context, source Source, config *corev1beta1.FederatedTypeConfig) (*kind, error) {
	target, federated := config.Spec.TargetType, config.Spec.FederatedType
	if target.Version == "" || target.Kind == "" || target.PluralName == "" || federated.Kind == "" {
		return nil, fmt.Errorf("FederatedTypeConfig %s: version, kind and pluralName of its types must be set", config.Name)
	}
	k := &kind{
		brief:  map[size]brevity{},
		name:   config.Name,
		source: source,
		federated: schema.GroupVersionKind{
			Group: typesv1beta1.GroupName, Version: typesv1beta1.SchemeGroupVersion.Version, Kind: federated.Kind},
		target:     schema.GroupVersionKind{Group: target.Group, Version: target.Version, Kind: target.Kind},
		resource:   schema.GroupVersionResource{Group: target.Group, Version: target.Version, Resource: target.PluralName},
		namespaced: target.Scope == corev1beta1.NamespaceScoped,
		namespaces: config.Name == namespacesName,
		collects:   config.Spec.StatusCollection != nil && *config.Spec.StatusCollection == corev1beta1.StatusCollectionEnabled,
	}
	k.ctx, k.cancel = context.WithCancel(ctx)
	k.informer = cache.NewSharedIndexInformer(source.ListerWatcher(), &typesv1beta1.FederatedObject{}, 0,
		cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	return k, nil
}

// enter keeps the kind from being stopped until leave is called; false means
// that it is stopped already.
func (k *kind) enter() (leave func(), ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped {
		return nil, false
	}
	k.active.Add(1)
	return k.active.Done, true
}

// stop ends all work on the kind and waits for it.
func (k *kind) stop() {
	k.mu.Lock()
	k.stopped = true
	k.mu.Unlock()
	k.cancel()
	k.active.Wait()
	k.running.Wait()
}

var errKindStopped = errors.New("the propagation of the type has been stopped")

// within returns a context that ends with ctx and with the kind.
func (k *kind) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(k.ctx, func() { cancel(errKindStopped) })
	return ctx, func() {
		release()
		cancel(nil)
	}
}

// get returns an object from the cache, nil if there is none. It is shared.
func (k *kind) get(name types.NamespacedName) *typesv1beta1.FederatedObject {
	item, found, err := k.informer.GetIndexer().GetByKey(cache.NewObjectName(name.Namespace, name.Name).String())
	if err != nil || !found {
		return nil
	}
	return item.(*typesv1beta1.FederatedObject)
}

// each calls visit with every object in the cache, or only with those of one
// namespace if that is not empty.
func (k *kind) each(namespace string, visit func(*typesv1beta1.FederatedObject)) {
	items := k.informer.GetIndexer().List()
	if namespace != "" {
		var err error
		if items, err = k.informer.GetIndexer().ByIndex(cache.NamespaceIndex, namespace); err != nil {
			return // there is no such index only if this package made none
		}
	}
	for _, item := range items {
		visit(item.(*typesv1beta1.FederatedObject))
	}
}

func (k *kind) keyOf(obj *typesv1beta1.FederatedObject) objectKey {
	return objectKey{kind: k.name, NamespacedName: types.NamespacedName{Namespace: obj.Namespace, Name: obj.Name}}
}

// inMember names the copies of a federated object.
func (k *kind) inMember(federated types.NamespacedName) types.NamespacedName {
	if k.namespaces {
		return types.NamespacedName{Name: federated.Name}
	}
	return federated
}

// ofMember names the federated object of a copy.
func (k *kind) ofMember(copy types.NamespacedName) objectKey {
	if k.namespaces {
		copy.Namespace = copy.Name
	}
	return objectKey{kind: k.name, NamespacedName: copy}
}

// identity of the copies of a federated object.
func (k *kind) identity(obj *typesv1beta1.FederatedObject) overrides.Target {
	name := k.inMember(types.NamespacedName{Namespace: obj.Namespace, Name: obj.Name})
	return overrides.Target{
		APIVersion: k.target.GroupVersion().String(), Kind: k.target.Kind, Namespace: name.Namespace, Name: name.Name}
}

// reference names an object for its events.
func (k *kind) reference(obj *typesv1beta1.FederatedObject) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		APIVersion: k.federated.GroupVersion().String(), Kind: k.federated.Kind,
		Namespace: obj.Namespace, Name: obj.Name, UID: obj.UID, ResourceVersion: obj.ResourceVersion,
	}
}

func hasFinalizer(obj *metav1.ObjectMeta) bool {
	return slices.Contains(obj.Finalizers, typesv1beta1.SyncFinalizer)
}
