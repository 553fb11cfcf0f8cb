package static

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

// Provider is what the storage of every group is made with.
type Provider struct {
	// Scheme has the types.
	Scheme *runtime.Scheme
	// Codecs encode and decode them.
	Codecs serializer.CodecFactory
	// RESTOptionsGetter says where they are stored.
	RESTOptionsGetter generic.RESTOptionsGetter
}

// Group is an API group in the making.
type Group struct {
	provider Provider
	info     *genericapiserver.APIGroupInfo
}

// NewGroup begins a group without resources.
func (p Provider) NewGroup(name string) *Group {
	info := genericapiserver.NewDefaultAPIGroupInfo(name, p.Scheme, metav1.ParameterCodec, p.Codecs)
	info.NegotiatedSerializer = textOnly{p.Codecs}
	return &Group{provider: p, info: &info}
}

// Add adds a resource, and its subresource status if it has one. The error says
// which storage cannot be made.
func Add[T Object](g *Group, kind Kind[T]) error {
	resource, status, err := NewREST(kind, g.provider.Scheme, g.provider.RESTOptionsGetter)
	if err != nil {
		return err
	}
	g.AddStorage(kind.Version, kind.Resource, resource)
	if status != nil {
		g.AddStorage(kind.Version, kind.Resource+"/status", status)
	}
	return nil
}

// AddStorage adds a resource or subresource that has a storage of its own.
func (g *Group) AddStorage(version schema.GroupVersion, resource string, storage rest.Storage) {
	resources := g.info.VersionedResourcesStorageMap[version.Version]
	if resources == nil {
		resources = map[string]rest.Storage{}
		g.info.VersionedResourcesStorageMap[version.Version] = resources
	}
	resources[resource] = storage
}

// Info is what the generic server installs the group from.
func (g *Group) Info() *genericapiserver.APIGroupInfo { return g.info }
