package federatedtypes

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/mistake"
)

// categories under which kubectl get finds all federated kinds.
var categories = []string{"federation", "kubefed"}

// objectREST serves the objects of a kind.
type objectREST struct {
	*genericregistry.Store
	kind    *Kind
	storage *kindStorage
	names   kindNames
}

var (
	_ rest.StandardStorage      = &objectREST{}
	_ rest.ShortNamesProvider   = &objectREST{}
	_ rest.CategoriesProvider   = &objectREST{}
	_ rest.SingularNameProvider = &objectREST{}
	_ rest.ResetFieldsStrategy  = &objectREST{}
)

// Destroy leaves the storage alone: it outlives what serves it.
func (r *objectREST) Destroy() {}

// ShortNames are those of the target with an f in front.
func (r *objectREST) ShortNames() []string { return r.names.short }

// Categories are the same for all kinds.
func (r *objectREST) Categories() []string { return categories }

// GetSingularName is the kind in lower case.
func (r *objectREST) GetSingularName() string { return r.names.singular }

// Create stores a new object.
func (r *objectREST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	if err := r.kind.takesNew(); err != nil {
		return nil, err
	}
	created, err := r.Store.Create(onTrial(ctx, options.DryRun), obj, validate, options)
	if err != nil {
		return nil, r.storage.explain(err, obj.(*typesv1beta1.FederatedObject))
	}
	return created, nil
}

// Update changes an object, or creates one that is applied.
func (r *objectREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, forceCreate bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	takesNew := func(ctx context.Context, obj runtime.Object) error {
		if err := r.kind.takesNew(); err != nil {
			return err
		}
		return create(ctx, obj)
	}
	return r.storage.updateForUser(onTrial(ctx, options.DryRun), r.Store, name, info, takesNew, update, forceCreate, options)
}

// Delete deletes an object, or marks it as being deleted.
func (r *objectREST) Delete(ctx context.Context, name string, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions) (runtime.Object, bool, error) {
	deleted, now, err := r.Store.Delete(ctx, name, validate, options)
	return deleted, now, r.storage.explain(err, nil)
}

// takesNew refuses new objects while the FederatedTypeConfig waits for the last
// one to go.
func (k *Kind) takesNew() error {
	config := k.TypeConfig()
	if config.DeletionTimestamp == nil {
		return nil
	}
	return apierrors.NewForbidden(k.resource.GroupResource(), "", fmt.Errorf("the FederatedTypeConfig %s is being deleted", config.Name))
}

// statusREST serves /status.
type statusREST struct {
	storage *kindStorage
}

var (
	_ rest.Patcher             = &statusREST{}
	_ rest.ResetFieldsStrategy = &statusREST{}
)

// New returns an empty object.
func (r *statusREST) New() runtime.Object { return r.storage.status.New() }

// Destroy leaves the storage alone: it outlives what serves it.
func (r *statusREST) Destroy() {}

// Get reads an object.
func (r *statusREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.storage.status.Get(ctx, name, options)
}

// Update changes the status of an object; it never creates one.
func (r *statusREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	return r.storage.updateForUser(withClient(ctx), r.storage.status, name, info, create, update, false, options)
}

// GetResetFields names what users cannot set through /status.
func (r *statusREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return r.storage.status.GetResetFields()
}

// ConvertToTable makes the table that kubectl prints.
func (r *statusREST) ConvertToTable(ctx context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	return r.storage.status.ConvertToTable(ctx, obj, options)
}

// updateForUser is an update with answers that a user can act on.
func (s *kindStorage) updateForUser(ctx context.Context, store *genericregistry.Store, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, forceCreate bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	last := &lastUpdated{UpdatedObjectInfo: info}
	updated, created, err := store.Update(ctx, name, last, create, update, forceCreate, options)
	if err != nil {
		return nil, false, mistake.Explain(s.explain(err, last.obj))
	}
	return updated, created, nil
}

// lastUpdated remembers the object that was last offered to the storage.
type lastUpdated struct {
	rest.UpdatedObjectInfo
	obj *typesv1beta1.FederatedObject
}

func (u *lastUpdated) UpdatedObject(ctx context.Context, old runtime.Object) (runtime.Object, error) {
	obj, err := u.UpdatedObjectInfo.UpdatedObject(ctx, old)
	if federated, ok := obj.(*typesv1beta1.FederatedObject); ok {
		u.obj = federated
	}
	return obj, err
}
