package federatedtypes

import (
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// newScheme makes the scheme of one kind. The one Go type is both the served
// and the internal version, so there is nothing to convert.
func newScheme(kind string) *runtime.Scheme {
	scheme := runtime.NewScheme()
	external := typesv1beta1.SchemeGroupVersion
	internal := schema.GroupVersion{Group: external.Group, Version: runtime.APIVersionInternal}
	for _, gv := range []schema.GroupVersion{external, internal} {
		scheme.AddKnownTypeWithName(gv.WithKind(kind), &typesv1beta1.FederatedObject{})
		scheme.AddKnownTypeWithName(gv.WithKind(kind+"List"), &typesv1beta1.FederatedObjectList{})
	}
	metav1.AddToGroupVersion(scheme, external)
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})

	scales := autoscalingv1.SchemeGroupVersion
	for _, version := range []string{scales.Version, runtime.APIVersionInternal} {
		gv := schema.GroupVersion{Group: scales.Group, Version: version}
		scheme.AddKnownTypeWithName(gv.WithKind("Scale"), &autoscalingv1.Scale{})
	}
	return scheme
}
