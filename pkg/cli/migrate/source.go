package migrate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// resource is a CRD of KubeFed.
type resource struct {
	schema.GroupVersionResource
	kind       string
	namespaced bool
}

// steps is the order of the import by group and, within it, by resource: first
// what says how, then where, then what.
func (r resource) step() int {
	switch {
	case r.Resource == "kubefedconfigs":
		return 1
	case r.Resource == "kubefedclusters":
		return 2
	case r.Resource == "federatedtypeconfigs":
		return 3
	case r.Resource == "federatednamespaces":
		return 4
	case r.Group == typesGroup:
		return 5
	case r.Group == schedulingGroup:
		return 6
	}
	return 7
}

// derived are the resources that hold what controllers found out.
var derived = map[string]string{
	"propagatedversions":        "is computed",
	"clusterpropagatedversions": "is computed",
	"federatedservicestatuses":  "is computed",
	"dnsendpoints":              "is written anew from the DNS records",
}

// kubeFedResources returns the CRDs of KubeFed's groups, in the order of the import.
func (h *host) kubeFedResources(ctx context.Context) ([]resource, error) {
	list, err := h.objects.Resource(crds).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the CRDs of the host: %w", err)
	}
	var found []resource
	for _, crd := range list.Items {
		group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
		if !slices.Contains([]string{coreGroup, typesGroup, schedulingGroup, dnsGroup}, group) {
			continue
		}
		plural, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "plural")
		kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
		scope, _, _ := unstructured.NestedString(crd.Object, "spec", "scope")
		version := servedVersion(&crd)
		if version == "" {
			return nil, fmt.Errorf("CRD %s serves no version", crd.GetName())
		}
		found = append(found, resource{
			GroupVersionResource: schema.GroupVersionResource{Group: group, Version: version, Resource: plural},
			kind:                 kind, namespaced: scope == "Namespaced",
		})
	}
	slices.SortFunc(found, func(a, b resource) int {
		if a.step() != b.step() {
			return a.step() - b.step()
		}
		return strings.Compare(a.Resource, b.Resource)
	})
	return found, nil
}

// servedVersion is the version that objects are stored in, if it is served, or
// else any that is.
func servedVersion(crd *unstructured.Unstructured) string {
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	served := ""
	for _, item := range versions {
		version, ok := item.(map[string]any)
		if !ok || version["served"] != true {
			continue
		}
		name, _ := version["name"].(string)
		if version["storage"] == true {
			return name
		}
		served = name
	}
	return served
}

// forwarded returns the Service that the host forwards a group-version to; empty
// if it serves it itself.
func (h *host) forwarded(ctx context.Context, gv schema.GroupVersion) (string, error) {
	name := gv.Version + "." + gv.Group
	service, err := h.objects.Resource(apiServices).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the APIService %s: %w", name, err)
	}
	target, found, _ := unstructured.NestedString(service.Object, "spec", "service", "name")
	if !found {
		return "", nil
	}
	namespace, _, _ := unstructured.NestedString(service.Object, "spec", "service", "namespace")
	return namespace + "/" + target, nil
}

// visible fails if the objects of a CRD cannot be read, because another server
// answers in its place.
func (h *host) visible(ctx context.Context, r resource) error {
	service, err := h.forwarded(ctx, r.GroupVersion())
	if err != nil {
		return err
	}
	if service != "" {
		return fmt.Errorf("the host forwards %s to the service %s, so that the CRD %s cannot be reached; this step comes before that APIService",
			r.GroupVersion(), service, r.GroupResource())
	}
	return nil
}

// list returns all objects of a CRD.
func (h *host) list(ctx context.Context, r resource) ([]unstructured.Unstructured, error) {
	if err := h.visible(ctx, r); err != nil {
		return nil, err
	}
	var items []unstructured.Unstructured
	options := metav1.ListOptions{Limit: 500}
	for {
		page, err := h.objects.Resource(r.GroupVersionResource).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", r.GroupResource(), err)
		}
		items = append(items, page.Items...)
		if page.GetContinue() == "" {
			return items, nil
		}
		options.Continue = page.GetContinue()
	}
}

// runningControllers returns the Deployments of KubeFed's controllers that have
// replicas.
func (h *host) runningControllers(ctx context.Context) ([]string, error) {
	list, err := h.kube.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("looking for KubeFed's controllers: %w", err)
	}
	var running []string
	for _, deployment := range list.Items {
		controller := strings.Contains(deployment.Name, "kubefed-controller-manager") || deployment.Labels["kubefed-control-plane"] == "controller-manager"
		wanted := deployment.Spec.Replicas == nil || *deployment.Spec.Replicas > 0
		if controller && (wanted || deployment.Status.Replicas > 0) {
			running = append(running, deployment.Namespace+"/"+deployment.Name)
		}
	}
	return running, nil
}

func (h *host) requireStopped(ctx context.Context) error {
	running, err := h.runningControllers(ctx)
	if err != nil {
		return err
	}
	if len(running) > 0 {
		return fmt.Errorf("KubeFed's controllers run: %s; stop them first: kubectl scale deployment --replicas=0", strings.Join(running, ", "))
	}
	return nil
}
