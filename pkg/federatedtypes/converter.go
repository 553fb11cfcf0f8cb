package federatedtypes

import (
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/template"
)

// typeConverter turns objects of one kind into typed values for server-side
// apply and back. It is strict: values of a strict and of a lenient schema do not
// mix. What does not fit the schema is left out, be it in a stored object since
// the schema has changed, or in a new one that validation will refuse.
type typeConverter struct {
	typed    managedfields.TypeConverter
	template *template.Schema
}

// newTypeConverter builds the converter of kind. With atomicTemplate a template
// is one value, whoever applies it owns the whole.
func newTypeConverter(kind string, base, own map[string]*spec.Schema, templates *template.Schema, atomicTemplate bool) (*typeConverter, error) {
	name := definitionPrefix + kind
	models := maps.Clone(own)
	if atomicTemplate {
		models = map[string]*spec.Schema{name: own[name], name + "Spec": own[name+"Spec"], name + "Template": oneValue()}
	}
	for base, schema := range base {
		models[base] = schema
	}
	// Only objects and scales are applied; the rest of the wire is not.
	delete(models, listDefinition)
	delete(models, name+"List")
	converter, err := managedfields.NewTypeConverter(models, false)
	if err != nil {
		return nil, fmt.Errorf("build the type converter of %s: %w", kind, err)
	}
	return &typeConverter{typed: converter, template: templates}, nil
}

// ObjectToTyped makes a federated object a tree of maps once, where reflection
// would decode its template again at every step.
func (c *typeConverter) ObjectToTyped(obj runtime.Object, opts ...typed.ValidationOptions) (*typed.TypedValue, error) {
	switch o := obj.(type) {
	case *unstructured.Unstructured:
		if err := c.checkApplied(o.Object); err != nil {
			return nil, err
		}
		return c.typed.ObjectToTyped(o, opts...)
	case *typesv1beta1.FederatedObject:
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			return nil, fmt.Errorf("convert to a map: %w", err)
		}
		if _, ok := templateOf(content); !ok {
			unstructured.RemoveNestedField(content, "spec", "template") // if it is there it is no object
		}
		value, err := c.typed.ObjectToTyped(&unstructured.Unstructured{Object: content}, opts...)
		if err == nil || c.template == nil {
			return value, err
		}
		if content, ok := templateOf(content); !ok || !c.template.Fit(content) {
			return nil, err
		}
		return c.typed.ObjectToTyped(&unstructured.Unstructured{Object: content}, opts...)
	}
	return c.typed.ObjectToTyped(obj, opts...)
}

// checkApplied refuses unknown fields in an applied template where the schema of
// the converter would not, because to it the template is one value.
func (c *typeConverter) checkApplied(content map[string]any) error {
	applied, ok := templateOf(content)
	if !ok || c.template == nil {
		return nil
	}
	if unknown := c.template.Unknown(applied, templatePath); len(unknown) > 0 {
		return fmt.Errorf(".%s: field not declared in schema", unknown[0])
	}
	return nil
}

func templateOf(content map[string]any) (map[string]any, bool) {
	template, ok, err := unstructured.NestedFieldNoCopy(content, "spec", "template")
	if err != nil || !ok {
		return nil, false
	}
	object, ok := template.(map[string]any)
	return object, ok
}

// TypedToObject goes through JSON, which keeps an explicit null.
func (c *typeConverter) TypedToObject(value *typed.TypedValue) (runtime.Object, error) {
	obj, err := c.typed.TypedToObject(value)
	if err != nil {
		return nil, err
	}
	content, ok := obj.(*unstructured.Unstructured)
	if !ok || content.GroupVersionKind().Group != typesv1beta1.GroupName {
		return obj, nil
	}
	raw, err := json.Marshal(content.Object)
	if err != nil {
		return nil, fmt.Errorf("encode the applied object: %w", err)
	}
	federated := &typesv1beta1.FederatedObject{}
	if err := json.Unmarshal(raw, federated); err != nil {
		return nil, fmt.Errorf("decode the applied object: %w", err)
	}
	return federated, nil
}
