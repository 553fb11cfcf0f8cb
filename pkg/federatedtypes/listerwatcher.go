package federatedtypes

import (
	"context"
	"fmt"

	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
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
			return watch.Filter(events, unwrapCached), nil
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

// unwrapCached takes the object out of the wrapper that the watch cache puts
// around an object with many watchers to encode it only once.
func unwrapCached(event watch.Event) (watch.Event, bool) {
	if cached, ok := event.Object.(runtime.CacheableObject); ok {
		event.Object = cached.GetObject()
	}
	return event, true
}
