package hostschema

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/template"
)

const gvkExtension = "x-kubernetes-group-version-kind"

// document is the part of an OpenAPI v3 document that is of use here.
type document struct {
	Components struct {
		Schemas map[string]*spec.Schema `json:"schemas"`
	} `json:"components"`

	used time.Time
}

// target returns the schema of kind with all that it refers to, nil if the
// document has none.
func (d *document) target(kind schema.GroupVersionKind) *federatedtypes.TargetSchema {
	for _, candidate := range d.Components.Schemas {
		if isOfKind(candidate, kind) {
			target := &federatedtypes.TargetSchema{Kind: candidate, Components: map[string]*spec.Schema{}}
			d.collect(candidate, target.Components)
			return target
		}
	}
	return nil
}

func isOfKind(candidate *spec.Schema, kind schema.GroupVersionKind) bool {
	var kinds []metaKind
	if err := candidate.Extensions.GetObject(gvkExtension, &kinds); err != nil {
		return false
	}
	for _, k := range kinds {
		if k.Group == kind.Group && k.Version == kind.Version && k.Kind == kind.Kind {
			return true
		}
	}
	return false
}

type metaKind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

// collect adds to found what s refers to, directly or not.
func (d *document) collect(s *spec.Schema, found map[string]*spec.Schema) {
	if name, ok := strings.CutPrefix(s.Ref.String(), template.ComponentPrefix); ok {
		component := d.Components.Schemas[name]
		if component == nil || found[name] != nil {
			return
		}
		found[name] = component
		d.collect(component, found)
		return
	}
	for name := range s.Properties {
		property := s.Properties[name]
		d.collect(&property, found)
	}
	if s.Items != nil && s.Items.Schema != nil {
		d.collect(s.Items.Schema, found)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		d.collect(s.AdditionalProperties.Schema, found)
	}
	for _, list := range [][]spec.Schema{s.AllOf, s.OneOf, s.AnyOf} {
		for i := range list {
			d.collect(&list[i], found)
		}
	}
	if s.Not != nil {
		d.collect(s.Not, found)
	}
}

// resourcePath is where the host serves a group version.
func resourcePath(gv schema.GroupVersion) string {
	if gv.Group == "" {
		return "/api/" + gv.Version
	}
	return "/apis/" + gv.Group + "/" + gv.Version
}

// groupVersionOf is the way back from a path of the OpenAPI index.
func groupVersionOf(path string) (schema.GroupVersion, bool) {
	switch parts := strings.Split(path, "/"); {
	case len(parts) == 2 && parts[0] == "api":
		return schema.GroupVersion{Version: parts[1]}, true
	case len(parts) == 3 && parts[0] == "apis":
		return schema.GroupVersion{Group: parts[1], Version: parts[2]}, true
	}
	return schema.GroupVersion{}, false
}
