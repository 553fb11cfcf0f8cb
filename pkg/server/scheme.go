package server

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	core "github.com/kubefederation/federation-apiserver/apis/core/install"
	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	multiclusterdns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns/install"
	multiclusterdnsv1alpha1 "github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	scheduling "github.com/kubefederation/federation-apiserver/apis/scheduling/install"
	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
)

// Scheme has the static API groups. The dynamic kinds each have one of their own.
var Scheme = newScheme()

// Codecs encode and decode the static API groups.
var Codecs = serializer.NewCodecFactory(Scheme)

// StorageCodec encodes and decodes the static API groups for etcd.
var StorageCodec = Codecs.LegacyCodec(
	corev1beta1.SchemeGroupVersion,
	schedulingv1alpha1.SchemeGroupVersion,
	multiclusterdnsv1alpha1.SchemeGroupVersion,
)

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	core.Install(scheme)
	scheduling.Install(scheme)
	multiclusterdns.Install(scheme)
	// The options of requests, and what a server answers of itself.
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	scheme.AddUnversionedTypes(schema.GroupVersion{Version: "v1"},
		&metav1.Status{},
		&metav1.APIVersions{},
		&metav1.APIGroupList{},
		&metav1.APIGroup{},
		&metav1.APIResourceList{},
	)
	return scheme
}
