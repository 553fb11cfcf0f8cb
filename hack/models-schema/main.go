// Command models-schema prints the OpenAPI v2 schema of the static API types,
// from which hack/update-codegen.sh generates the apply configurations.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/kubefederation/federation-apiserver/generated/openapi"
)

func main() {
	if err := print(); err != nil {
		fmt.Fprintf(os.Stderr, "models-schema: %v\n", err)
		os.Exit(1)
	}
}

func print() error {
	definitions := openapi.GetOpenAPIDefinitions(func(name string) spec.Ref {
		return spec.MustCreateRef("#/definitions/" + name)
	})
	schemas := make(spec.Definitions, len(definitions))
	for name, definition := range definitions {
		schema := definition.Schema
		// A v2 form, where there is one, says what the v3 form cannot: the type.
		if v2, ok := definition.Schema.Extensions[common.ExtensionV2Schema]; ok {
			if v2Schema, ok := v2.(spec.Schema); ok {
				schema = v2Schema
			}
		}
		schemas[name] = schema
	}
	swagger := spec.Swagger{SwaggerProps: spec.SwaggerProps{
		Swagger:     "2.0",
		Info:        &spec.Info{InfoProps: spec.InfoProps{Title: "federation-apiserver", Version: "unversioned"}},
		Definitions: schemas,
	}}
	if err := json.NewEncoder(os.Stdout).Encode(&swagger); err != nil {
		return fmt.Errorf("write schema: %w", err)
	}
	return nil
}
