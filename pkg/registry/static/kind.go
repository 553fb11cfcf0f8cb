// Package static stores the kinds that the server always serves. What they have
// in common is here; each kind says the rest in a Kind.
package static

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"

	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
)

// Object is an API object.
type Object interface {
	runtime.Object
	metav1.Object
}

// Kind is what distinguishes one kind, with the internal type T, from the others.
// All are namespaced.
type Kind[T Object] struct {
	// Version is the version in which field sets are tracked.
	Version schema.GroupVersion
	// Resource and Singular are the names of the resource.
	Resource, Singular string
	// ShortNames are for kubectl get.
	ShortNames []string
	// New and NewList return empty objects.
	New     func() T
	NewList func() runtime.Object

	// Desired returns what the client asks for, usually the spec: a change of it is
	// a new generation.
	Desired func(T) any
	// KeepDesired sets in the first what the second asks for.
	KeepDesired func(to, from T)
	// KeepStatus sets in the first the status of the second. A kind without status
	// has none.
	KeepStatus func(to, from T)
	// Begin sets the status of a new object, where one without a status would be taken for one about which all is well.
	// The time is that of the creation.
	Begin func(T, metav1.Time)

	// Validate validates a new object.
	Validate func(T) field.ErrorList
	// ValidateUpdate validates a changed object against the stored one. Default:
	// Validate.
	ValidateUpdate func(obj, old T) field.ErrorList
	// ValidateStatus validates a changed status. Default: anything that could be
	// decoded.
	ValidateStatus func(T) field.ErrorList
	// Warnings tells what is allowed and unlikely to be meant.
	Warnings func(T) []string

	// Columns are shown by kubectl get between the name and the age.
	Columns []table.Column[T]
}

// NewREST makes the storage of a kind and of its status, which is nil for a kind
// that has none.
func NewREST[T Object](kind Kind[T], scheme *runtime.Scheme, getter generic.RESTOptionsGetter) (*REST, *StatusREST, error) {
	strategy := newStrategy(kind, scheme)
	group := kind.Version.Group
	store := &genericregistry.Store{
		NewFunc:                   func() runtime.Object { return kind.New() },
		NewListFunc:               kind.NewList,
		DefaultQualifiedResource:  schema.GroupResource{Group: group, Resource: kind.Resource},
		SingularQualifiedResource: schema.GroupResource{Group: group, Resource: kind.Singular},
		CreateStrategy:            strategy,
		UpdateStrategy:            strategy,
		DeleteStrategy:            strategy,
		ResetFieldsStrategy:       strategy,
		TableConvertor:            table.NewConvertor(kind.Columns...),
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: getter}); err != nil {
		return nil, nil, fmt.Errorf("cannot make the storage of %s: %w", kind.Resource, err)
	}
	// Discovery tells by it in which version objects are stored.
	store.StorageVersioner = kind.Version
	resource := &REST{Store: store, shortNames: kind.ShortNames}
	if kind.KeepStatus == nil {
		return resource, nil, nil
	}
	statusStore := *store
	statusStore.UpdateStrategy = statusStrategy[T]{strategy}
	statusStore.ResetFieldsStrategy = statusStrategy[T]{strategy}
	return resource, &StatusREST{&statusStore}, nil
}
