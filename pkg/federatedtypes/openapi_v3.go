package federatedtypes

import (
	"maps"
	"net/http"
	"slices"

	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

const (
	actionExtension = "x-kubernetes-action"
	jsonType        = "application/json"
)

// documentV3 is the OpenAPI v3 document of the group version.
func (d *definitions) documentV3(kinds []*Kind) *spec3.OpenAPI {
	schemas := maps.Clone(d.base)
	// The one Go type is published only as the kinds that it stands for.
	for _, name := range []string{objectDefinition, listDefinition, specDefinition} {
		delete(schemas, name)
	}
	paths := map[string]*spec3.Path{}
	for _, kind := range kinds {
		for name, schema := range kind.served.Load().own {
			if _, ok := schemas[name]; !ok {
				schemas[name] = schema
			}
		}
		for _, route := range kind.routes() {
			path := paths[route.path]
			if path == nil {
				path = &spec3.Path{}
				paths[route.path] = path
			}
			setV3(path, route)
		}
	}
	return &spec3.OpenAPI{
		Version:    "3.0.0",
		Info:       documentInfo(),
		Paths:      &spec3.Paths{Paths: paths},
		Components: &spec3.Components{Schemas: schemas},
	}
}

func documentInfo() *spec.Info {
	return &spec.Info{InfoProps: spec.InfoProps{Title: "Federated types", Version: typesv1beta1.SchemeGroupVersion.Version}}
}

func setV3(path *spec3.Path, r route) {
	operation := &spec3.Operation{OperationProps: spec3.OperationProps{
		OperationId: r.operation,
		Tags:        []string{"types_v1beta1"},
		Responses:   responsesV3(r.result),
	}}
	operation.AddExtension(actionExtension, r.action)
	operation.AddExtension(gvkExtension, gvkValue(r.kind))
	for _, p := range r.parameters {
		operation.Parameters = append(operation.Parameters, &spec3.Parameter{ParameterProps: spec3.ParameterProps{
			Name: p.name, In: p.in, Required: p.in == "path",
			Schema: &spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{p.typ}}},
		}})
	}
	if r.body != "" {
		types := []string{"*/*"}
		if r.method == http.MethodPatch {
			types = slices.Clone(patchTypes)
		}
		operation.RequestBody = &spec3.RequestBody{RequestBodyProps: spec3.RequestBodyProps{
			Content: contentV3(r.body, types...), Required: r.method != http.MethodDelete,
		}}
	}
	switch r.method {
	case http.MethodGet:
		path.Get = operation
	case http.MethodPost:
		path.Post = operation
	case http.MethodPut:
		path.Put = operation
	case http.MethodPatch:
		path.Patch = operation
	case http.MethodDelete:
		path.Delete = operation
	}
}

func responsesV3(definition string) *spec3.Responses {
	ok := &spec3.Response{ResponseProps: spec3.ResponseProps{Description: "OK", Content: contentV3(definition, jsonType)}}
	return &spec3.Responses{ResponsesProps: spec3.ResponsesProps{StatusCodeResponses: map[int]*spec3.Response{http.StatusOK: ok}}}
}

func contentV3(definition string, mediaTypes ...string) map[string]*spec3.MediaType {
	schema := refTo(definition)
	content := make(map[string]*spec3.MediaType, len(mediaTypes))
	for _, mediaType := range mediaTypes {
		content[mediaType] = &spec3.MediaType{MediaTypeProps: spec3.MediaTypeProps{Schema: &schema}}
	}
	return content
}
