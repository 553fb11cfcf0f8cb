package scheduling

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

// namespacesName is the name of the FederatedTypeConfig of namespaces.
const namespacesName = "namespaces"

// kinds are the federated kinds that preferences are for, and that of namespaces.
// A kind is watched from the first preference for it until it is no longer served.
type kinds struct {
	types   *federatedtypes.Server
	changed func(namespaces bool, object types.NamespacedName)

	running sync.WaitGroup
	mu      sync.Mutex
	watched map[*federatedtypes.Kind]*watchedKind
}

type watchedKind struct {
	*federatedtypes.Kind
	informer cache.SharedIndexInformer
	synced   cache.InformerSynced
}

func newKinds(server *federatedtypes.Server, changed func(namespaces bool, object types.NamespacedName)) *kinds {
	return &kinds{types: server, changed: changed, watched: map[*federatedtypes.Kind]*watchedKind{}}
}

// wait returns when all watches have ended, as they do with their contexts.
func (k *kinds) wait() { k.running.Wait() }

// ofTarget returns the kind with a name, if it is propagated; else the problem.
func (k *kinds) ofTarget(ctx context.Context, name string) (*watchedKind, *problem, error) {
	kind, ok := k.types.KindNamed(name)
	if !ok {
		return nil, &problem{schedulingv1alpha1.ReasonTypeNotEnabled, fmt.Sprintf("no FederatedTypeConfig enables the kind %s", name)}, nil
	}
	if kind.TypeConfig().Spec.Propagation != corev1beta1.PropagationEnabled {
		return nil, &problem{schedulingv1alpha1.ReasonTypeNotEnabled,
			fmt.Sprintf("the FederatedTypeConfig %s does not propagate the kind %s", kind.TypeConfig().Name, name)}, nil
	}
	if kind.Schema().Typed && !kind.HasReplicas() {
		return nil, &problem{schedulingv1alpha1.ReasonTargetHasNoReplicas,
			fmt.Sprintf("%s has no spec.replicas", kind.TypeConfig().Spec.TargetType.Kind)}, nil
	}
	watched, err := k.watch(ctx, kind)
	return watched, nil, err
}

// ofNamespaces returns the kind of FederatedNamespaces, nil if there is none.
func (k *kinds) ofNamespaces(ctx context.Context) (*watchedKind, error) {
	for _, kind := range k.types.Kinds() {
		if kind.TypeConfig().Name == namespacesName {
			return k.watch(ctx, kind)
		}
	}
	return nil, nil
}

func (k *kinds) watch(ctx context.Context, kind *federatedtypes.Kind) (*watchedKind, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if w, ok := k.watched[kind]; ok {
		return w, nil
	}
	w := &watchedKind{Kind: kind, informer: cache.NewSharedIndexInformer(kind.ListerWatcher(), &typesv1beta1.FederatedObject{}, 0, cache.Indexers{})}
	registration, err := w.informer.AddEventHandler(k.handlerOf(kind.TypeConfig().Name == namespacesName))
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", kind.Resource().Resource, err)
	}
	w.synced = registration.HasSynced
	k.watched[kind] = w
	ctx, cancel := context.WithCancel(ctx)
	k.running.Go(func() {
		defer cancel()
		select {
		case <-kind.Done():
		case <-ctx.Done():
		}
	})
	k.running.Go(func() {
		w.informer.RunWithContext(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.watched, kind)
	})
	return w, nil
}

func (k *kinds) handlerOf(namespaces bool) cache.ResourceEventHandler {
	tell := func(obj any) {
		if name, err := cache.DeletionHandlingObjectToName(obj); err == nil {
			k.changed(namespaces, types.NamespacedName{Namespace: name.Namespace, Name: name.Name})
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: tell,
		UpdateFunc: func(before, after any) {
			old, ok := before.(*typesv1beta1.FederatedObject)
			obj, is := after.(*typesv1beta1.FederatedObject)
			// Their status is written often, and says nothing that is not observed.
			if ok && is && old.UID == obj.UID && old.Generation == obj.Generation && (old.DeletionTimestamp == nil) == (obj.DeletionTimestamp == nil) &&
				old.Annotations[schedulingv1alpha1.SchedulingAnnotation] == obj.Annotations[schedulingv1alpha1.SchedulingAnnotation] {
				return
			}
			tell(after)
		},
		DeleteFunc: tell,
	}
}

// get returns an object from the cache, nil if there is none. It is shared.
func (w *watchedKind) get(name types.NamespacedName) *typesv1beta1.FederatedObject {
	item, found, err := w.informer.GetIndexer().GetByKey(cache.NewObjectName(name.Namespace, name.Name).String())
	if err != nil || !found {
		return nil
	}
	return item.(*typesv1beta1.FederatedObject)
}
