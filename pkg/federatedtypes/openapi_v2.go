package federatedtypes

import (
	"fmt"
	"maps"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kube-openapi/pkg/builder"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	autoscalingv1 "k8s.io/api/autoscaling/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

const definitionsPath = "#/definitions/"

// documentV2 makes the OpenAPI v2 document, which old clients read. In it
// templates are free-form: the document is one for the whole server, and the host
// merges it into its own.
type documentV2 struct {
	base spec.Definitions
}

func newDocumentV2(get common.GetOpenAPIDefinitions) (*documentV2, error) {
	swagger, err := builder.BuildOpenAPIDefinitionsForResources(&common.Config{
		Info:              documentInfo(),
		GetDefinitions:    get,
		GetDefinitionName: func(name string) (string, spec.Extensions) { return name, nil },
	},
		typesv1beta1.FederatedObject{}.OpenAPIModelName(),
		typesv1beta1.FederatedObjectList{}.OpenAPIModelName(),
		autoscalingv1.Scale{}.OpenAPIModelName(),
		metav1.Status{}.OpenAPIModelName(),
		metav1.DeleteOptions{}.OpenAPIModelName(),
		metav1.Patch{}.OpenAPIModelName(),
	)
	if err != nil {
		return nil, fmt.Errorf("build the OpenAPI v2 schema of federated objects: %w", err)
	}
	definition := swagger.Definitions[specDefinition]
	definition.Properties = maps.Clone(definition.Properties)
	definition.Properties["template"] = *freeForm("The object for the members.")
	swagger.Definitions[specDefinition] = definition
	return &documentV2{base: swagger.Definitions}, nil
}

// with returns the document of the server's other groups together with kinds.
func (d *documentV2) with(static *spec.Swagger, kinds []*Kind) *spec.Swagger {
	document := *static
	document.Definitions = maps.Clone(static.Definitions)
	if document.Definitions == nil {
		document.Definitions = spec.Definitions{}
	}
	for name, definition := range d.base {
		if _, ok := document.Definitions[name]; !ok {
			document.Definitions[name] = definition
		}
	}
	delete(document.Definitions, objectDefinition)
	delete(document.Definitions, listDefinition)

	paths := map[string]spec.PathItem{}
	if static.Paths != nil {
		maps.Copy(paths, static.Paths.Paths)
	}
	for _, kind := range kinds {
		name := definitionPrefix + kind.kind.Kind
		object, list := d.base[objectDefinition], d.base[listDefinition]
		document.Definitions[name] = *withKind(object, kind.kind)
		document.Definitions[name+"List"] = *withKind(withItems(&list, refV2(name)), kind.kind.GroupVersion().WithKind(kind.kind.Kind+"List"))
		for _, route := range kind.routes() {
			path := paths[route.path]
			setV2(&path, route)
			paths[route.path] = path
		}
	}
	document.Paths = &spec.Paths{Paths: paths}
	return &document
}

func refV2(name string) spec.Schema {
	return spec.Schema{SchemaProps: spec.SchemaProps{Ref: spec.MustCreateRef(definitionsPath + name)}}
}

func setV2(path *spec.PathItem, r route) {
	result := refV2(r.result)
	operation := &spec.Operation{OperationProps: spec.OperationProps{
		ID:       r.operation,
		Tags:     []string{"types_v1beta1"},
		Produces: []string{jsonType},
		Consumes: []string{"*/*"},
		Schemes:  []string{"https"},
		Responses: &spec.Responses{ResponsesProps: spec.ResponsesProps{StatusCodeResponses: map[int]spec.Response{
			http.StatusOK: {ResponseProps: spec.ResponseProps{Description: "OK", Schema: &result}},
		}}},
	}}
	operation.AddExtension(actionExtension, r.action)
	operation.AddExtension(gvkExtension, gvkValue(r.kind))
	for _, p := range r.parameters {
		operation.Parameters = append(operation.Parameters, spec.Parameter{
			SimpleSchema: spec.SimpleSchema{Type: p.typ},
			ParamProps:   spec.ParamProps{Name: p.name, In: p.in, Required: p.in == "path"},
		})
	}
	if r.body != "" {
		body := refV2(r.body)
		operation.Parameters = append(operation.Parameters, spec.Parameter{
			ParamProps: spec.ParamProps{Name: "body", In: "body", Required: r.method != http.MethodDelete, Schema: &body},
		})
	}
	switch r.method {
	case http.MethodGet:
		path.Get = operation
	case http.MethodPost:
		path.Post = operation
	case http.MethodPut:
		path.Put = operation
	case http.MethodPatch:
		operation.Consumes = patchTypes
		path.Patch = operation
	case http.MethodDelete:
		path.Delete = operation
	}
}
