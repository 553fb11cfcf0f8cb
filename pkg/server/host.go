package server

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// hostConfig says how to reach the host cluster: by the kubeconfig, or from
// inside a pod.
func hostConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("reach the host cluster without --kubeconfig: %w", err)
		}
		return config, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("--kubeconfig %s: %w", kubeconfig, err)
	}
	return config, nil
}

// hostServes asks the host whether it serves a resource.
func hostServes(ctx context.Context, host *rest.Config, resource schema.GroupVersionResource) (bool, error) {
	client, err := discovery.NewDiscoveryClientForConfig(host)
	if err != nil {
		return false, fmt.Errorf("client of the host cluster: %w", err)
	}
	list := &metav1.APIResourceList{}
	err = client.RESTClient().Get().AbsPath("/apis", resource.Group, resource.Version).Do(ctx).Into(list)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask the host cluster whether it serves %s: %w", resource, err)
	}
	return slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == resource.Resource }), nil
}

// publishedAnnotation on an APIService changes when what it serves changed.
const publishedAnnotation = "federation.kubefed.io/published"

var (
	apiServiceResource = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	ownAPIServices     = []string{"v1beta1.core.kubefed.io", "v1beta1.types.kubefed.io"}
)

// apiServiceNudge makes the host read discovery and OpenAPI of this server
// again. By itself it does so once a minute; an update of the APIService makes
// it do so at once.
type apiServiceNudge struct {
	client dynamic.NamespaceableResourceInterface
}

func newAPIServiceNudge(host *rest.Config) (*apiServiceNudge, error) {
	client, err := dynamic.NewForConfig(host)
	if err != nil {
		return nil, fmt.Errorf("client of the host cluster: %w", err)
	}
	return &apiServiceNudge{client: client.Resource(apiServiceResource)}, nil
}

// nudge updates the APIServices. One that is not registered is no error: there
// is nobody to tell then.
func (n *apiServiceNudge) nudge(ctx context.Context) error {
	stamp := strconv.FormatInt(time.Now().UnixNano(), 36)
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, publishedAnnotation, stamp)
	var errs []error
	for _, name := range ownAPIServices {
		_, err := n.client.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("tell the host cluster that APIService %s changed: %w", name, err))
		}
	}
	return utilerrors.NewAggregate(errs)
}
