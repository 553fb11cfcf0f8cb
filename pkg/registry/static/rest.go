package static

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubefederation/federation-apiserver/pkg/registry/mistake"
	"github.com/kubefederation/federation-apiserver/pkg/registry/sizelimit"
	typesvalidation "github.com/kubefederation/federation-apiserver/pkg/validation/types"
)

// REST serves a resource.
type REST struct {
	*genericregistry.Store
	shortNames []string
}

var (
	_ rest.ShortNamesProvider = &REST{}
	_ rest.CategoriesProvider = &REST{}
)

// ShortNames are for kubectl get.
func (r *REST) ShortNames() []string { return r.shortNames }

// Categories are for kubectl get.
func (*REST) Categories() []string { return []string{"kubefed", "federation"} }

// Create stores a new object.
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	created, err := r.Store.Create(ctx, obj, validate, options)
	if err != nil {
		return nil, sizelimit.Explain(err, obj, maxObjectBytes)
	}
	return created, nil
}

// Update changes an object, or creates one that is applied.
func (r *REST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, forceCreate bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	updated, created, err := r.Store.Update(ctx, name, info, create, update, forceCreate, options)
	if err != nil {
		return nil, false, mistake.Explain(sizelimit.Explain(err, nil, maxObjectBytes))
	}
	return updated, created, nil
}

// Delete deletes an object, or marks it as being deleted.
func (r *REST) Delete(ctx context.Context, name string, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions) (runtime.Object, bool, error) {
	deleted, now, err := r.Store.Delete(ctx, name, validate, options)
	return deleted, now, sizelimit.Explain(err, nil, maxObjectBytes)
}

// maxObjectBytes is etcd's limit for a request, less what a request has besides.
const maxObjectBytes = typesvalidation.MaxObjectBytes

// StatusREST serves the status subresource.
type StatusREST struct {
	store *genericregistry.Store
}

var (
	_ rest.Patcher             = &StatusREST{}
	_ rest.ResetFieldsStrategy = &StatusREST{}
)

// New returns an empty object to decode into.
func (r *StatusREST) New() runtime.Object { return r.store.New() }

// Destroy does nothing: the storage is the resource's.
func (*StatusREST) Destroy() {}

// Get returns the object, which a patch of its status starts from.
func (r *StatusREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.store.Get(ctx, name, options)
}

// Update writes the status. It never creates.
func (r *StatusREST) Update(ctx context.Context, name string, objInfo rest.UpdatedObjectInfo, createValidation rest.ValidateObjectFunc, updateValidation rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	updated, created, err := r.store.Update(ctx, name, objInfo, createValidation, updateValidation, false, options)
	if err != nil {
		return nil, false, mistake.Explain(sizelimit.Explain(err, nil, maxObjectBytes))
	}
	return updated, created, nil
}

// GetResetFields names what a write to the status leaves alone.
func (r *StatusREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return r.store.GetResetFields()
}

// ConvertToTable shows the object as the resource itself does.
func (r *StatusREST) ConvertToTable(ctx context.Context, object, tableOptions runtime.Object) (*metav1.Table, error) {
	return r.store.ConvertToTable(ctx, object, tableOptions)
}
