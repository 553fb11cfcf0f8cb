package overrides

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// base decodes the template of obj, drops what members shall not get, and gives
// it its identity. The labels, not yet with the managed one, are returned apart;
// they are in the content only if the template has some.
func base(obj *typesv1beta1.FederatedObject, target Target) (content map[string]any, labels map[string]any, err error) {
	if content, err = decodeTemplate(obj); err != nil {
		return nil, nil, err
	}
	metadata, err := object(content, "metadata", "metadata")
	if err != nil {
		return nil, nil, err
	}
	if metadata == nil {
		metadata = map[string]any{}
		content["metadata"] = metadata
	}
	delete(content, "status")
	for field := range protectedMetadata {
		delete(metadata, field)
	}

	if labels, err = object(metadata, "labels", "metadata.labels"); err != nil {
		return nil, nil, err
	}
	annotations, err := object(metadata, "annotations", "metadata.annotations")
	if err != nil {
		return nil, nil, err
	}
	dropKeys(labels, isTrackingLabel)
	dropKeys(annotations, isTrackingAnnotation)
	if labels == nil {
		labels = map[string]any{}
	}

	if target.isNamespace() {
		spec, err := object(content, "spec", "spec")
		if err != nil {
			return nil, nil, err
		}
		delete(spec, "finalizers")
	}

	content["apiVersion"] = target.APIVersion
	content["kind"] = target.Kind
	metadata["name"] = target.Name
	if target.Namespace != "" {
		metadata["namespace"] = target.Namespace
	}
	return content, labels, nil
}

// decodeTemplate returns the template as a map that the caller may change; an
// absent template is an empty one.
func decodeTemplate(obj *typesv1beta1.FederatedObject) (map[string]any, error) {
	raw := obj.Spec.Template.Raw
	if len(raw) == 0 && obj.Spec.Template.Object != nil {
		var err error
		if raw, err = json.Marshal(obj.Spec.Template.Object); err != nil {
			return nil, fmt.Errorf("cannot encode the template: %w", err)
		}
	}
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	var content map[string]any
	if err := utiljson.Unmarshal(raw, &content); err != nil {
		return nil, fmt.Errorf("the template must be an object: %w", err)
	}
	if content == nil {
		content = map[string]any{}
	}
	return content, nil
}

// object returns the map at key, nil if there is none. A null is taken away: it
// stands for nothing, and a map could not be patched in its place.
func object(parent map[string]any, key, path string) (map[string]any, error) {
	switch value := parent[key].(type) {
	case map[string]any:
		return value, nil
	case nil:
		delete(parent, key)
		return nil, nil
	default:
		return nil, fmt.Errorf("%s of the template must be an object", path)
	}
}

// LastAppliedAnnotation is kubectl's record of a client-side apply. It is about
// the object that it stands on, and never propagated.
const LastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

// isTrackingAnnotation reports whether tools that manage the federated object
// would take a copy with this annotation for theirs.
func isTrackingAnnotation(key string) bool {
	return key == LastAppliedAnnotation ||
		strings.HasPrefix(key, "argocd.argoproj.io/") ||
		strings.HasPrefix(key, "kustomize.toolkit.fluxcd.io/")
}

// isTrackingLabel is isTrackingAnnotation for labels.
func isTrackingLabel(key string) bool {
	return strings.HasPrefix(key, "kustomize.toolkit.fluxcd.io/")
}

// Untracked returns the keys of a template's labels and annotations that are
// never propagated.
func Untracked(labels, annotations map[string]string) []string {
	var keys []string
	for key := range labels {
		if isTrackingLabel(key) {
			keys = append(keys, key)
		}
	}
	for key := range annotations {
		if isTrackingAnnotation(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func dropKeys[V any](values map[string]V, drop func(string) bool) {
	for key := range values {
		if drop(key) {
			delete(values, key)
		}
	}
}

// propagatedStrings decodes labels or annotations and drops those that are not
// propagated; nil if there are none.
func propagatedStrings(metadata map[string]json.RawMessage, field string, drop func(string) bool) (map[string]json.RawMessage, error) {
	raw, ok := metadata[field]
	if !ok {
		return nil, nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, fmt.Errorf("metadata.%s of the result must be an object", field)
	}
	dropKeys(values, drop)
	return values, nil
}

// setRaw puts a map back in its encoded form; a nil one means that the field
// goes.
func setRaw(parent map[string]json.RawMessage, field string, values map[string]json.RawMessage) error {
	if values == nil {
		delete(parent, field)
		return nil
	}
	raw, err := json.Marshal(values)
	if err != nil {
		return fmt.Errorf("cannot encode %s: %w", field, err)
	}
	parent[field] = raw
	return nil
}

// dropFromSpec takes a field out of the spec, if there is a spec that is an object.
func dropFromSpec(content map[string]json.RawMessage, field string) error {
	if field == "" || !bytes.HasPrefix(content["spec"], []byte("{")) {
		return nil
	}
	var spec map[string]json.RawMessage
	if err := json.Unmarshal(content["spec"], &spec); err != nil {
		return fmt.Errorf("spec of the result is not an object: %w", err)
	}
	delete(spec, field)
	return setRaw(content, "spec", spec)
}

// identity is what overrides must leave alone, in encoded form; namespace is nil
// for a cluster-scoped target.
type identity struct {
	kind, name, namespace json.RawMessage
}

func identityOf(target Target) (identity, error) {
	var id identity
	var errs [3]error
	id.kind, errs[0] = json.Marshal(target.Kind)
	id.name, errs[1] = json.Marshal(target.Name)
	if target.Namespace != "" {
		id.namespace, errs[2] = json.Marshal(target.Namespace)
	}
	return id, errors.Join(errs[:]...)
}

func (id identity) check(content, metadata map[string]json.RawMessage) error {
	switch {
	case !bytes.Equal(content["kind"], id.kind):
		return errors.New("the result has another kind")
	case !bytes.Equal(metadata["name"], id.name):
		return errors.New("the result has another name")
	case !bytes.Equal(metadata["namespace"], id.namespace):
		return errors.New("the result is in another namespace")
	}
	return nil
}
