package e2e

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// federatedObject makes a federated object with a list of clusters.
func federatedObject(kind, namespace, name string, template map[string]any, clusters ...string) *unstructured.Unstructured {
	references := make([]any, 0, len(clusters))
	for _, cluster := range clusters {
		references = append(references, map[string]any{"name": cluster})
	}
	spec := map[string]any{"placement": map[string]any{"clusters": references}}
	if template != nil {
		spec["template"] = template
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "types.kubefed.io/v1beta1",
		"kind":       kind,
		"metadata":   map[string]any{"namespace": namespace, "name": name},
		"spec":       spec,
	}}
}

// federatedConfigMap makes one whose data has one key named "key".
func federatedConfigMap(namespace, name, value string, clusters ...string) *unstructured.Unstructured {
	return federatedObject("FederatedConfigMap", namespace, name, map[string]any{"data": map[string]any{"key": value}}, clusters...)
}

// federatedDeployment makes one of small pods.
func federatedDeployment(namespace, name string, replicas int, clusters ...string) *unstructured.Unstructured {
	return federatedObject("FederatedDeployment", namespace, name, map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"app": name}},
		"spec": map[string]any{
			"replicas": int64(replicas),
			"selector": map[string]any{"matchLabels": map[string]any{"app": name}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": name}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "main", "image": "nginx:1.27"}}},
			},
		},
	}, clusters...)
}

// override adds changes for one cluster.
func override(object *unstructured.Unstructured, cluster string, changes ...map[string]any) *unstructured.Unstructured {
	list := make([]any, 0, len(changes))
	for _, change := range changes {
		list = append(list, change)
	}
	overrides, _, _ := unstructured.NestedSlice(object.Object, "spec", "overrides")
	overrides = append(overrides, map[string]any{"clusterName": cluster, "clusterOverrides": list})
	object.Object["spec"].(map[string]any)["overrides"] = overrides
	return object
}

// hasValue checks the one key of a copy of federatedConfigMap.
func hasValue(value string) func(*unstructured.Unstructured) error {
	return hasString(value, "data", "key")
}

func hasString(value string, path ...string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		found, _, err := unstructured.NestedString(object.Object, path...)
		if err == nil && found != value {
			err = fmt.Errorf("%v is %q, not %q", path, found, value)
		}
		return err
	}
}

func hasReplicas(replicas int64) func(*unstructured.Unstructured) error {
	return hasInt(replicas, "spec", "replicas")
}

// isReady checks that the condition Ready is True and about the current generation.
func isReady(object *unstructured.Unstructured) error {
	return hasCondition(object, "Ready", "True", "")
}

// hasCondition checks a condition that is about the current generation; an empty reason is any.
func hasCondition(object *unstructured.Unstructured, kind, status, reason string) error {
	conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
	if err != nil {
		return err
	}
	for _, item := range conditions {
		condition, ok := item.(map[string]any)
		if !ok || condition["type"] != kind {
			continue
		}
		observed, _, _ := unstructured.NestedInt64(condition, "observedGeneration")
		if condition["status"] == status && (reason == "" || condition["reason"] == reason) && observed == object.GetGeneration() {
			return nil
		}
		return fmt.Errorf("generation %d has the condition %v", object.GetGeneration(), condition)
	}
	return fmt.Errorf("generation %d has no condition %s yet", object.GetGeneration(), kind)
}

// clusterStatus returns what the status of a federated object says of a cluster, and whether it names the cluster.
func clusterStatus(object *unstructured.Unstructured, cluster string) (status, message string, found bool) {
	clusters, _, _ := unstructured.NestedSlice(object.Object, "status", "clusters")
	for _, item := range clusters {
		if entry, ok := item.(map[string]any); ok && entry["name"] == cluster {
			status, _, _ = unstructured.NestedString(entry, "status")
			message, _, _ = unstructured.NestedString(entry, "message")
			return status, message, true
		}
	}
	return "", "", false
}

// hasClusterStatus checks what the status says of a cluster; empty is a copy as asked for.
func hasClusterStatus(cluster, want string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		status, message, found := clusterStatus(object, cluster)
		if !found || status != want {
			return fmt.Errorf("status.clusters says of %s (found: %t) %q: %q, not %q", cluster, found, status, message, want)
		}
		return nil
	}
}

func hasInt(value int64, path ...string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		found, _, err := unstructured.NestedInt64(object.Object, path...)
		if err == nil && found != value {
			err = fmt.Errorf("%v is %d, not %d", path, found, value)
		}
		return err
	}
}
