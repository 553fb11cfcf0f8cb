package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// page is the reference of one group and version.
type page struct {
	// models is the prefix of the names of its models.
	models string
	// version is the apiVersion of its objects.
	version string
	about   string
}

func (p page) file() string {
	return strings.ReplaceAll(p.version, "/", "_") + ".md"
}

// markdown is the text of the page: the kinds first, then what they are made of.
func (p page) markdown(models map[string]spec.Schema) (string, error) {
	var kinds, parts []string
	for _, name := range slices.Sorted(maps.Keys(models)) {
		local, ok := strings.CutPrefix(name, p.models)
		switch {
		case !ok || strings.HasSuffix(local, "List"):
		case isKind(models[name]):
			kinds = append(kinds, local)
		default:
			parts = append(parts, local)
		}
	}
	if len(kinds) == 0 {
		return "", errors.New("no kinds: is the prefix of the models right?")
	}

	text := &strings.Builder{}
	fmt.Fprintf(text, "<!-- Written by hack/update-codegen.sh. -->\n\n# %s\n\n%s\n\n", p.version, p.about)
	for _, kind := range kinds {
		fmt.Fprintf(text, "- [%s](#%s)\n", kind, strings.ToLower(kind))
	}
	for _, name := range slices.Concat(kinds, parts) {
		p.section(text, name, models[p.models+name])
	}
	return text.String(), nil
}

func isKind(schema spec.Schema) bool {
	_, ok := schema.Properties["kind"]
	_, hasMeta := schema.Properties["metadata"]
	return ok && hasMeta
}

func (p page) section(text *strings.Builder, name string, schema spec.Schema) {
	fmt.Fprintf(text, "\n## %s\n\n%s\n", name, strings.TrimSpace(schema.Description))
	if len(schema.Properties) == 0 {
		return
	}
	text.WriteString("\n| Field | Type | Description |\n|---|---|---|\n")
	for _, field := range slices.Sorted(maps.Keys(schema.Properties)) {
		if isKind(schema) && (field == "kind" || field == "apiVersion") {
			continue
		}
		property := schema.Properties[field]
		if field == "metadata" {
			property.Description = "Standard metadata of an object."
		}
		mark := ""
		if slices.Contains(schema.Required, field) {
			mark = " (required)"
		}
		fmt.Fprintf(text, "| `%s`%s | %s | %s |\n", field, mark, p.typeOf(&property), cell(property.Description))
	}
}

// typeOf shows a type, with a link to its section if it has one on this page.
func (p page) typeOf(schema *spec.Schema) string {
	if model, ok := modelOf(schema); ok {
		if local, ok := strings.CutPrefix(model, p.models); ok {
			return fmt.Sprintf("[%s](#%s)", local, strings.ToLower(local))
		}
		return model[strings.LastIndex(model, ".")+1:]
	}
	switch {
	case schema.Type.Contains("array") && schema.Items != nil && schema.Items.Schema != nil:
		return "list of " + p.typeOf(schema.Items.Schema)
	case schema.Type.Contains("object") && schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil:
		return "map of " + p.typeOf(schema.AdditionalProperties.Schema)
	case schema.Format != "":
		return schema.Format
	case len(schema.Type) == 1:
		return schema.Type[0]
	default:
		return "any"
	}
}

// cell puts a description into one cell of a table.
func cell(description string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(description), " "), "|", `\|`)
}
