package federation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// ResolveType finds a federated type by any of its names: plural, singular, kind
// or short name of the target or of the federated type, with a group or without.
func (c *Client) ResolveType(ctx context.Context, name string) (*corev1beta1.FederatedTypeConfig, error) {
	configs, err := c.TypeConfigs(ctx)
	if err != nil {
		return nil, err
	}
	found := match(configs, name)
	if len(found) == 0 {
		// Short names are known to discovery only.
		if resource, ok := c.lookUp(name); ok {
			found = matchResource(configs, resource)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%q is no federated type; there are: %s. See \"kubectl fed enable\"", name, strings.Join(typeNames(configs), ", "))
	case 1:
		return found[0], nil
	}
	names := make([]string, 0, len(found))
	for _, config := range found {
		names = append(names, config.Name)
	}
	return nil, fmt.Errorf("%q may be any of %s: name it in full", name, strings.Join(names, ", "))
}

func typeNames(configs []corev1beta1.FederatedTypeConfig) []string {
	names := make([]string, 0, len(configs))
	for i := range configs {
		names = append(names, configs[i].Name)
	}
	return names
}

// match returns the types that a name fits. The name of a FederatedTypeConfig
// fits that one only.
func match(configs []corev1beta1.FederatedTypeConfig, name string) []*corev1beta1.FederatedTypeConfig {
	var found []*corev1beta1.FederatedTypeConfig
	name = strings.ToLower(name)
	for i := range configs {
		config := &configs[i]
		if config.Name == name {
			return []*corev1beta1.FederatedTypeConfig{config}
		}
		if fits(config.Spec.TargetType, name) || fits(config.Spec.FederatedType, name) {
			found = append(found, config)
		}
	}
	return found
}

func fits(resource corev1beta1.APIResource, name string) bool {
	for _, own := range []string{resource.PluralName, strings.ToLower(resource.Kind)} {
		if name == own || resource.Group != "" && (name == own+"."+resource.Group || name == own+"."+resource.Version+"."+resource.Group) {
			return true
		}
	}
	return false
}

func matchResource(configs []corev1beta1.FederatedTypeConfig, resource schema.GroupResource) []*corev1beta1.FederatedTypeConfig {
	var found []*corev1beta1.FederatedTypeConfig
	for i := range configs {
		config := &configs[i]
		if Resource(config).GroupResource() == resource || TargetResource(config).GroupResource() == resource {
			found = append(found, config)
		}
	}
	return found
}

// lookUp asks discovery for a name.
func (c *Client) lookUp(name string) (schema.GroupResource, bool) {
	mapper, err := c.ToRESTMapper()
	if err != nil {
		return schema.GroupResource{}, false
	}
	resource, err := mapper.ResourceFor(schema.ParseGroupResource(strings.ToLower(name)).WithVersion(""))
	if err != nil {
		return schema.GroupResource{}, false
	}
	return resource.GroupResource(), true
}

// TypeFor returns the type config whose federated kind a manifest is of, nil if
// there is none.
func TypeFor(configs []corev1beta1.FederatedTypeConfig, kind schema.GroupVersionKind) *corev1beta1.FederatedTypeConfig {
	i := slices.IndexFunc(configs, func(c corev1beta1.FederatedTypeConfig) bool {
		federated := c.Spec.FederatedType
		return federated.Group == kind.Group && federated.Version == kind.Version && federated.Kind == kind.Kind
	})
	if i < 0 {
		return nil
	}
	return &configs[i]
}

// Named is one object as a command line names it.
type Named struct {
	Type      *corev1beta1.FederatedTypeConfig
	Namespace string
	Name      string
}

// SplitArgs takes TYPE NAME or TYPE/NAME apart.
func SplitArgs(args []string) (typeName, name string, err error) {
	switch len(args) {
	case 1:
		typeName, name, _ = strings.Cut(args[0], "/")
	case 2:
		typeName, name = args[0], args[1]
	}
	if typeName == "" || name == "" || len(args) > 2 {
		return "", "", errors.New("name one object: TYPE NAME, or TYPE/NAME")
	}
	return typeName, name, nil
}

// Find resolves TYPE NAME to a type, namespace and name. It does not ask whether
// the object is there.
func (c *Client) Find(ctx context.Context, args []string) (*Named, error) {
	typeName, name, err := SplitArgs(args)
	if err != nil {
		return nil, err
	}
	config, err := c.ResolveType(ctx, typeName)
	if err != nil {
		return nil, err
	}
	namespace, given, err := c.Namespace()
	if err != nil {
		return nil, err
	}
	switch {
	case config.Spec.FederatedType.Scope != corev1beta1.NamespaceScoped:
		namespace = ""
	case IsNamespaces(config) && !given:
		namespace = name
	}
	return &Named{Type: config, Namespace: namespace, Name: name}, nil
}

// Object reads the object.
func (c *Client) Object(ctx context.Context, named *Named) (*typesv1beta1.FederatedObject, error) {
	return c.Get(ctx, named.Type, named.Namespace, named.Name)
}

// String is how the object is spoken of.
func (n *Named) String() string {
	return n.Type.Spec.FederatedType.Kind + " " + place(n.Type, n.Namespace, n.Name)
}
