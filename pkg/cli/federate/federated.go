package federate

import (
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Federated returns the federated object that puts an object, as it is, into
// every cluster. A FederatedNamespace is in the namespace itself.
func Federated(object *unstructured.Unstructured, federated corev1beta1.APIResource) *unstructured.Unstructured {
	metadata := map[string]any{"name": object.GetName()}
	if namespace := object.GetNamespace(); namespace != "" {
		metadata["namespace"] = namespace
	}
	if isNamespace(object) {
		metadata["namespace"] = object.GetName()
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": federated.Group + "/" + federated.Version,
		"kind":       federated.Kind,
		"metadata":   metadata,
		"spec": map[string]any{
			"template":  Template(object),
			"placement": map[string]any{"clusterSelector": map[string]any{"matchLabels": map[string]any{}}},
		},
	}}
}

func isNamespace(object *unstructured.Unstructured) bool {
	return object.GetKind() == "Namespace" && object.GetAPIVersion() == "v1"
}

// Read federates the objects of a stream of YAML or JSON documents. Nobody is
// asked: the federated kind is that of the default federated type.
func Read(in io.Reader) ([]*unstructured.Unstructured, error) {
	decoder := utilyaml.NewYAMLOrJSONDecoder(in, 4096)
	var federated []*unstructured.Unstructured
	for i := 1; ; i++ {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return federated, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i, err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.IsList() {
			list, err := object.ToList()
			if err != nil {
				return nil, fmt.Errorf("document %d: %w", i, err)
			}
			for j := range list.Items {
				one, err := fromFile(&list.Items[j])
				if err != nil {
					return nil, fmt.Errorf("document %d, item %d: %w", i, j+1, err)
				}
				federated = append(federated, one)
			}
			continue
		}
		one, err := fromFile(object)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i, err)
		}
		federated = append(federated, one)
	}
}

func fromFile(object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	switch {
	case object.GetKind() == "" || object.GetAPIVersion() == "":
		return nil, errors.New("an object must have apiVersion and kind")
	case object.GetName() == "":
		return nil, fmt.Errorf("%s: metadata.name must not be empty", object.GetKind())
	case object.GroupVersionKind().Group == typesv1beta1.GroupName:
		return nil, fmt.Errorf("%s %s is federated already", object.GetKind(), object.GetName())
	}
	return Federated(object, corev1beta1.APIResource{
		Group: typesv1beta1.GroupName, Version: typesv1beta1.SchemeGroupVersion.Version, Kind: "Federated" + object.GetKind(),
	}), nil
}
