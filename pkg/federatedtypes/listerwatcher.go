package federatedtypes

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// ListerWatcher lists and watches the kind in all namespaces, straight from the
// watch cache. Objects are *typesv1beta1.FederatedObject without apiVersion and
// kind; they are shared with the watch cache: do not change them. Lists and
// watches fail once the kind is no longer served.
func (k *Kind) ListerWatcher() cache.ListerWatcher {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			internal, err := internalListOptions(options)
			if err != nil {
				return nil, err
			}
			return k.storage.main.List(withNamespace(ctx, metav1.NamespaceAll), internal)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			internal, err := internalListOptions(options)
			if err != nil {
				return nil, err
			}
			events, err := k.storage.main.Watch(withNamespace(ctx, metav1.NamespaceAll), internal)
			if err != nil {
				return nil, err
			}
			return watch.Filter(events, k.storage.share), nil
		},
	}
}

func internalListOptions(options metav1.ListOptions) (*metainternalversion.ListOptions, error) {
	internal := &metainternalversion.ListOptions{}
	if err := metainternalversion.Convert_v1_ListOptions_To_internalversion_ListOptions(&options, internal, nil); err != nil {
		return nil, fmt.Errorf("convert list options: %w", err)
	}
	return internal, nil
}

// share puts the object of the watch cache in place of the copy that every watcher
// gets of it: a reader that keeps objects would otherwise hold everything twice.
func (s *kindStorage) share(event watch.Event) (watch.Event, bool) {
	if event.Type == watch.Added || event.Type == watch.Modified {
		if shared := s.cached(event.Object); shared != nil {
			event.Object = shared
			return event, true
		}
	}
	// For several watchers the object is wrapped, to be encoded only once.
	if wrapped, ok := event.Object.(runtime.CacheableObject); ok {
		event.Object = wrapped.GetObject()
	}
	return event, true
}

// cached returns the object of the watch cache that is of the same version as
// event, nil if there is a newer one already.
func (s *kindStorage) cached(event runtime.Object) *typesv1beta1.FederatedObject {
	object, err := meta.Accessor(event)
	if err != nil {
		return nil
	}
	ctx := withNamespace(context.Background(), object.GetNamespace())
	found, err := s.main.Get(ctx, object.GetName(), &metav1.GetOptions{ResourceVersion: "0"})
	if err != nil {
		return nil
	}
	federated := found.(*typesv1beta1.FederatedObject)
	if federated.ResourceVersion != object.GetResourceVersion() {
		return nil
	}
	return federated
}
