package migrate

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kubeFedFinalizers are those that only KubeFed's controllers take off.
var kubeFedFinalizers = []string{"kubefed.io/sync-controller", "core.kubefed.io/federated-type-config"}

// strip returns an object as its user wrote it: names, labels, annotations and
// what it says, without status, KubeFed's finalizers and what the API server added.
func strip(object *unstructured.Unstructured) *unstructured.Unstructured {
	object = object.DeepCopy()
	delete(object.Object, "status")
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(object.Object, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
	object.SetFinalizers(withoutKubeFeds(object.GetFinalizers()))
	// An owner among KubeFed's objects gets another UID, and its dependents would be
	// collected as garbage.
	object.SetOwnerReferences(slices.DeleteFunc(object.GetOwnerReferences(), func(owner metav1.OwnerReference) bool {
		group, _, _ := strings.Cut(owner.APIVersion, "/")
		return strings.HasSuffix(group, ".kubefed.io")
	}))
	if len(object.GetAnnotations()) == 0 {
		unstructured.RemoveNestedField(object.Object, "metadata", "annotations")
	}
	return object
}

func withoutKubeFeds(finalizers []string) []string {
	return slices.DeleteFunc(slices.Clone(finalizers), func(name string) bool { return slices.Contains(kubeFedFinalizers, name) })
}
