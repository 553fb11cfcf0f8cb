package core

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterObjectVersion is the version of the copy in one member.
type ClusterObjectVersion struct {
	// clusterName is the name of the member.
	ClusterName string
	// version of the copy as last written: gen:GENERATION, or rv:RESOURCEVERSION
	// where the kind has no generation.
	Version string
}

// PropagatedVersionStatus says what was last written where.
type PropagatedVersionStatus struct {
	// templateVersion is a hash of the template that was last propagated.
	TemplateVersion string
	// overridesVersion is a hash of the overrides that were last propagated.
	OverridesVersion string
	// clusterVersions has the version of the copy in each member, by name.
	ClusterVersions []ClusterObjectVersion
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PropagatedVersion says which version of a namespaced federated object each
// member has. Its name is KIND-NAME, with the target's kind in lower case.
type PropagatedVersion struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// status says what was last written where.
	Status PropagatedVersionStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PropagatedVersionList is a list of versions.
type PropagatedVersionList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []PropagatedVersion
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ClusterPropagatedVersion says which version of a cluster-scoped federated
// object each member has. Its name is KIND-NAME, with the target's kind in lower
// case.
type ClusterPropagatedVersion struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// status says what was last written where.
	Status PropagatedVersionStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ClusterPropagatedVersionList is a list of versions.
type ClusterPropagatedVersionList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []ClusterPropagatedVersion
}
