package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterObjectVersion is the version of the copy in one member.
type ClusterObjectVersion struct {
	// clusterName is the name of the member.
	ClusterName string `json:"clusterName"`
	// version of the copy as last written: gen:GENERATION, or rv:RESOURCEVERSION
	// where the kind has no generation.
	Version string `json:"version"`
}

// PropagatedVersionStatus says what was last written where.
type PropagatedVersionStatus struct {
	// templateVersion is a hash of the template that was last propagated.
	TemplateVersion string `json:"templateVersion"`
	// overridesVersion is a hash of the overrides that were last propagated.
	OverridesVersion string `json:"overridesVersion"`
	// clusterVersions has the version of the copy in each member, by name.
	// +optional
	// +listType=atomic
	ClusterVersions []ClusterObjectVersion `json:"clusterVersions,omitempty"`
}

// +genclient
// +genclient:onlyVerbs=get,list,watch
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PropagatedVersion says which version of a namespaced federated object each
// member has. Its name is KIND-NAME, with the target's kind in lower case.
type PropagatedVersion struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// status says what was last written where.
	// +optional
	Status PropagatedVersionStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PropagatedVersionList is a list of versions.
type PropagatedVersionList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []PropagatedVersion `json:"items"`
}

// +genclient
// +genclient:nonNamespaced
// +genclient:onlyVerbs=get,list,watch
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ClusterPropagatedVersion says which version of a cluster-scoped federated
// object each member has. Its name is KIND-NAME, with the target's kind in lower
// case.
type ClusterPropagatedVersion struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// status says what was last written where.
	// +optional
	Status PropagatedVersionStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ClusterPropagatedVersionList is a list of versions.
type ClusterPropagatedVersionList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ClusterPropagatedVersion `json:"items"`
}
