package soak

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	// editAnnotation of a federated object names the edit that it is from.
	editAnnotation   = "soak/edit"
	orphanAnnotation = "kubefed.io/orphan"
	managedLabel     = "kubefed.io/managed"
)

var resources = map[string]struct {
	copies    schema.GroupVersionResource
	kind      string
	federated schema.GroupVersionResource
}{
	configMaps:  {schema.GroupVersionResource{Version: "v1", Resource: configMaps}, "ConfigMap", federatedResource("federatedconfigmaps")},
	secrets:     {schema.GroupVersionResource{Version: "v1", Resource: secrets}, "Secret", federatedResource("federatedsecrets")},
	deployments: {schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: deployments}, "Deployment", federatedResource("federateddeployments")},
	namespaces:  {schema.GroupVersionResource{Version: "v1", Resource: namespaces}, "Namespace", federatedResource("federatednamespaces")},
}

var (
	clusterResource = coreResource("kubefedclusters")
	typeResource    = coreResource("federatedtypeconfigs")
	configResource  = coreResource("kubefedconfigs")
)

// typeNames are the names of the FederatedTypeConfigs that are switched off and on. Without namespaces nothing is known
// of the others.
var typeNames = map[string]string{configMaps: "configmaps", secrets: "secrets", deployments: "deployments.apps"}

func federatedResource(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: resource}
}

func coreResource(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: resource}
}

// spec is that of the federated object.
func (v *value) spec(resource string) map[string]any {
	placement := map[string]any{}
	if v.Clusters != nil {
		clusters := []any{}
		for _, name := range v.Clusters {
			clusters = append(clusters, map[string]any{"name": name})
		}
		placement["clusters"] = clusters
	}
	if v.Selector != nil {
		placement["clusterSelector"] = selectorOf(v.Selector)
	}
	if v.AllowEmpty {
		placement["allowEmpty"] = true
	}
	spec := map[string]any{"template": template(resource, v.Data)}
	if len(placement) > 0 {
		spec["placement"] = placement
	}
	if len(v.Overrides) > 0 {
		var overrides []any
		for i, o := range v.Overrides {
			entry := map[string]any{"clusterOverrides": []any{o.patch(resource)}}
			if o.Cluster != "" {
				entry["clusterName"] = o.Cluster
			} else {
				entry["name"], entry["clusterSelector"] = fmt.Sprintf("o%d", i), selectorOf(o.Selector)
			}
			overrides = append(overrides, entry)
		}
		spec["overrides"] = overrides
	}
	return spec
}

func selectorOf(labels map[string]string) map[string]any {
	if len(labels) == 0 {
		return map[string]any{}
	}
	return map[string]any{"matchLabels": stringMap(labels)}
}

func stringMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// template is the object for a member, without what the federated object says already.
func template(resource string, data map[string]string) map[string]any {
	switch resource {
	case namespaces:
		return map[string]any{"metadata": map[string]any{"labels": stringMap(data)}}
	case secrets:
		encoded := map[string]any{}
		for k, v := range data {
			encoded[k] = base64.StdEncoding.EncodeToString([]byte(v))
		}
		return map[string]any{"type": "Opaque", "data": encoded}
	case deployments:
		return map[string]any{"spec": map[string]any{
			"replicas": replicas(data),
			"selector": map[string]any{"matchLabels": map[string]any{"app": "soak"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "soak"}},
				"spec": map[string]any{
					"terminationGracePeriodSeconds": int64(0),
					"containers":                    []any{map[string]any{"name": "main", "image": data["image"]}},
				},
			},
		}}
	default:
		return map[string]any{"data": stringMap(data)}
	}
}

// patch is the override as JSON patch; a key that is not there is set.
func (o *override) patch(resource string) map[string]any {
	path, data := "/data/"+o.Key, any(o.Value)
	switch resource {
	case deployments:
		path, data = "/spec/"+o.Key, replicas(map[string]string{"replicas": o.Value})
	case secrets:
		data = base64.StdEncoding.EncodeToString([]byte(o.Value))
	}
	if o.Remove {
		return map[string]any{"op": "remove", "path": path}
	}
	return map[string]any{"path": path, "value": data}
}

// annotations of the federated object.
func (v *value) annotations() map[string]any {
	annotations := map[string]any{editAnnotation: v.Edit}
	if v.Orphan {
		annotations[orphanAnnotation] = "true"
	}
	return annotations
}

// object is the federated object to create.
func (v *value) object(k key) *unstructured.Unstructured {
	r := resources[k.Resource]
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": r.federated.GroupVersion().String(), "kind": "Federated" + r.kind,
		"metadata": map[string]any{"namespace": k.Namespace, "name": k.Name, "annotations": v.annotations()},
		"spec":     v.spec(k.Resource),
	}}
}

// replacement is the JSON patch that makes any such object this one.
func (v *value) replacement(k key) ([]byte, error) {
	return json.Marshal([]map[string]any{
		{"op": "add", "path": "/metadata/annotations", "value": v.annotations()},
		{"op": "add", "path": "/spec", "value": v.spec(k.Resource)},
	})
}

// dataOf reads the data back from a copy.
func dataOf(resource string, object *unstructured.Unstructured) (map[string]string, error) {
	data := map[string]string{}
	switch resource {
	case namespaces:
		return object.GetLabels(), nil
	case deployments:
		n, _, err := unstructured.NestedInt64(object.Object, "spec", "replicas")
		if err != nil {
			return nil, err
		}
		containers, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
		if err != nil || len(containers) != 1 {
			return nil, fmt.Errorf("containers %v: %w", containers, err)
		}
		container, _ := containers[0].(map[string]any)
		image, _ := container["image"].(string)
		return map[string]string{"replicas": fmt.Sprint(n), "image": image}, nil
	case secrets:
		encoded, _, err := unstructured.NestedStringMap(object.Object, "data")
		if err != nil {
			return nil, err
		}
		for k, v := range encoded {
			decoded, err := base64.StdEncoding.DecodeString(v)
			if err != nil {
				return nil, err
			}
			data[k] = string(decoded)
		}
		return data, nil
	default:
		data, _, err := unstructured.NestedStringMap(object.Object, "data")
		return data, err
	}
}
