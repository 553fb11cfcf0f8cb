// Package template checks templates of federated objects against the OpenAPI
// schema of their target kind: it finds and removes unknown fields, as decoding
// into the target's Go type would, and it checks the values.
//
// Required fields are not required here, because overrides may supply them.
package template

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// ComponentPrefix is what a reference to a schema of the same OpenAPI v3 document
// begins with.
const ComponentPrefix = "#/components/schemas/"

// Extensions of OpenAPI that Kubernetes publishes.
const (
	preserveUnknownFields = "x-kubernetes-preserve-unknown-fields"
	intOrString           = "x-kubernetes-int-or-string"
	embeddedResource      = "x-kubernetes-embedded-resource"
	listMapKeys           = "x-kubernetes-list-map-keys"
)

// Schema is the schema of a target kind, compiled for walking.
type Schema struct {
	root *node
}

// kinds of JSON values, as a set; none at all means any value.
type kinds uint8

const (
	objectKind kinds = 1 << iota
	arrayKind
	stringKind
	integerKind
	numberKind
	booleanKind
)

var kindsByType = map[string]kinds{
	"object":  objectKind,
	"array":   arrayKind,
	"string":  stringKind,
	"integer": integerKind,
	"number":  numberKind | integerKind,
	"boolean": booleanKind,
}

// node is the schema of one place in a document.
type node struct {
	kinds kinds
	// fields of an object by name, and additional for any other key.
	fields     map[string]*node
	additional *node
	// open lets unknown fields pass.
	open  bool
	items *node
	// keys tell the items of a list apart; each item must have them.
	keys   []string
	format string
	enum   []any
	limits *limits
}

// limits are bounds on values. CustomResourceDefinitions have them, Kubernetes'
// own kinds publish next to none.
type limits struct {
	minimum, maximum                   *float64
	exclusiveMinimum, exclusiveMaximum bool
	minLength, maxLength               *int64
	minItems, maxItems                 *int64
	pattern                            *regexp.Regexp
}

// Compile prepares an OpenAPI v3 schema that refers to components of its
// document. References that lead nowhere are an error.
func Compile(root *spec.Schema, components map[string]*spec.Schema) (*Schema, error) {
	c := compiler{components: components, nodes: map[string]*node{}}
	n, err := c.compile(root)
	if err != nil {
		return nil, err
	}
	return &Schema{root: n}, nil
}

// HasReplicas reports whether spec.replicas is an integer.
func (s *Schema) HasReplicas() bool {
	specification := s.root.fields["spec"]
	if specification == nil {
		return false
	}
	replicas := specification.fields["replicas"]
	return replicas != nil && replicas.kinds == integerKind
}

// HasStatus reports whether there is a field status.
func (s *Schema) HasStatus() bool {
	return s.root.fields["status"] != nil
}

type compiler struct {
	components map[string]*spec.Schema
	nodes      map[string]*node
}

// component compiles a named schema once; a schema may refer to itself.
func (c *compiler) component(name string) (*node, error) {
	if n, ok := c.nodes[name]; ok {
		return n, nil
	}
	schema, ok := c.components[name]
	if !ok {
		return nil, fmt.Errorf("schema %q is not in the document", name)
	}
	n := &node{}
	c.nodes[name] = n
	if err := c.fill(n, schema); err != nil {
		return nil, fmt.Errorf("schema %q: %w", name, err)
	}
	return n, nil
}

func (c *compiler) compile(schema *spec.Schema) (*node, error) {
	if name, ok := reference(schema); ok {
		return c.component(name)
	}
	// A reference with a default or a description beside it is published as
	// allOf with one member.
	if len(schema.AllOf) == 1 && len(schema.Type) == 0 && len(schema.Properties) == 0 {
		return c.compile(&schema.AllOf[0])
	}
	n := &node{}
	return n, c.fill(n, schema)
}

func (c *compiler) fill(n *node, schema *spec.Schema) error {
	if name, ok := reference(schema); ok {
		target, err := c.component(name)
		if err != nil {
			return err
		}
		*n = *target
		return nil
	}

	n.kinds = kindsOf(schema)
	n.format = schema.Format
	n.enum = schema.Enum
	var err error
	if n.limits, err = limitsOf(schema); err != nil {
		return err
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		if n.items, err = c.compile(schema.Items.Schema); err != nil {
			return err
		}
		n.keys = c.keysOf(schema)
	}
	for name := range schema.Properties {
		property := schema.Properties[name]
		if n.fields == nil {
			n.fields = make(map[string]*node, len(schema.Properties))
		}
		if n.fields[name], err = c.compile(&property); err != nil {
			return fmt.Errorf("property %q: %w", name, err)
		}
	}
	if isTrue(schema, embeddedResource) {
		c.embed(n)
	}
	if additional := schema.AdditionalProperties; additional != nil {
		n.open = additional.Allows
		if additional.Schema != nil {
			n.open = false
			if n.additional, err = c.compile(additional.Schema); err != nil {
				return fmt.Errorf("additional properties: %w", err)
			}
		}
	}
	if isTrue(schema, preserveUnknownFields) || (len(n.fields) == 0 && n.additional == nil) {
		n.open = true
	}
	return nil
}

// keysOf returns the keys of a list that have no default. An empty string is what
// Kubernetes publishes as the default of strings that are required.
func (c *compiler) keysOf(list *spec.Schema) []string {
	keys, _ := list.Extensions.GetStringSlice(listMapKeys)
	item := list.Items.Schema
	for len(item.AllOf) == 1 && len(item.Properties) == 0 {
		item = &item.AllOf[0]
	}
	if name, ok := reference(item); ok && c.components[name] != nil {
		item = c.components[name]
	}
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		value := item.Properties[key].Default
		return value != nil && value != ""
	})
}

// embed adds the fields that every object has.
func (c *compiler) embed(n *node) {
	if n.fields == nil {
		n.fields = map[string]*node{}
	}
	for _, name := range []string{"apiVersion", "kind", "metadata"} {
		if _, ok := n.fields[name]; !ok {
			n.fields[name] = &node{open: true}
		}
	}
}

func reference(schema *spec.Schema) (string, bool) {
	if schema.Ref.GetURL() == nil {
		return "", false
	}
	return strings.CutPrefix(schema.Ref.String(), ComponentPrefix)
}

func kindsOf(schema *spec.Schema) kinds {
	if isTrue(schema, intOrString) || schema.Format == "int-or-string" {
		return integerKind | stringKind
	}
	var result kinds
	for _, name := range schema.Type {
		result |= kindsByType[name]
	}
	if result != 0 {
		return result
	}
	for i := range schema.OneOf {
		branch := kindsOf(&schema.OneOf[i])
		if branch == 0 {
			return 0
		}
		result |= branch
	}
	return result
}

func limitsOf(schema *spec.Schema) (*limits, error) {
	l := limits{
		minimum: schema.Minimum, maximum: schema.Maximum,
		exclusiveMinimum: schema.ExclusiveMinimum, exclusiveMaximum: schema.ExclusiveMaximum,
		minLength: schema.MinLength, maxLength: schema.MaxLength,
		minItems: schema.MinItems, maxItems: schema.MaxItems,
	}
	if schema.Pattern != "" {
		pattern, err := regexp.Compile(schema.Pattern)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", schema.Pattern, err)
		}
		l.pattern = pattern
	}
	if l == (limits{}) {
		return nil, nil
	}
	return &l, nil
}

func isTrue(schema *spec.Schema, extension string) bool {
	value, ok := schema.Extensions.GetBool(extension)
	return ok && value
}
