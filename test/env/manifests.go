package env

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// manifests are the objects of the project's own deployment, split by who serves them.
type manifests struct {
	// host objects are served by the host itself, federation objects by the federation server.
	host, federation []*unstructured.Unstructured
}

// readManifests renders kustomizations with the kubectl of the environment.
func (e *Environment) readManifests(ctx context.Context, kustomizations ...string) (manifests, error) {
	var objects []*unstructured.Unstructured
	for _, kustomization := range kustomizations {
		output, err := e.Command(ctx, "kubectl", "kustomize", kustomization).Output()
		if err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
			}
			return manifests{}, fmt.Errorf("render %s: %w", kustomization, err)
		}
		rendered, err := decode(output)
		if err != nil {
			return manifests{}, fmt.Errorf("render %s: %w", kustomization, err)
		}
		objects = append(objects, rendered...)
	}
	return split(objects), nil
}

// split sorts objects by who serves them and leaves out what a deployment as a process does not need.
func split(objects []*unstructured.Unstructured) manifests {
	var m manifests
	for _, object := range objects {
		switch {
		case strings.HasSuffix(object.GroupVersionKind().Group, ".kubefed.io"):
			m.federation = append(m.federation, object)
		case runsInPods(object.GroupVersionKind().GroupKind()):
			// Here the server is a process and not a pod.
		default:
			m.host = append(m.host, object)
		}
	}
	return m
}

func decode(data []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode a manifest: %w", err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

func runsInPods(kind schema.GroupKind) bool {
	switch kind {
	case schema.GroupKind{Group: "apps", Kind: "Deployment"},
		schema.GroupKind{Group: "apps", Kind: "StatefulSet"},
		schema.GroupKind{Group: "policy", Kind: "PodDisruptionBudget"},
		schema.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"},
		schema.GroupKind{Kind: "PersistentVolumeClaim"},
		schema.GroupKind{Kind: "Service"}:
		return true
	}
	return false
}

// service is where an APIService finds its server.
type service struct {
	namespace, name string
}

// dnsName is what the aggregator expects in the serving certificate, whatever address it dials.
func (s service) dnsName() string {
	return s.name + "." + s.namespace + ".svc"
}

// register points the APIServices among the objects to the local process and returns their services.
func register(objects []*unstructured.Unstructured, caBundle string, port int) ([]service, error) {
	var services []service
	for _, object := range objects {
		if object.GroupVersionKind().GroupKind() != (schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}) {
			continue
		}
		s, err := serviceOf(object)
		if err != nil {
			return nil, err
		}
		services = append(services, s)
		unstructured.RemoveNestedField(object.Object, "spec", "insecureSkipTLSVerify")
		for value, path := range map[any][]string{
			caBundle:    {"spec", "caBundle"},
			int64(port): {"spec", "service", "port"},
		} {
			if err := unstructured.SetNestedField(object.Object, value, path...); err != nil {
				return nil, fmt.Errorf("APIService %s: %w", object.GetName(), err)
			}
		}
	}
	return services, nil
}

func serviceOf(apiService *unstructured.Unstructured) (service, error) {
	namespace, _, err := unstructured.NestedString(apiService.Object, "spec", "service", "namespace")
	if err != nil {
		return service{}, fmt.Errorf("APIService %s: %w", apiService.GetName(), err)
	}
	name, _, err := unstructured.NestedString(apiService.Object, "spec", "service", "name")
	if err != nil {
		return service{}, fmt.Errorf("APIService %s: %w", apiService.GetName(), err)
	}
	if namespace == "" || name == "" {
		return service{}, fmt.Errorf("APIService %s names no service", apiService.GetName())
	}
	return service{namespace: namespace, name: name}, nil
}

// externalName is a Service that leads to this machine: the host's aggregator resolves it itself, without a cluster
// network.
func (s service) externalName(port int) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "Service",
		"metadata":   map[string]any{"namespace": s.namespace, "name": s.name},
		"spec": map[string]any{
			"type":         "ExternalName",
			"externalName": "localhost",
			"ports":        []any{map[string]any{"name": "https", "port": int64(port)}},
		},
	}}
}
