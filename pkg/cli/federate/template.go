package federate

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// clusterLabels and clusterAnnotations are what a cluster itself writes on
// objects; an entry that ends with a slash stands for all keys with that prefix.
var (
	clusterLabels = []string{
		typesv1beta1.ManagedLabel,
		corev1.LabelMetadataName,
	}
	clusterAnnotations = []string{
		overrides.LastAppliedAnnotation,
		"deployment.kubernetes.io/",
		"pv.kubernetes.io/",
		"volume.kubernetes.io/",
		"volume.beta.kubernetes.io/storage-provisioner",
		"batch.kubernetes.io/job-tracking",
		"control-plane.alpha.kubernetes.io/leader",
		"kubernetes.io/service-account.uid",
	}
	// jobLabels tie the pods of a Job to it, by its UID.
	jobLabels = []string{"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"}
)

// Template returns what of an object is to be in every cluster: not its identity,
// which the federated object gives, its status, nor what the cluster that it is in
// has written into it. The object is not changed.
func Template(object *unstructured.Unstructured) map[string]any {
	kind := object.GroupVersionKind().GroupKind()
	template := object.DeepCopy().Object
	delete(template, "apiVersion")
	delete(template, "kind")
	delete(template, "status")

	metadata := map[string]any{}
	if labels := without(object.GetLabels(), clusterLabels); len(labels) > 0 {
		metadata["labels"] = labels
	}
	if annotations := without(object.GetAnnotations(), clusterAnnotations); len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	template["metadata"] = metadata

	if clean, ok := cleaners[kind]; ok {
		clean(template)
	}
	// Typed clients write it into the templates of pods, where it means nothing.
	if pods, ok := nested(template, "spec", "template", "metadata"); ok && pods["creationTimestamp"] == nil {
		delete(pods, "creationTimestamp")
	}
	if len(metadata) == 0 {
		delete(template, "metadata")
	}
	return template
}

// cleaners take out of a template what clusters fill in by the kind of object.
var cleaners = map[schema.GroupKind]func(map[string]any){
	{Kind: "Namespace"}: func(template map[string]any) {
		drop(template, "spec", "finalizers")
	},
	{Kind: "ServiceAccount"}: func(template map[string]any) {
		delete(template, "secrets")
	},
	{Kind: "Service"}:                    cleanService,
	{Group: "batch", Kind: "Job"}:        cleanJob,
	{Kind: "PersistentVolumeClaim"}:      func(template map[string]any) { drop(template, "spec", "volumeName") },
	{Kind: "Pod"}:                        func(template map[string]any) { drop(template, "spec", "nodeName") },
	{Group: "apps", Kind: "StatefulSet"}: cleanClaimTemplates,
}

// cleanService drops the addresses and ports that the cluster has allocated.
// A headless service stays headless.
func cleanService(template map[string]any) {
	spec, ok := nested(template, "spec")
	if !ok {
		return
	}
	if spec["clusterIP"] != corev1.ClusterIPNone {
		delete(spec, "clusterIP")
		delete(spec, "clusterIPs")
	}
	delete(spec, "healthCheckNodePort")
	ports, _ := spec["ports"].([]any)
	for _, port := range ports {
		if port, ok := port.(map[string]any); ok {
			delete(port, "nodePort")
		}
	}
}

// cleanJob drops the selector that the cluster has made of the Job's UID, unless
// the user has chosen it.
func cleanJob(template map[string]any) {
	spec, ok := nested(template, "spec")
	if !ok || spec["manualSelector"] == true {
		return
	}
	delete(spec, "selector")
	for _, where := range [][]string{{"metadata"}, {"spec", "template", "metadata"}} {
		metadata, ok := nested(template, where...)
		if !ok {
			continue
		}
		labels, ok := metadata["labels"].(map[string]any)
		if !ok {
			continue
		}
		for _, label := range jobLabels {
			delete(labels, label)
		}
		if len(labels) == 0 {
			delete(metadata, "labels")
		}
	}
}

// cleanClaimTemplates drops the status of claim templates.
func cleanClaimTemplates(template map[string]any) {
	spec, _ := nested(template, "spec")
	claims, _ := spec["volumeClaimTemplates"].([]any)
	for _, claim := range claims {
		if claim, ok := claim.(map[string]any); ok {
			delete(claim, "status")
			drop(claim, "metadata", "creationTimestamp")
		}
	}
}

// without copies labels or annotations, but for some.
func without(values map[string]string, dropped []string) map[string]any {
	kept := make(map[string]any, len(values))
next:
	for key, value := range values {
		for _, drop := range dropped {
			if key == drop || strings.HasSuffix(drop, "/") && strings.HasPrefix(key, drop) {
				continue next
			}
		}
		kept[key] = value
	}
	return kept
}

func nested(object map[string]any, path ...string) (map[string]any, bool) {
	for _, key := range path {
		next, ok := object[key].(map[string]any)
		if !ok {
			return nil, false
		}
		object = next
	}
	return object, true
}

// drop deletes a field of a map, and the map if nothing else is in it.
func drop(object map[string]any, parent, field string) {
	fields, ok := nested(object, parent)
	if !ok {
		return
	}
	delete(fields, field)
	if len(fields) == 0 {
		delete(object, parent)
	}
}
