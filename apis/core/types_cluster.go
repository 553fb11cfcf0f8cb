package core

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
)

// LocalSecretReference names a Secret in the same namespace of the host cluster.
type LocalSecretReference struct {
	// name of the Secret.
	Name string
}

// KubeFedClusterSpec says how to reach a member cluster.
type KubeFedClusterSpec struct {
	// apiEndpoint is the address of the member's API server, such as
	// https://10.0.0.1:6443.
	APIEndpoint string
	// caBundle holds the PEM certificates that the member's serving certificate
	// must chain to. Without it the system's roots are used.
	CABundle []byte
	// secretRef names the Secret in the same namespace of the host cluster whose
	// key "token" holds the bearer token for the member.
	SecretRef LocalSecretReference
	// disabledTLSValidations lists checks of the member's certificate to leave
	// out: "*" (all), "SubjectName" or "ValidityPeriod".
	DisabledTLSValidations []TLSValidation
	// proxyURL is an http, https or socks5 proxy to reach the member through.
	ProxyURL string
}

// ClusterCondition is an observation of a member cluster.
type ClusterCondition struct {
	// type of the condition: Ready, Offline or ConfigMalformed.
	Type ClusterConditionType
	// status of the condition: True, False or Unknown.
	Status corev1.ConditionStatus
	// lastProbeTime is when a probe last said so. While nothing else changes it is
	// written once a minute, whatever the period of the probes.
	LastProbeTime metav1.Time
	// lastTransitionTime is when the status last changed.
	LastTransitionTime *metav1.Time
	// reason is a CamelCase word for the status.
	Reason *string
	// message says the same to a person.
	Message *string
}

// KubeFedClusterStatus is what was last seen of a member cluster.
type KubeFedClusterStatus struct {
	// conditions of the member: Ready, Offline, ConfigMalformed.
	Conditions []ClusterCondition
	// zones of the member's nodes (label topology.kubernetes.io/zone), sorted.
	Zones []string
	// region of the member's nodes (label topology.kubernetes.io/region).
	Region *string
	// kubernetesVersion is the version that the member's API server reports.
	KubernetesVersion string
	// lastSeenTime is when a probe last found the member ready. It is there only while
	// it is not.
	LastSeenTime *metav1.Time
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// KubeFedCluster is a member cluster of the federation. Placement selectors
// match its labels.
type KubeFedCluster struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// spec says how to reach the member.
	Spec KubeFedClusterSpec
	// status is what was last seen of the member.
	Status KubeFedClusterStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// KubeFedClusterList is a list of member clusters.
type KubeFedClusterList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []KubeFedCluster
}
