package federatedtypes

import (
	"context"
	"fmt"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilwaitgroup "k8s.io/apimachinery/pkg/util/waitgroup"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Kind is one federated kind as it is served. Its methods work in this process,
// straight on the storage: no HTTP, no serialization, no admission.
//
// A Kind ends when its FederatedTypeConfig goes or names another federated type;
// then Done is closed, and reads and writes fail.
type Kind struct {
	resource   schema.GroupVersionResource
	kind       schema.GroupVersionKind
	namespaced bool

	typeConfig atomic.Pointer[corev1beta1.FederatedTypeConfig]
	served     atomic.Pointer[servedSchema]

	storage  *kindStorage
	inflight utilwaitgroup.SafeWaitGroup
	done     chan struct{}
}

// TypeConfig returns the FederatedTypeConfig that enables the kind, as last
// seen. It is shared: do not change it.
func (k *Kind) TypeConfig() *corev1beta1.FederatedTypeConfig {
	return k.typeConfig.Load()
}

// Resource returns the resource that serves the kind.
func (k *Kind) Resource() schema.GroupVersionResource {
	return k.resource
}

// GroupVersionKind returns the kind itself.
func (k *Kind) GroupVersionKind() schema.GroupVersionKind {
	return k.kind
}

// Namespaced reports whether objects of the kind live in namespaces.
func (k *Kind) Namespaced() bool {
	return k.namespaced
}

// TargetStatus says whether objects of the target have a status, by its schema;
// without one it is not known.
func (k *Kind) TargetStatus() (has, known bool) {
	schema := k.served.Load().template
	if schema == nil {
		return false, false
	}
	return schema.HasStatus(), true
}

// HasReplicas says whether spec.replicas of the target is a whole number.
func (k *Kind) HasReplicas() bool { return k.served.Load().scales }

// Done is closed when the kind is no longer served.
func (k *Kind) Done() <-chan struct{} {
	return k.done
}

// propagates reports whether objects of the kind are propagated to members.
func (k *Kind) propagates() bool {
	return k.TypeConfig().Spec.Propagation == corev1beta1.PropagationEnabled
}

// Get reads an object from etcd, not from a cache. namespace is empty for a
// cluster-scoped kind.
func (k *Kind) Get(ctx context.Context, namespace, name string) (*typesv1beta1.FederatedObject, error) {
	obj, err := k.storage.main.Get(withNamespace(ctx, namespace), name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return obj.(*typesv1beta1.FederatedObject), nil
}

// GetCached reads an object from the watch cache, which can be a moment behind.
func (k *Kind) GetCached(ctx context.Context, namespace, name string) (*typesv1beta1.FederatedObject, error) {
	obj, err := k.storage.main.Get(withNamespace(ctx, namespace), name, &metav1.GetOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, err
	}
	return obj.(*typesv1beta1.FederatedObject), nil
}

// UpdateStatus writes the status of obj. Unless obj has no resourceVersion, it
// must be the stored one, else the error is a conflict. It leaves everything
// but the status alone, managed fields included, and is no write at all if the
// status is the stored one.
func (k *Kind) UpdateStatus(ctx context.Context, obj *typesv1beta1.FederatedObject) (*typesv1beta1.FederatedObject, error) {
	return k.update(ctx, k.storage.status, obj)
}

// Update writes metadata and spec of obj, and leaves status and managed fields
// alone. The object is gone if this takes the last finalizer from an object that
// is being deleted.
func (k *Kind) Update(ctx context.Context, obj *typesv1beta1.FederatedObject) (*typesv1beta1.FederatedObject, error) {
	return k.update(ctx, k.storage.main, obj)
}

// RemoveFinalizer takes the finalizer from obj by identity (name and UID), at
// whatever resourceVersion it is. An object that is gone, with or without another
// in its place, is no error.
func (k *Kind) RemoveFinalizer(ctx context.Context, obj *typesv1beta1.FederatedObject, finalizer string) error {
	err := k.storage.removeFinalizer(withNamespace(ctx, obj.Namespace), obj, finalizer)
	// Nothing but the UID can be in conflict.
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("remove finalizer %s from %s %s/%s: %w", finalizer, k.kind.Kind, obj.Namespace, obj.Name, err)
	}
	return nil
}

// ReleaseAll takes the finalizer of the propagation from every object, so that
// objects can be deleted while nobody propagates them. Copies in members stay.
func (k *Kind) ReleaseAll(ctx context.Context) error {
	return k.storage.each(ctx, func(obj *typesv1beta1.FederatedObject) error {
		for _, finalizer := range obj.Finalizers {
			if finalizer == typesv1beta1.SyncFinalizer {
				return k.RemoveFinalizer(ctx, obj, finalizer)
			}
		}
		return nil
	})
}

// Count returns the number of stored objects.
func (k *Kind) Count(ctx context.Context) (int64, error) {
	return k.storage.count(ctx)
}

func (k *Kind) update(ctx context.Context, store *genericregistry.Store, obj *typesv1beta1.FederatedObject) (*typesv1beta1.FederatedObject, error) {
	updated, err := k.storage.update(withNamespace(ctx, obj.Namespace), store, obj)
	if err != nil {
		return nil, k.storage.explain(err, obj)
	}
	return updated, nil
}
