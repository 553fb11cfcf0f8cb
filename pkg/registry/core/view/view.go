// Package view serves objects that are computed from federated objects when
// somebody asks: they can be read, listed and watched, and nothing is stored.
//
// The resourceVersion of such an object is that of its federated object, and that
// of a list is the version of the storage when it was made. Versions of all kinds
// can be compared, so a watch goes on from either.
package view

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

// Definition says what a view shows and how.
type Definition struct {
	// Resource is the plural, Singular the singular.
	Resource schema.GroupResource
	Singular string
	// Namespaced views show namespaced federated objects, others the others.
	Namespaced bool
	// Shows reports whether objects of the federated type are shown. Of those with
	// the same name prefix only the first, by plural, is.
	Shows func(*corev1beta1.FederatedTypeConfig) bool
	// Prefix is what stands before the name of a federated object.
	Prefix func(*corev1beta1.FederatedTypeConfig) string
	// New and NewList return empty objects.
	New     func() runtime.Object
	NewList func() runtime.Object
	// Append adds items to a list that NewList made.
	Append func(list runtime.Object, items []runtime.Object)
	// Compute returns the object with the metadata. It must not change what it is
	// given.
	Compute func(metadata metav1.ObjectMeta, obj *typesv1beta1.FederatedObject) (runtime.Object, error)
	// Table shows it.
	Table rest.TableConvertor
}

// REST serves a view.
type REST struct {
	rest.TableConvertor
	definition Definition
	types      *federatedtypes.Server
}

var (
	_ rest.Getter               = &REST{}
	_ rest.Lister               = &REST{}
	_ rest.Watcher              = &REST{}
	_ rest.Scoper               = &REST{}
	_ rest.SingularNameProvider = &REST{}
)

// New makes the storage of a view over the objects of all federated types.
func New(definition Definition, types *federatedtypes.Server) *REST {
	return &REST{TableConvertor: definition.Table, definition: definition, types: types}
}

// New returns an empty object.
func (r *REST) New() runtime.Object { return r.definition.New() }

// NewList returns an empty list.
func (r *REST) NewList() runtime.Object { return r.definition.NewList() }

// Destroy does nothing: there is nothing of its own.
func (*REST) Destroy() {}

// NamespaceScoped reports whether the objects live in namespaces.
func (r *REST) NamespaceScoped() bool { return r.definition.Namespaced }

// GetSingularName returns the singular.
func (r *REST) GetSingularName() string { return r.definition.Singular }

// Get computes the object from its federated object as it is stored now.
func (r *REST) Get(ctx context.Context, name string, _ *metav1.GetOptions) (runtime.Object, error) {
	kinds, err := r.kinds()
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		federated, ok := cutPrefix(name, r.definition.Prefix(kind.TypeConfig()))
		if !ok {
			continue
		}
		obj, err := kind.Get(ctx, request.NamespaceValue(ctx), federated)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return r.compute(kind, obj)
	}
	return nil, apierrors.NewNotFound(r.definition.Resource, name)
}

func cutPrefix(name, prefix string) (string, bool) {
	if len(name) <= len(prefix) || name[:len(prefix)] != prefix {
		return "", false
	}
	return name[len(prefix):], true
}

// kinds returns the kinds that are shown, by resource. Before all are loaded it
// fails: an object must not look as if it did not exist.
func (r *REST) kinds() ([]*federatedtypes.Kind, error) {
	if !r.types.Loaded() {
		return nil, apierrors.NewGenericServerResponse(http.StatusServiceUnavailable, "", r.definition.Resource, "",
			"the federated types are being loaded", 1, true)
	}
	var shown []*federatedtypes.Kind
	prefixes := map[string]bool{}
	for _, kind := range r.types.Kinds() {
		config := kind.TypeConfig()
		if kind.Namespaced() != r.definition.Namespaced || !r.definition.Shows(config) || prefixes[r.definition.Prefix(config)] {
			continue
		}
		prefixes[r.definition.Prefix(config)] = true
		shown = append(shown, kind)
	}
	return shown, nil
}

// compute makes the object that shows obj.
func (r *REST) compute(kind *federatedtypes.Kind, obj *typesv1beta1.FederatedObject) (runtime.Object, error) {
	gvk := kind.GroupVersionKind()
	metadata := metav1.ObjectMeta{
		Name:              r.definition.Prefix(kind.TypeConfig()) + obj.Name,
		Namespace:         obj.Namespace,
		UID:               r.uid(obj.UID),
		ResourceVersion:   obj.ResourceVersion,
		CreationTimestamp: obj.CreationTimestamp,
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Name: obj.Name, UID: obj.UID,
		}},
	}
	computed, err := r.definition.Compute(metadata, obj)
	if err != nil {
		return nil, fmt.Errorf("compute the %s of %s %s/%s: %w", r.definition.Singular, gvk.Kind, obj.Namespace, obj.Name, err)
	}
	return computed, nil
}

// uid is one of its own that always comes out the same.
func (r *REST) uid(federated types.UID) types.UID {
	return types.UID(uuid.NewSHA1(uuid.NameSpaceOID, []byte(r.definition.Resource.String()+"/"+string(federated))).String())
}
