package federatedtypes

import (
	"fmt"
	"maps"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kube-openapi/pkg/builder3"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/template"
)

const (
	gvkExtension           = "x-kubernetes-group-version-kind"
	mapTypeExtension       = "x-kubernetes-map-type"
	preserveUnknownFields  = "x-kubernetes-preserve-unknown-fields"
	definitionPrefix       = "io.kubefed.types.v1beta1."
	scaleDefinition        = "io.k8s.api.autoscaling.v1.Scale"
	objectDefinition       = definitionPrefix + "FederatedObject"
	listDefinition         = objectDefinition + "List"
	specDefinition         = objectDefinition + "Spec"
	metav1DefinitionPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1."
)

// definitions are the OpenAPI v3 schemas of the one Go type and of what goes with
// it over the wire, common to all kinds.
type definitions struct {
	base map[string]*spec.Schema
}

func newDefinitions(get common.GetOpenAPIDefinitions) (*definitions, error) {
	config := &common.OpenAPIV3Config{
		GetDefinitions:    get,
		GetDefinitionName: func(name string) (string, spec.Extensions) { return name, nil },
	}
	base, err := builder3.BuildOpenAPIDefinitionsForResources(config,
		typesv1beta1.FederatedObject{}.OpenAPIModelName(),
		typesv1beta1.FederatedObjectList{}.OpenAPIModelName(),
		autoscalingv1.Scale{}.OpenAPIModelName(),
		metav1.Status{}.OpenAPIModelName(),
		metav1.DeleteOptions{}.OpenAPIModelName(),
		metav1.Patch{}.OpenAPIModelName(),
	)
	if err != nil {
		return nil, fmt.Errorf("build the schema of federated objects: %w", err)
	}
	for _, name := range []string{objectDefinition, listDefinition, specDefinition, scaleDefinition} {
		if base[name] == nil {
			return nil, fmt.Errorf("there is no OpenAPI definition %q", name)
		}
	}
	base[scaleDefinition] = withKind(*base[scaleDefinition], autoscalingv1.SchemeGroupVersion.WithKind("Scale"))
	return &definitions{base: base}, nil
}

// forKind returns the schemas that only this kind needs: its own, under its own
// names, and those that the target's schema refers to. Without a target schema
// the template is free-form.
func (d *definitions) forKind(kind string, target *TargetSchema) map[string]*spec.Schema {
	own := make(map[string]*spec.Schema)
	if target != nil {
		maps.Copy(own, target.Components)
		maps.DeleteFunc(own, func(name string, _ *spec.Schema) bool { return d.base[name] != nil })
	}
	name := definitionPrefix + kind
	gv := typesv1beta1.SchemeGroupVersion
	own[name] = withKind(withProperty(d.base[objectDefinition], "spec", refTo(name+"Spec")), gv.WithKind(kind))
	own[name+"Spec"] = ptrTo(withProperty(d.base[specDefinition], "template", refTo(name+"Template")))
	own[name+"List"] = withKind(withItems(d.base[listDefinition], refTo(name)), gv.WithKind(kind+"List"))
	own[name+"Template"] = templateSchema(target)
	return own
}

// templateSchema is the schema of the target as the schema of a template: no kind
// of its own, nothing required, and a status of any form, which nobody reads.
func templateSchema(target *TargetSchema) *spec.Schema {
	if target == nil {
		return freeForm("The object for the members. The host has no schema for it.")
	}
	schema := *target.Kind
	schema.Required = nil
	schema.Extensions = maps.Clone(schema.Extensions)
	delete(schema.Extensions, gvkExtension)
	schema.Properties = maps.Clone(schema.Properties)
	if _, ok := schema.Properties["status"]; ok {
		schema.Properties["status"] = *freeForm("Ignored: the status belongs to the members.")
	}
	return &schema
}

func freeForm(description string) *spec.Schema {
	return &spec.Schema{
		SchemaProps:      spec.SchemaProps{Description: description, Type: []string{"object"}},
		VendorExtensible: spec.VendorExtensible{Extensions: spec.Extensions{preserveUnknownFields: true}},
	}
}

// oneValue makes the template one value for server-side apply.
func oneValue() *spec.Schema {
	schema := freeForm("")
	schema.Extensions[mapTypeExtension] = "atomic"
	return schema
}

func refTo(name string) spec.Schema {
	return spec.Schema{SchemaProps: spec.SchemaProps{Ref: spec.MustCreateRef(template.ComponentPrefix + name)}}
}

// withProperty returns a copy of schema in which a property refers to another
// schema. Its description stays.
func withProperty(schema *spec.Schema, name string, ref spec.Schema) spec.Schema {
	result := *schema
	result.Properties = maps.Clone(schema.Properties)
	old := schema.Properties[name]
	result.Properties[name] = spec.Schema{SchemaProps: spec.SchemaProps{
		Description: old.Description,
		Default:     map[string]any{},
		AllOf:       []spec.Schema{ref},
	}}
	return result
}

func withItems(schema *spec.Schema, ref spec.Schema) spec.Schema {
	result := *schema
	result.Properties = maps.Clone(schema.Properties)
	items := schema.Properties["items"]
	items.Items = &spec.SchemaOrArray{Schema: &ref}
	result.Properties["items"] = items
	return result
}

func withKind(schema spec.Schema, gvk schema.GroupVersionKind) *spec.Schema {
	schema.Extensions = maps.Clone(schema.Extensions)
	if schema.Extensions == nil {
		schema.Extensions = spec.Extensions{}
	}
	schema.Extensions[gvkExtension] = []any{gvkValue(gvk)}
	return &schema
}

func gvkValue(gvk schema.GroupVersionKind) map[string]any {
	return map[string]any{"group": gvk.Group, "version": gvk.Version, "kind": gvk.Kind}
}

func ptrTo[T any](value T) *T {
	return &value
}
