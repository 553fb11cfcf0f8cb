package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// workload is what is propagated.
type workload struct {
	// name of the flag's value and of the resource in members, and title with the size
	// of an object.
	name, title      string
	target           schema.GroupVersionResource
	apiVersion, kind string
	federated        schema.GroupVersionResource
	federatedKind    string
	content          func(revision string) map[string]any
	revisionField    []string
}

const revisionKey = "revision"

var workloads = map[string]*workload{
	"configmaps": {
		name: "configmaps", title: "ConfigMaps of 1 KiB", target: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"},
		apiVersion: "v1", kind: "ConfigMap",
		federated: federatedResource("federatedconfigmaps"), federatedKind: "FederatedConfigMap",
		content:       configMapContent,
		revisionField: []string{"data", revisionKey},
	},
	"deployments": {
		name: "deployments", title: "Deployments of 3 KiB", target: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"},
		apiVersion: "apps/v1", kind: "Deployment",
		federated: federatedResource("federateddeployments"), federatedKind: "FederatedDeployment",
		content:       deploymentContent,
		revisionField: []string{"spec", "template", "metadata", "annotations", revisionKey},
	},
}

func federatedResource(name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: name}
}

func workloadOf(name string) (*workload, error) {
	if w := workloads[name]; w != nil {
		return w, nil
	}
	return nil, fmt.Errorf("-kind must be one of %s", strings.Join(slices.Sorted(maps.Keys(workloads)), ", "))
}

// kibibyte is the size of a small configuration.
var kibibyte = strings.Repeat("0123456789abcdef", 64)

func configMapContent(revision string) map[string]any {
	return map[string]any{"data": map[string]any{revisionKey: revision, "content": kibibyte}}
}

// deploymentContent is a Deployment of 3 KiB without pods: what is measured is how
// the object comes to the members, not what they do with it.
func deploymentContent(revision string) map[string]any {
	var settings []any
	for i := range 36 {
		settings = append(settings, map[string]any{"name": fmt.Sprintf("SETTING_%02d", i), "value": kibibyte[:40]})
	}
	labels := map[string]any{"app": "bench"}
	return map[string]any{"spec": map[string]any{
		"replicas": int64(0),
		"selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{
			"metadata": map[string]any{"labels": labels, "annotations": map[string]any{revisionKey: revision}},
			"spec": map[string]any{"containers": []any{map[string]any{
				"name": "app", "image": "example/app:v1", "env": settings,
				"resources": map[string]any{"requests": map[string]any{"cpu": "100m", "memory": "128Mi"}, "limits": map[string]any{"memory": "256Mi"}},
			}}},
		},
	}}
}

// change is the merge patch of content that brings an object to a revision.
func (w *workload) change(revision string) map[string]any {
	var change any = revision
	for _, field := range slices.Backward(w.revisionField) {
		change = map[string]any{field: change}
	}
	return change.(map[string]any)
}

func (w *workload) revisionOf(o *unstructured.Unstructured) string {
	revision, _, _ := unstructured.NestedString(o.Object, w.revisionField...)
	return revision
}

// federatedObject is what a user writes.
func (w *workload) federatedObject(name, revision string) *unstructured.Unstructured {
	o := object("types.kubefed.io/v1beta1", w.federatedKind, federatedNamespace, name)
	o.Object["spec"] = map[string]any{"template": w.content(revision), "placement": everywhere()}
	return o
}

// copyOf is what is written straight into members.
func (w *workload) copyOf(name, revision string) *unstructured.Unstructured {
	o := object(w.apiVersion, w.kind, directNamespace, name)
	maps.Copy(o.Object, w.content(revision))
	return o
}
