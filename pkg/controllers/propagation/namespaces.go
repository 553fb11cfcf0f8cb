package propagation

import (
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// namespacesName is the name of the FederatedTypeConfig of namespaces.
const namespacesName = "namespaces"

// ReasonInvalidName is the reason of the event and of the conditions of a
// FederatedNamespace that is not named as its namespace.
const ReasonInvalidName = "InvalidName"

// isProtected says that a namespace of members is never created, changed or
// deleted. A FederatedNamespace for it still says where the objects in it go.
func isProtected(namespace, systemNamespace string) bool {
	switch namespace {
	case "default", "kube-system", "kube-public", "kube-node-lease", systemNamespace:
		return true
	}
	return false
}

// invalidName returns the impediment of a FederatedNamespace that is not named
// as its namespace, nil if it is.
func invalidName(obj *typesv1beta1.FederatedObject) *impediment {
	if obj.Name == obj.Namespace {
		return nil
	}
	return &impediment{
		reason:  ReasonInvalidName,
		message: "a FederatedNamespace must have the name of the namespace that it is in; this one is ignored",
		stalled: true,
	}
}

// namespaceIn is what the status of a FederatedNamespace means for what is in the
// namespace: where it still is, that stays; where it may be another's, it is not
// waited for.
func namespaceIn(obj *typesv1beta1.FederatedObject) map[string]bool {
	clusters := make(map[string]bool, len(obj.Status.Clusters))
	for i := range obj.Status.Clusters {
		clusters[obj.Status.Clusters[i].Name] = mayBeAnothers(&obj.Status.Clusters[i])
	}
	return clusters
}

// mayBeAnothers says that a namespace may be in a cluster without being ours.
func mayBeAnothers(entry *typesv1beta1.ClusterStatus) bool {
	switch entry.Status {
	case typesv1beta1.ClusterPropagationOK, typesv1beta1.Pending,
		typesv1beta1.CreationFailed, typesv1beta1.CreationTimedOut, typesv1beta1.ClusterNotReady:
		return false
	}
	return true
}

// namespaceObject returns the FederatedNamespace of a namespace, nil if there is none.
// What we have just written counts: when it comes back from the storage, it is no event
// for what is in the namespace.
func (c *Controller) namespaceObject(namespaces *kind, namespace string) *typesv1beta1.FederatedObject {
	name := types.NamespacedName{Namespace: namespace, Name: namespace}
	return c.ledger.current(objectKey{namespaces.name, name}, func() *typesv1beta1.FederatedObject { return namespaces.get(name) })
}
