// Package rest puts the storage of the group core.kubefed.io together.
package rest

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/core/federatedtypeconfig"
	"github.com/kubefederation/federation-apiserver/pkg/registry/core/kubefedcluster"
	"github.com/kubefederation/federation-apiserver/pkg/registry/core/kubefedconfig"
)

// StorageProvider makes what the generic server needs to serve core.kubefed.io.
type StorageProvider struct {
	// Scheme has the types of the group.
	Scheme *runtime.Scheme
	// Codecs encode and decode them.
	Codecs serializer.CodecFactory
}

// NewRESTStorage makes the storage of all resources of the group. The error says
// which storage cannot be made.
func (p StorageProvider) NewRESTStorage(getter generic.RESTOptionsGetter) (*genericapiserver.APIGroupInfo, error) {
	clusters, clusterStatus, err := kubefedcluster.NewREST(p.Scheme, getter)
	if err != nil {
		return nil, err
	}
	configs, err := kubefedconfig.NewREST(p.Scheme, getter)
	if err != nil {
		return nil, err
	}
	typeConfigs, typeConfigStatus, err := federatedtypeconfig.NewREST(p.Scheme, getter)
	if err != nil {
		return nil, err
	}

	info := genericapiserver.NewDefaultAPIGroupInfo(core.GroupName, p.Scheme, metav1.ParameterCodec, p.Codecs)
	info.NegotiatedSerializer = textOnly{p.Codecs}
	info.VersionedResourcesStorageMap[v1beta1.SchemeGroupVersion.Version] = map[string]rest.Storage{
		"kubefedclusters":             clusters,
		"kubefedclusters/status":      clusterStatus,
		"kubefedconfigs":              configs,
		"federatedtypeconfigs":        typeConfigs,
		"federatedtypeconfigs/status": typeConfigStatus,
	}
	return &info, nil
}
