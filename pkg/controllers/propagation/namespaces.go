package propagation

import (
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
