package core

import (
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/kubefederation/federation-apiserver/apis/core/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/registry/core/federatedservicestatus"
	"github.com/kubefederation/federation-apiserver/pkg/registry/core/propagatedversion"
)

// AddViews adds the kinds of the group that are computed from federated objects.
// They are read-only, and stored nowhere.
func AddViews(group *genericapiserver.APIGroupInfo, types *federatedtypes.Server) {
	group.VersionedResourcesStorageMap[v1alpha1.SchemeGroupVersion.Version] = map[string]rest.Storage{
		"propagatedversions":        propagatedversion.NewREST(types),
		"clusterpropagatedversions": propagatedversion.NewClusterREST(types),
		"federatedservicestatuses":  federatedservicestatus.NewREST(types),
	}
}
