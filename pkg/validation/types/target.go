// Package types validates federated objects of the group types.kubefed.io: what
// KubeFed left to its controllers to find out is refused at admission here.
//
// The schema of the template is not looked at; it is the target's own and
// validated where it is known.
package types

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// Target is the type that a federated kind stands for in the members.
type Target struct {
	// APIVersion of the target type, such as v1 or apps/v1.
	APIVersion string
	// Kind of the target type.
	Kind string
	// Namespaced says whether objects of the target type are in a namespace. A
	// Namespace is not, while a FederatedNamespace is.
	Namespaced bool
}

// group of the target type; empty for the core group.
func (t Target) group() string {
	gv, err := schema.ParseGroupVersion(t.APIVersion)
	if err != nil {
		return ""
	}
	return gv.Group
}

// isCore reports whether the target is this kind of the core group.
func (t Target) isCore(kind string) bool {
	return t.Kind == kind && t.group() == ""
}

// federatedNamespaced says whether the federated kind is namespaced.
func (t Target) federatedNamespaced() bool {
	return t.Namespaced || t.isCore("Namespace")
}

// forObject is the identity that obj has in the members.
func (t Target) forObject(obj *typesv1beta1.FederatedObject) overrides.Target {
	target := overrides.Target{APIVersion: t.APIVersion, Kind: t.Kind, Name: obj.Name}
	if t.Namespaced {
		target.Namespace = obj.Namespace
	}
	return target
}

// forbiddenTargets are the types that a cluster writes itself or that mean
// something in that one cluster only.
var forbiddenTargets = map[schema.GroupKind]string{
	{Group: "", Kind: "Event"}:                                        "events are about objects of the cluster that they are in",
	{Group: "events.k8s.io", Kind: "Event"}:                           "events are about objects of the cluster that they are in",
	{Group: "coordination.k8s.io", Kind: "Lease"}:                     "a lease is held within one cluster",
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:                "endpoints are addresses within one cluster, which writes them itself",
	{Group: "", Kind: "Endpoints"}:                                    "endpoints are addresses within one cluster, which writes them itself",
	{Group: "", Kind: "Node"}:                                         "a node belongs to one cluster",
	{Group: "certificates.k8s.io", Kind: "CertificateSigningRequest"}: "a signing request is answered by one cluster",
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:             "an APIService could take over the API of a member",
}

// ForbiddenTarget says why a type must not be federated, or nothing if it may
// be. The version does not matter.
func ForbiddenTarget(group, kind string) (reason string) {
	if group == "kubefed.io" || strings.HasSuffix(group, ".kubefed.io") {
		return fmt.Sprintf("types of the group %s are the federation's own and cannot be federated", group)
	}
	if why, forbidden := forbiddenTargets[schema.GroupKind{Group: group, Kind: kind}]; forbidden {
		return fmt.Sprintf("%s cannot be federated: %s", kind, why)
	}
	return ""
}
