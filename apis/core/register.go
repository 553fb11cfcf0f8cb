package core

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of the core types.
const GroupName = "core.kubefed.io"

// SchemeGroupVersion is the group with the internal version.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: runtime.APIVersionInternal}

var (
	// SchemeBuilder collects the functions that add this package to a scheme.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	// AddToScheme adds the internal types to a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

// Resource qualifies a resource name with this package's group.
func Resource(resource string) schema.GroupResource {
	return SchemeGroupVersion.WithResource(resource).GroupResource()
}

// Kind qualifies a kind with this package's group.
func Kind(kind string) schema.GroupKind {
	return SchemeGroupVersion.WithKind(kind).GroupKind()
}

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&KubeFedCluster{}, &KubeFedClusterList{},
		&KubeFedConfig{}, &KubeFedConfigList{},
		&FederatedTypeConfig{}, &FederatedTypeConfigList{},
		&PendingRemoval{}, &PendingRemovalList{},
		&PropagatedVersion{}, &PropagatedVersionList{},
		&ClusterPropagatedVersion{}, &ClusterPropagatedVersionList{},
		&FederatedServiceStatus{}, &FederatedServiceStatusList{},
	)
	return nil
}
