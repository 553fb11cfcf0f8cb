package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TLSValidation names a check of a member's serving certificate.
type TLSValidation string

const (
	// TLSAll stands for every check; no other value may stand beside it.
	TLSAll TLSValidation = "*"
	// TLSSubjectName is the check that the certificate is for the name that was dialled.
	TLSSubjectName TLSValidation = "SubjectName"
	// TLSValidityPeriod is the check that the certificate is valid now.
	TLSValidityPeriod TLSValidation = "ValidityPeriod"
)

// ClusterConditionType names a condition of a member cluster.
type ClusterConditionType string

const (
	// ClusterReady says whether the member answers its health check and can be propagated to.
	ClusterReady ClusterConditionType = "Ready"
	// ClusterOffline says whether the member cannot be reached.
	ClusterOffline ClusterConditionType = "Offline"
	// ClusterConfigMalformed says whether no client could be built from the
	// KubeFedCluster and its Secret.
	ClusterConfigMalformed ClusterConditionType = "ConfigMalformed"
	// ClusterCredentialsAtRisk says whether the member refuses the token, or will do so
	// soon. It is absent while all is well.
	ClusterCredentialsAtRisk ClusterConditionType = "CredentialsAtRisk"
	// ClusterInsecure says whether the member's certificate is not fully checked. It is
	// absent while it is.
	ClusterInsecure ClusterConditionType = "Insecure"
	// ClusterNotOwned says whether another hub writes to the member, or may do so
	// unnoticed. It is absent while all is well.
	ClusterNotOwned ClusterConditionType = "NotOwned"
)

// Reasons of the conditions of a member cluster.
const (
	ReasonClusterReady           = "ClusterReady"
	ReasonClusterNotReady        = "ClusterNotReady"
	ReasonClusterReachable       = "ClusterReachable"
	ReasonClusterNotReachable    = "ClusterNotReachable"
	ReasonClusterConfigMalformed = "ClusterConfigMalformed"
	ReasonCredentialsRefused     = "CredentialsRefused"
	ReasonCredentialsExpired     = "CredentialsExpired"
	ReasonCredentialsExpiring    = "CredentialsExpiring"
	ReasonTokenNotRenewed        = "TokenNotRenewed"
	ReasonTLSValidationDisabled  = "TLSValidationDisabled"
	ReasonNotOwner               = "NotOwner"
	ReasonTakenOver              = "TakenOver"
	ReasonOwnershipUnknown       = "OwnershipUnknown"
)

// LocalSecretReference names a Secret in the same namespace of the host cluster.
type LocalSecretReference struct {
	// name of the Secret.
	Name string `json:"name"`
}

// KubeFedClusterSpec says how to reach a member cluster.
type KubeFedClusterSpec struct {
	// apiEndpoint is the address of the member's API server, such as
	// https://10.0.0.1:6443.
	APIEndpoint string `json:"apiEndpoint"`
	// caBundle holds the PEM certificates that the member's serving certificate
	// must chain to. Without it the system's roots are used.
	// +optional
	// +listType=atomic
	CABundle []byte `json:"caBundle,omitempty"`
	// secretRef names the Secret in the same namespace of the host cluster whose
	// key "token" holds the bearer token for the member.
	SecretRef LocalSecretReference `json:"secretRef"`
	// disabledTLSValidations lists checks of the member's certificate to leave
	// out: "*" (all), "SubjectName" or "ValidityPeriod".
	// +optional
	// +listType=atomic
	DisabledTLSValidations []TLSValidation `json:"disabledTLSValidations,omitempty"`
	// proxyURL is an http, https or socks5 proxy to reach the member through.
	// +optional
	ProxyURL string `json:"proxyURL,omitempty"`
}

// ClusterCondition is an observation of a member cluster.
type ClusterCondition struct {
	// type of the condition: Ready, Offline or ConfigMalformed.
	Type ClusterConditionType `json:"type"`
	// status of the condition: True, False or Unknown.
	Status corev1.ConditionStatus `json:"status"`
	// lastProbeTime is when a probe last said so. While nothing else changes it is
	// written once a minute, whatever the period of the probes.
	LastProbeTime metav1.Time `json:"lastProbeTime"`
	// lastTransitionTime is when the status last changed.
	// +optional
	LastTransitionTime *metav1.Time `json:"lastTransitionTime,omitempty"`
	// reason is a CamelCase word for the status.
	// +optional
	Reason *string `json:"reason,omitempty"`
	// message says the same to a person.
	// +optional
	Message *string `json:"message,omitempty"`
}

// KubeFedClusterStatus is what was last seen of a member cluster.
type KubeFedClusterStatus struct {
	// conditions of the member: Ready, Offline, ConfigMalformed.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []ClusterCondition `json:"conditions,omitempty"`
	// zones of the member's nodes (label topology.kubernetes.io/zone), sorted.
	// +optional
	// +listType=set
	Zones []string `json:"zones,omitempty"`
	// region of the member's nodes (label topology.kubernetes.io/region).
	// +optional
	Region *string `json:"region,omitempty"`
	// kubernetesVersion is the version that the member's API server reports.
	// +optional
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// lastSeenTime is when a probe last found the member ready. It is there only while
	// it is not.
	// +optional
	LastSeenTime *metav1.Time `json:"lastSeenTime,omitempty"`
}

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// KubeFedCluster is a member cluster of the federation. Placement selectors
// match its labels.
type KubeFedCluster struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says how to reach the member.
	Spec KubeFedClusterSpec `json:"spec"`
	// status is what was last seen of the member.
	// +optional
	Status KubeFedClusterStatus `json:"status,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// KubeFedClusterList is a list of member clusters.
type KubeFedClusterList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []KubeFedCluster `json:"items"`
}
