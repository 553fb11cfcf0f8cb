package federate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubefederation/federation-apiserver/pkg/cli/enable"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
)

// notFederated are the resources of a namespace that belong to one cluster:
// those that KubeFed left out, and those that the federation refuses.
var notFederated = []string{
	"endpoints", "events", "events.events.k8s.io", "endpointslices.discovery.k8s.io", "leases.coordination.k8s.io", "propagatedversions.core.kubefed.io",
	"pods.metrics.k8s.io", "controllerrevisions.apps", "podtemplates",
}

// isFederable says whether the objects of a resource can be contents of a
// federated namespace at all.
func isFederable(resource *metav1.APIResource, skip []string) bool {
	return resource.Namespaced &&
		slices.Contains(resource.Verbs, "list") && slices.Contains(resource.Verbs, "create") &&
		resource.Group != "extensions" && resource.Group != "kubefed.io" && !strings.HasSuffix(resource.Group, ".kubefed.io") &&
		!slices.Contains(notFederated, enable.QualifiedName(resource)) &&
		!isSkipped(resource, skip)
}

// isSkipped says whether a list of names, short names and groups has a resource.
func isSkipped(resource *metav1.APIResource, skip []string) bool {
	return slices.ContainsFunc(skip, func(name string) bool {
		if name == "" {
			return false
		}
		name = strings.ToLower(name)
		return name == resource.Name || name == resource.SingularName || name == strings.ToLower(resource.Kind) ||
			name == enable.QualifiedName(resource) || slices.Contains(resource.ShortNames, name) ||
			resource.Group != "" && name == resource.Group
	})
}

// content is the objects of one resource in a namespace.
type content struct {
	resource metav1.APIResource
	objects  []unstructured.Unstructured
}

// contents lists what is to be federated with a namespace, and says what is left.
func contents(ctx context.Context, client *federation.Client, namespace string, skip []string, warn func(format string, args ...any)) ([]content, error) {
	resources, err := enable.Discover(client.Kube.Discovery(), "")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(resources, func(a, b metav1.APIResource) int {
		return strings.Compare(enable.QualifiedName(&a), enable.QualifiedName(&b))
	})
	var found []content
	for i := range resources {
		resource := &resources[i]
		if !isFederable(resource, skip) {
			continue
		}
		list, err := client.Dynamic.Resource(enable.Resource(resource)).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing %s in namespace %s: %w", enable.QualifiedName(resource), namespace, err)
		}
		objects := slices.DeleteFunc(list.Items, func(object unstructured.Unstructured) bool {
			reason := whyLeft(&object)
			if reason != "" && reason != quietly {
				warn("%s %s/%s is left: %s", object.GetKind(), namespace, object.GetName(), reason)
			}
			return reason != ""
		})
		if len(objects) > 0 {
			found = append(found, content{resource: *resource, objects: objects})
		}
	}
	return found, nil
}

// quietly is the reason to leave out what everybody knows to be of one cluster.
const quietly = "every cluster has its own"

// whyLeft says why an object is not federated with its namespace, or nothing if
// it is.
func whyLeft(object *unstructured.Unstructured) string {
	switch kind := object.GroupVersionKind().GroupKind(); {
	case kind == schema.GroupKind{Kind: "ConfigMap"} && object.GetName() == "kube-root-ca.crt",
		kind == schema.GroupKind{Kind: "Service"} && object.GetName() == "kubernetes" && object.GetNamespace() == "default",
		kind == schema.GroupKind{Kind: "ServiceAccount"} && object.GetName() == "default" && len(Template(object)) == 0:
		return quietly
	case kind == schema.GroupKind{Kind: "Secret"} && object.Object["type"] == "kubernetes.io/service-account-token":
		return "it is a token for this cluster"
	}
	if problems := validation.IsDNS1123Subdomain(object.GetName()); len(problems) > 0 {
		return "its name cannot be that of a federated object: " + problems[0]
	}
	if owner := metav1.GetControllerOf(object); owner != nil {
		return fmt.Sprintf("%s %s makes it in every cluster", owner.Kind, owner.Name)
	}
	return ""
}
