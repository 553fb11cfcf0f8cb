package hollow

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kind is something that members serve.
type kind struct {
	schema.GroupVersionKind
	resource   string
	namespaced bool
	// counted says that objects have a generation.
	counted bool
}

func (k *kind) apiVersion() string { return k.GroupVersion().String() }

func (k *kind) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: k.Group, Resource: k.resource}
}

// kinds are what every member serves: KubeFed's default types, and what belongs to
// a cluster.
var kinds = []*kind{
	{schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, "namespaces", false, false},
	{schema.GroupVersionKind{Version: "v1", Kind: "Node"}, "nodes", false, false},
	{schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, "configmaps", true, false},
	{schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, "secrets", true, false},
	{schema.GroupVersionKind{Version: "v1", Kind: "Service"}, "services", true, false},
	{schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"}, "serviceaccounts", true, false},
	{schema.GroupVersionKind{Version: "v1", Kind: "Event"}, "events", true, false},
	{schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, "pods", true, true},
	{schema.GroupVersionKind{Version: "v1", Kind: "PersistentVolumeClaim"}, "persistentvolumeclaims", true, false},
	{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, "deployments", true, true},
	{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSet"}, "replicasets", true, true},
	{schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}, "jobs", true, true},
	{schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}, "ingresses", true, true},
	{schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}, "clusterroles", false, false},
	{schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"}, "clusterrolebindings", false, false},
	{schema.GroupVersionKind{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"}, "leases", true, false},
	{schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}, "customresourcedefinitions", false, true},
}

// kindOf returns the kind of a resource, nil if it is not served.
func kindOf(gv schema.GroupVersion, resource string) *kind {
	for _, k := range kinds {
		if k.GroupVersion() == gv && k.resource == resource {
			return k
		}
	}
	return nil
}

// groups are all but the core group, as discovery tells of them.
func groups() *metav1.APIGroupList {
	list := &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIGroupList"}}
	seen := map[string]bool{"": true}
	for _, k := range kinds {
		if !seen[k.Group] {
			seen[k.Group] = true
			version := metav1.GroupVersionForDiscovery{GroupVersion: k.apiVersion(), Version: k.Version}
			list.Groups = append(list.Groups, metav1.APIGroup{
				TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIGroup"},
				Name:     k.Group, Versions: []metav1.GroupVersionForDiscovery{version}, PreferredVersion: version,
			})
		}
	}
	return list
}

// resources are those of a group and version, as discovery tells of them; nil if
// there are none.
func resources(gv schema.GroupVersion) *metav1.APIResourceList {
	list := &metav1.APIResourceList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"}, GroupVersion: gv.String()}
	for _, k := range kinds {
		if k.GroupVersion() == gv {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: k.resource, Kind: k.Kind, Namespaced: k.namespaced,
				Verbs: metav1.Verbs{"create", "delete", "get", "list", "patch", "update", "watch"},
			})
		}
	}
	if len(list.APIResources) == 0 {
		return nil
	}
	return list
}
