package kubefedconfig

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
)

// REST serves kubefedconfigs.
type REST struct {
	*genericregistry.Store
}

var _ rest.CategoriesProvider = &REST{}

// Categories are for kubectl get.
func (*REST) Categories() []string { return []string{"kubefed", "federation"} }

// NewREST makes the storage of kubefedconfigs.
func NewREST(scheme *runtime.Scheme, getter generic.RESTOptionsGetter) (*REST, error) {
	strategy := newStrategy(scheme)
	store := &genericregistry.Store{
		NewFunc:                   func() runtime.Object { return &core.KubeFedConfig{} },
		NewListFunc:               func() runtime.Object { return &core.KubeFedConfigList{} },
		DefaultQualifiedResource:  core.Resource("kubefedconfigs"),
		SingularQualifiedResource: core.Resource("kubefedconfig"),
		CreateStrategy:            strategy,
		UpdateStrategy:            strategy,
		DeleteStrategy:            strategy,
		TableConvertor:            newTableConvertor(),
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: getter}); err != nil {
		return nil, fmt.Errorf("cannot make the storage of kubefedconfigs: %w", err)
	}
	return &REST{store}, nil
}

func newTableConvertor() rest.TableConvertor {
	return table.NewConvertor(table.Column[*core.KubeFedConfig]{
		Name: "Scope", Description: "How far the federation acts: Cluster or Namespaced.",
		Cell: func(config *core.KubeFedConfig) string { return string(config.Spec.Scope) },
	})
}
