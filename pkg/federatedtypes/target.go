package federatedtypes

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kube-openapi/pkg/validation/spec"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// TargetSchema is the schema of a target kind as the host publishes it.
type TargetSchema struct {
	// Kind is the schema of the kind itself.
	Kind *spec.Schema
	// Components are the schemas of the document that Kind refers to, and those
	// that they refer to, by name. Kind is among them only if it refers to itself.
	// All are shared: they must not be changed.
	Components map[string]*spec.Schema
}

// TargetInfo is what the host says about a target type.
type TargetInfo struct {
	// Schema is nil if the host publishes none.
	Schema *TargetSchema
	// ShortNames of the target resource.
	ShortNames []string
}

// TargetSource tells about target types.
type TargetSource interface {
	// Target returns what is known about a type. A type that the host does not
	// have is no error; an error means that the host did not answer.
	Target(ctx context.Context, resource schema.GroupVersionResource, kind schema.GroupVersionKind) (TargetInfo, error)
	// Run calls changed with every group version whose schemas change, appear or
	// go, until ctx ends.
	Run(ctx context.Context, changed func(schema.GroupVersion))
}

// kindNames are the names of a federated kind other than its plural.
type kindNames struct {
	singular string
	short    []string
}

// namesOf derives the names of a federated kind: short names are those of the
// target with an f in front.
func namesOf(kind string, target TargetInfo) kindNames {
	names := kindNames{singular: strings.ToLower(kind)}
	for _, name := range target.ShortNames {
		names.short = append(names.short, "f"+name)
	}
	return names
}

func targetResource(r corev1beta1.APIResource) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: r.Group, Version: r.Version, Resource: r.PluralName}
}

func targetKind(r corev1beta1.APIResource) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}
}

func isNamespaced(r corev1beta1.APIResource) bool {
	return r.Scope == corev1beta1.NamespaceScoped
}
