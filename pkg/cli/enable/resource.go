package enable

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Discover reads the resources of the host: of the versions that it prefers, or,
// for another version, all of that version. Groups that do not answer are left
// out, unless nothing answers.
func Discover(client discovery.DiscoveryInterface, version string) ([]metav1.APIResource, error) {
	var lists []*metav1.APIResourceList
	var err error
	if version == "" {
		lists, err = client.ServerPreferredResources()
	} else {
		_, lists, err = client.ServerGroupsAndResources()
	}
	if failed := (*discovery.ErrGroupDiscoveryFailed)(nil); err != nil && !errors.As(err, &failed) {
		return nil, fmt.Errorf("asking the host what it serves: %w", err)
	}
	var resources []metav1.APIResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, fmt.Errorf("asking the host what it serves: %w", err)
		}
		if version != "" && gv.Version != version {
			continue
		}
		for _, resource := range list.APIResources {
			if strings.Contains(resource.Name, "/") {
				continue
			}
			resource.Group, resource.Version = gv.Group, gv.Version
			resources = append(resources, resource)
		}
	}
	return resources, nil
}

// Find picks the resource that a name means: plural, singular, kind or short name,
// or plural.group.
func Find(resources []metav1.APIResource, name string) (*metav1.APIResource, error) {
	name = strings.ToLower(name)
	var found []*metav1.APIResource
	for i := range resources {
		resource := &resources[i]
		if QualifiedName(resource) == name {
			// In full; and nothing else names a type of the core group in full.
			return resource, nil
		}
		if name == resource.Name || name == resource.SingularName || name == strings.ToLower(resource.Kind) || slices.Contains(resource.ShortNames, name) {
			found = append(found, resource)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("the host serves no type %q", name)
	case 1:
		return found[0], nil
	}
	names := make([]string, 0, len(found))
	for _, resource := range found {
		names = append(names, QualifiedName(resource))
	}
	return nil, fmt.Errorf("%q may be any of %s: name it in full", name, strings.Join(names, ", "))
}

// QualifiedName is plural.group, or plural for the core group: the name of a
// FederatedTypeConfig.
func QualifiedName(resource *metav1.APIResource) string {
	return schema.GroupResource{Group: resource.Group, Resource: resource.Name}.String()
}

// Resource is how a resource is asked for.
func Resource(resource *metav1.APIResource) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: resource.Group, Version: resource.Version, Resource: resource.Name}
}

// TypeConfig returns what enables a resource.
func TypeConfig(resource *metav1.APIResource, directive *Directive, namespace string) *corev1beta1.FederatedTypeConfig {
	scope := corev1beta1.ClusterScoped
	if resource.Namespaced {
		scope = corev1beta1.NamespaceScoped
	}
	federatedScope := scope
	if resource.Group == "" && resource.Kind == "Namespace" {
		// A FederatedNamespace is in its namespace.
		federatedScope = corev1beta1.NamespaceScoped
	}
	return &corev1beta1.FederatedTypeConfig{
		TypeMeta:   metav1.TypeMeta{APIVersion: corev1beta1.SchemeGroupVersion.String(), Kind: "FederatedTypeConfig"},
		ObjectMeta: metav1.ObjectMeta{Name: QualifiedName(resource), Namespace: namespace},
		Spec: corev1beta1.FederatedTypeConfigSpec{
			TargetType: corev1beta1.APIResource{
				Group: resource.Group, Version: resource.Version, Kind: resource.Kind, PluralName: resource.Name, Scope: scope,
			},
			Propagation: corev1beta1.PropagationEnabled,
			FederatedType: corev1beta1.APIResource{
				Group: directive.Spec.FederatedGroup, Version: directive.Spec.FederatedVersion,
				Kind: "Federated" + resource.Kind, PluralName: "federated" + resource.Name, Scope: federatedScope,
			},
		},
	}
}
