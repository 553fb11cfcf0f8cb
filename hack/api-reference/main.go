// Command api-reference writes the reference of the API as Markdown, one file for
// each group and version, from the OpenAPI definitions of the types.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/kubefederation/federation-apiserver/generated/openapi"
)

// pages are the groups and versions, by the prefix of their models' names.
var pages = []page{
	{models: "io.kubefed.core.v1beta1.", version: "core.kubefed.io/v1beta1", about: "Member clusters, the types that are federated, and the configuration of the control plane."},
	{models: "io.kubefed.core.v1alpha1.", version: "core.kubefed.io/v1alpha1", about: "Read-only views: what was propagated where, and the status of services."},
	{models: "io.kubefed.types.v1beta1.", version: "types.kubefed.io/v1beta1", about: "Federated objects. Every enabled type has a kind of its own, such as FederatedDeployment; all have this shape, and the template has the schema of the target."},
	{models: "io.kubefed.scheduling.v1alpha1.", version: "scheduling.kubefed.io/v1alpha1", about: "How many replicas of a workload each member runs."},
	{models: "io.kubefed.multiclusterdns.v1alpha1.", version: "multiclusterdns.kubefed.io/v1alpha1", about: "DNS names over several clusters."},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: api-reference FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "api-reference: %v\n", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	models := definitions()
	for _, p := range pages {
		text, err := p.markdown(models)
		if err != nil {
			return fmt.Errorf("%s: %w", p.version, err)
		}
		if err := os.WriteFile(filepath.Join(folder, p.file()), []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the reference: %w", err)
		}
	}
	return nil
}

// definitions returns the schemas by the names of their models.
func definitions() map[string]spec.Schema {
	generated := openapi.GetOpenAPIDefinitions(func(name string) spec.Ref {
		return spec.MustCreateRef("#/definitions/" + name)
	})
	models := make(map[string]spec.Schema, len(generated))
	for name, definition := range generated {
		schema := definition.Schema
		// The v2 form, where there is one, names the type.
		if v2, ok := schema.Extensions[common.ExtensionV2Schema].(spec.Schema); ok {
			schema = v2
		}
		models[name] = schema
	}
	return models
}

// modelOf is the name of the model that a schema refers to, if it does.
func modelOf(schema *spec.Schema) (string, bool) {
	if schema.Ref.String() != "" {
		return strings.TrimPrefix(schema.Ref.String(), "#/definitions/"), true
	}
	// A reference with a default or a description is wrapped.
	if len(schema.AllOf) == 1 {
		return modelOf(&schema.AllOf[0])
	}
	return "", false
}
