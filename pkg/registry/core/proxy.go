package core

import (
	"context"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// MemberProxy hands requests on to the API of a member.
type MemberProxy interface {
	// Handler answers requests with what the member of that cluster answers.
	Handler(ctx context.Context, cluster *v1beta1.KubeFedCluster) (http.Handler, error)
	// Forget is told of a cluster that is not there.
	Forget(name string)
}

// AddProxy adds the subresource that leads to the API of a member.
func AddProxy(group *genericapiserver.APIGroupInfo, scheme *runtime.Scheme, proxy MemberProxy) error {
	resources := group.VersionedResourcesStorageMap[v1beta1.SchemeGroupVersion.Version]
	clusters, ok := resources["kubefedclusters"].(rest.Getter)
	if !ok {
		return fmt.Errorf("the storage of kubefedclusters, %T, cannot be read", resources["kubefedclusters"])
	}
	resources["kubefedclusters/proxy"] = &proxyREST{clusters: clusters, scheme: scheme, proxy: proxy}
	return nil
}

// proxyREST serves KubeFedCluster/proxy.
type proxyREST struct {
	clusters rest.Getter
	scheme   *runtime.Scheme
	proxy    MemberProxy
}

var _ rest.Connecter = &proxyREST{}

// New returns an empty object of the kind that discovery names.
func (*proxyREST) New() runtime.Object { return &core.KubeFedCluster{} }

// Destroy does nothing: the storage is the resource's.
func (*proxyREST) Destroy() {}

// ConnectMethods are the methods of a Kubernetes API.
func (*proxyREST) ConnectMethods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
}

// NewConnectOptions returns no options: what follows in the path, and the query,
// are the member's.
func (*proxyREST) NewConnectOptions() (options runtime.Object, withPath bool, pathParameter string) {
	return nil, true, "path"
}

// Connect returns what answers a request.
func (r *proxyREST) Connect(ctx context.Context, name string, _ runtime.Object, _ rest.Responder) (http.Handler, error) {
	object, err := r.clusters.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		if apierrors.IsNotFound(err) {
			r.proxy.Forget(name)
		}
		return nil, err
	}
	cluster := &v1beta1.KubeFedCluster{}
	if err := r.scheme.Convert(object, cluster, nil); err != nil {
		return nil, fmt.Errorf("converting KubeFedCluster %s: %w", name, err)
	}
	return r.proxy.Handler(ctx, cluster)
}
