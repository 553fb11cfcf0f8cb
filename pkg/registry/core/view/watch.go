package view

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/storage"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

// Watch computes the objects of all federated types as they change. It ends with
// 410 (Expired) when federated types come or go: the watcher lists again.
func (r *REST) Watch(ctx context.Context, options *metainternalversion.ListOptions) (watch.Interface, error) {
	if _, err := r.kinds(); err != nil {
		return nil, err
	}
	if options == nil {
		options = &metainternalversion.ListOptions{}
	}
	predicate := storage.Everything
	predicate.AllowWatchBookmarks = options.AllowWatchBookmarks
	return r.types.WatchAll(ctx, storage.ListOptions{
		ResourceVersion:      options.ResourceVersion,
		ResourceVersionMatch: options.ResourceVersionMatch,
		Predicate:            predicate,
		ProgressNotify:       options.AllowWatchBookmarks,
		SendInitialEvents:    options.SendInitialEvents,
	}, r.converter(request.NamespaceValue(ctx), matcher(options)))
}

// converter turns what happens to a federated object into what happens to the
// object that shows it.
func (r *REST) converter(namespace string, matches func(namespace, name string) bool) func(*federatedtypes.Kind, *typesv1beta1.FederatedObject) (runtime.Object, error) {
	return func(kind *federatedtypes.Kind, obj *typesv1beta1.FederatedObject) (runtime.Object, error) {
		if kind == nil {
			return r.bookmark(obj)
		}
		if kind.Namespaced() != r.definition.Namespaced || (namespace != "" && obj.Namespace != namespace) {
			return nil, nil
		}
		shown, err := r.shown(kind)
		if err != nil || !shown || !matches(obj.Namespace, r.definition.Prefix(kind.TypeConfig())+obj.Name) {
			return nil, err
		}
		return r.compute(kind, obj)
	}
}

func (r *REST) shown(kind *federatedtypes.Kind) (bool, error) {
	kinds, err := r.kinds()
	if err != nil {
		return false, err
	}
	return slices.Contains(kinds, kind), nil
}

func (r *REST) bookmark(from *typesv1beta1.FederatedObject) (runtime.Object, error) {
	obj := r.New()
	metadata, err := meta.Accessor(obj)
	if err != nil {
		return nil, err
	}
	metadata.SetResourceVersion(from.ResourceVersion)
	metadata.SetAnnotations(from.Annotations)
	return obj, nil
}
