// Package federation reads a federation through its host: types, clusters and
// federated objects.
package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
)

// FieldManager is who the commands write to the host as.
const FieldManager = "kubectl-fed"

// pageSize is how many objects one request asks for.
const pageSize = 500

// Client reads and writes through the host, as its user.
type Client struct {
	*connect.Flags
	Kube    kubernetes.Interface
	Core    versioned.Interface
	Dynamic dynamic.Interface
}

// New returns a client of the host that the flags name. No request is sent.
func New(flags *connect.Flags) (*Client, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	return NewForConfig(flags, config)
}

// NewForConfig is New for a host that is reached in another way.
func NewForConfig(flags *connect.Flags, config *rest.Config) (*Client, error) {
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of the host: %w", err)
	}
	core, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of the federation: %w", err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of the federation: %w", err)
	}
	return &Client{Flags: flags, Kube: kube, Core: core, Dynamic: objects}, nil
}

// Explain adds to an error what was being done, and tells a host without a
// federation from one that does not reach it.
func Explain(err error, doing string, args ...any) error {
	doing = fmt.Sprintf(doing, args...)
	status := apierrors.APIStatus(nil)
	switch {
	case apierrors.IsServiceUnavailable(err):
		return fmt.Errorf("%s: the host does not reach the federation now: %w", doing, err)
	case apierrors.IsNotFound(err) && errors.As(err, &status) && (status.Status().Details == nil || status.Status().Details.Name == ""):
		return fmt.Errorf("%s: the host does not serve this: is the federation installed there, and is this the host's context? %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// CheckSystemNamespace fails if the host has no system namespace.
func (c *Client) CheckSystemNamespace(ctx context.Context) error {
	if _, err := c.Kube.CoreV1().Namespaces().Get(ctx, c.SystemNamespace, metav1.GetOptions{}); err != nil {
		return fmt.Errorf("reading the system namespace in the host: %w", err)
	}
	return nil
}

// Clusters returns the members, by name.
func (c *Client) Clusters(ctx context.Context) ([]corev1beta1.KubeFedCluster, error) {
	list, err := c.Core.CoreV1beta1().KubeFedClusters(c.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, Explain(err, "listing the clusters in namespace %s", c.SystemNamespace)
	}
	return list.Items, nil
}

// TypeConfigs returns the federated types, by name.
func (c *Client) TypeConfigs(ctx context.Context) ([]corev1beta1.FederatedTypeConfig, error) {
	list, err := c.Core.CoreV1beta1().FederatedTypeConfigs(c.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, Explain(err, "listing the federated types in namespace %s", c.SystemNamespace)
	}
	return list.Items, nil
}

// Confined says whether the federation works in its own namespace only.
func (c *Client) Confined(ctx context.Context) (bool, error) {
	list, err := c.Core.CoreV1beta1().KubeFedConfigs(c.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, Explain(err, "reading the configuration of the federation")
	}
	for i := range list.Items {
		if list.Items[i].Name == "kubefed" {
			return list.Items[i].Spec.Scope == corev1beta1.NamespaceScoped, nil
		}
	}
	return false, nil
}

// Resource returns the resource that serves the federated objects of a type.
func Resource(config *corev1beta1.FederatedTypeConfig) schema.GroupVersionResource {
	federated := config.Spec.FederatedType
	return schema.GroupVersionResource{Group: federated.Group, Version: federated.Version, Resource: federated.PluralName}
}

// TargetResource returns the resource of the copies of a type in members.
func TargetResource(config *corev1beta1.FederatedTypeConfig) schema.GroupVersionResource {
	target := config.Spec.TargetType
	return schema.GroupVersionResource{Group: target.Group, Version: target.Version, Resource: target.PluralName}
}

// Get reads a federated object; namespace is ignored for cluster-scoped types.
func (c *Client) Get(ctx context.Context, config *corev1beta1.FederatedTypeConfig, namespace, name string) (*typesv1beta1.FederatedObject, error) {
	raw, err := c.read(ctx, config, namespace, name)
	if err != nil {
		return nil, err
	}
	object := &typesv1beta1.FederatedObject{}
	if err := json.Unmarshal(raw, object); err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", config.Spec.FederatedType.Kind, name, err)
	}
	return object, nil
}

func (c *Client) read(ctx context.Context, config *corev1beta1.FederatedTypeConfig, namespace, name string) ([]byte, error) {
	request := c.Core.CoreV1beta1().RESTClient().Get().AbsPath(path(config, namespace, name)...)
	raw, err := request.DoRaw(ctx)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%s %s: %w", config.Spec.FederatedType.Kind, place(config, namespace, name), err)
	}
	if err != nil {
		return nil, Explain(err, "reading %s %s", config.Spec.FederatedType.Kind, place(config, namespace, name))
	}
	return raw, nil
}

// Each calls visit for every federated object of a type in a namespace, or in all
// for "". Objects are read by and by, so that their number does not matter.
func (c *Client) Each(ctx context.Context, config *corev1beta1.FederatedTypeConfig, namespace string, visit func(*typesv1beta1.FederatedObject)) error {
	next := ""
	for {
		request := c.Core.CoreV1beta1().RESTClient().Get().AbsPath(path(config, namespace, "")...).
			Param("limit", fmt.Sprint(pageSize))
		if next != "" {
			request = request.Param("continue", next)
		}
		raw, err := request.DoRaw(ctx)
		if err != nil {
			return Explain(err, "listing %s", Resource(config).Resource)
		}
		page := &typesv1beta1.FederatedObjectList{}
		if err := json.Unmarshal(raw, page); err != nil {
			return fmt.Errorf("listing %s: %w", Resource(config).Resource, err)
		}
		for i := range page.Items {
			visit(&page.Items[i])
		}
		if next = page.Continue; next == "" {
			return nil
		}
	}
}

// path is that of an object, or of the collection for an empty name.
func path(config *corev1beta1.FederatedTypeConfig, namespace, name string) []string {
	federated := config.Spec.FederatedType
	elements := []string{"apis", federated.Group, federated.Version}
	if federated.Scope == corev1beta1.NamespaceScoped && namespace != "" {
		elements = append(elements, "namespaces", namespace)
	}
	elements = append(elements, federated.PluralName)
	if name != "" {
		elements = append(elements, name)
	}
	return elements
}

// place is what to call an object.
func place(config *corev1beta1.FederatedTypeConfig, namespace, name string) string {
	if config.Spec.FederatedType.Scope == corev1beta1.NamespaceScoped && namespace != "" {
		return namespace + "/" + name
	}
	return name
}

// IsNamespaces says whether a type is that of namespaces, whose federated objects
// are in the namespaces themselves.
func IsNamespaces(config *corev1beta1.FederatedTypeConfig) bool {
	return config.Spec.TargetType.Group == "" && config.Spec.TargetType.Kind == "Namespace"
}
