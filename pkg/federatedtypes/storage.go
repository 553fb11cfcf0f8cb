package federatedtypes

import (
	"context"
	"fmt"
	"slices"

	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// kindStorage is the part of a kind that lives as long as the kind is enabled:
// scheme, codecs, connection to etcd, watch cache.
type kindStorage struct {
	scheme   *runtime.Scheme
	codecs   serializer.CodecFactory
	main     *genericregistry.Store
	status   *genericregistry.Store
	maxBytes int
}

// newKindStorage opens the storage of kind. It does not wait for the watch cache.
func newKindStorage(kind *Kind, names kindNames, config *Config) (*kindStorage, error) {
	scheme := newScheme(kind.kind.Kind)
	codecs := serializer.NewCodecFactory(scheme, serializer.WithStreamingCollectionEncodingToJSON())
	strategy := newStrategy(kind, scheme, config)

	main := &genericregistry.Store{
		NewFunc:                   func() runtime.Object { return &typesv1beta1.FederatedObject{} },
		NewListFunc:               func() runtime.Object { return &typesv1beta1.FederatedObjectList{} },
		DefaultQualifiedResource:  kind.resource.GroupResource(),
		SingularQualifiedResource: schema.GroupResource{Group: kind.resource.Group, Resource: names.singular},
		CreateStrategy:            strategy,
		UpdateStrategy:            strategy,
		DeleteStrategy:            deleteStrategy{strategy},
		ResetFieldsStrategy:       strategy,
		TableConvertor:            tableConvertor{kind: kind},
	}
	codec := storageCodec{Codec: codecs.LegacyCodec(kind.kind.GroupVersion()), kind: kind.kind}
	wrapped := storageOptions{RESTOptionsGetter: config.RESTOptionsGetter, codec: codec, version: kind.kind.GroupVersion()}
	if err := main.CompleteWithOptions(&generic.StoreOptions{RESTOptions: wrapped}); err != nil {
		return nil, fmt.Errorf("open the storage of %s: %w", kind.resource.GroupResource(), err)
	}

	status := *main
	statusStrategy := statusStrategy{strategy}
	status.CreateStrategy = nil
	status.DeleteStrategy = nil
	status.UpdateStrategy = statusStrategy
	status.ResetFieldsStrategy = statusStrategy
	return &kindStorage{scheme: scheme, codecs: codecs, main: main, status: &status, maxBytes: config.MaxObjectBytes}, nil
}

// destroy ends watches and closes the connection to etcd. Stored objects stay.
func (s *kindStorage) destroy() {
	s.main.Destroy()
}

// update writes obj by the rules of store's strategy. Managed fields stay as they
// are stored: what this process writes belongs to no field manager.
func (s *kindStorage) update(ctx context.Context, store *genericregistry.Store, obj *typesv1beta1.FederatedObject) (*typesv1beta1.FederatedObject, error) {
	keepOwnership := func(_ context.Context, obj, old runtime.Object) (runtime.Object, error) {
		obj.(*typesv1beta1.FederatedObject).ManagedFields = old.(*typesv1beta1.FederatedObject).ManagedFields
		return obj, nil
	}
	updated, _, err := store.Update(ctx, obj.Name, rest.DefaultUpdatedObjectInfo(obj.DeepCopy(), keepOwnership),
		rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	if err != nil {
		return nil, err
	}
	return updated.(*typesv1beta1.FederatedObject), nil
}

// removeFinalizer takes a finalizer from the object with the name and UID of known.
func (s *kindStorage) removeFinalizer(ctx context.Context, known *typesv1beta1.FederatedObject, finalizer string) error {
	if endsWith(known, finalizer) && s.deleteAsKnown(ctx, known) == nil {
		return nil
	}
	remove := func(_ context.Context, _, old runtime.Object) (runtime.Object, error) {
		obj := old.(*typesv1beta1.FederatedObject).DeepCopy()
		obj.Finalizers = slices.DeleteFunc(obj.Finalizers, func(f string) bool { return f == finalizer })
		return obj, nil
	}
	ctx = withoutSyncFinalizerGuard(ctx)
	_, _, err := s.main.Update(ctx, known.Name, uidPrecondition{UpdatedObjectInfo: rest.DefaultUpdatedObjectInfo(nil, remove), uid: known.UID},
		rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	return err
}

// endsWith says that an object is no more when this finalizer goes.
func endsWith(obj *typesv1beta1.FederatedObject, finalizer string) bool {
	graceful := obj.DeletionGracePeriodSeconds != nil && *obj.DeletionGracePeriodSeconds > 0
	return obj.DeletionTimestamp != nil && !graceful && len(obj.Finalizers) == 1 && obj.Finalizers[0] == finalizer
}

// deleteAsKnown deletes an object if it is stored as it is known. An update that takes the last finalizer does the same, but
// works the object out twice and reads it anew before it finds that there is nothing to write.
func (s *kindStorage) deleteAsKnown(ctx context.Context, known *typesv1beta1.FederatedObject) error {
	key, err := s.main.KeyFunc(ctx, known.Name)
	if err != nil {
		return err
	}
	preconditions := storage.Preconditions{UID: &known.UID, ResourceVersion: &known.ResourceVersion}
	return s.main.Storage.Delete(ctx, key, &typesv1beta1.FederatedObject{}, &preconditions, rest.ValidateAllObjectFunc, false, nil, storage.DeleteOptions{})
}

// uidPrecondition makes an update fail on an object of the same name with
// another UID.
type uidPrecondition struct {
	rest.UpdatedObjectInfo
	uid types.UID
}

func (p uidPrecondition) Preconditions() *metav1.Preconditions {
	return &metav1.Preconditions{UID: &p.uid}
}

// each calls visit with every stored object, page by page, until an error.
func (s *kindStorage) each(ctx context.Context, visit func(*typesv1beta1.FederatedObject) error) error {
	ctx = withNamespace(ctx, metav1.NamespaceAll)
	options := metainternalversion.ListOptions{Limit: 500}
	for {
		page, err := s.main.List(ctx, &options)
		if err != nil {
			return err
		}
		list := page.(*typesv1beta1.FederatedObjectList)
		for i := range list.Items {
			if err := visit(&list.Items[i]); err != nil {
				return err
			}
		}
		if list.Continue == "" {
			return nil
		}
		options.Continue = list.Continue
	}
}

// count asks for one object and how many more there are.
func (s *kindStorage) count(ctx context.Context) (int64, error) {
	page, err := s.main.List(withNamespace(ctx, metav1.NamespaceAll), &metainternalversion.ListOptions{Limit: 1})
	if err != nil {
		return 0, err
	}
	list := page.(*typesv1beta1.FederatedObjectList)
	count := int64(len(list.Items))
	if list.RemainingItemCount != nil {
		count += *list.RemainingItemCount
	}
	return count, nil
}

// storageOptions are the storage options of the process with the codec of one
// kind. The prefix in etcd has the group, so that a plural of this group never
// meets the same plural of another.
type storageOptions struct {
	generic.RESTOptionsGetter
	codec   runtime.Codec
	version schema.GroupVersion
}

func (o storageOptions) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := o.RESTOptionsGetter.GetRESTOptions(resource, example)
	if err != nil {
		return generic.RESTOptions{}, err
	}
	config := *options.StorageConfig
	config.Codec = o.codec
	config.EncodeVersioner = o.version
	options.StorageConfig = &config
	options.ResourcePrefix = resource.Group + "/" + resource.Resource
	return options, nil
}

func withNamespace(ctx context.Context, namespace string) context.Context {
	return genericapirequest.WithNamespace(ctx, namespace)
}
