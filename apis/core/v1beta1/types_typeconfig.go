package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// FederatedTypeConfigFinalizer keeps a FederatedTypeConfig until its
	// controllers have stopped.
	FederatedTypeConfigFinalizer = "core.kubefed.io/federated-type-config"
	// OrphanObjectsAnnotation set to "true" lets a FederatedTypeConfig be deleted
	// while objects of its federated type exist: they stay in storage, unserved,
	// and their copies stay in the members.
	OrphanObjectsAnnotation = "core.kubefed.io/orphan-objects"
)

// PropagationMode switches the propagation of a federated type.
type PropagationMode string

const (
	// PropagationEnabled propagates the type to the members.
	PropagationEnabled PropagationMode = "Enabled"
	// PropagationDisabled leaves the members as they are.
	PropagationDisabled PropagationMode = "Disabled"
)

// StatusCollectionMode switches the collection of status from members.
type StatusCollectionMode string

const (
	// StatusCollectionEnabled collects status.
	StatusCollectionEnabled StatusCollectionMode = "Enabled"
	// StatusCollectionDisabled does not.
	StatusCollectionDisabled StatusCollectionMode = "Disabled"
)

// TemplateOwnership says how finely server-side apply tracks who owns the
// fields of templates of a federated type.
type TemplateOwnership string

const (
	// TemplateOwnershipGranular tracks every field of a template by the
	// target's schema, as for the target itself.
	TemplateOwnershipGranular TemplateOwnership = "Granular"
	// TemplateOwnershipAtomic tracks a template as one value: objects are
	// smaller, and who applies a template owns the whole of it.
	TemplateOwnershipAtomic TemplateOwnership = "Atomic"
)

// ControllerStatus says whether a controller runs for a type.
type ControllerStatus string

const (
	// ControllerStatusRunning means that the controller runs.
	ControllerStatusRunning ControllerStatus = "Running"
	// ControllerStatusNotRunning means that the controller does not run.
	ControllerStatusNotRunning ControllerStatus = "NotRunning"
)

// APIResource names an API resource.
type APIResource struct {
	// group of the resource; empty for the core group.
	// +optional
	Group string `json:"group,omitempty"`
	// version of the resource.
	Version string `json:"version"`
	// kind of the resource.
	Kind string `json:"kind"`
	// pluralName of the resource, such as deployments. Default: from kind.
	PluralName string `json:"pluralName"`
	// scope of the resource: Namespaced or Cluster.
	Scope ResourceScope `json:"scope"`
}

// FederatedTypeConfigSpec says which type is federated as which.
type FederatedTypeConfigSpec struct {
	// targetType is the type of the objects in the members.
	TargetType APIResource `json:"targetType"`
	// propagation is Enabled or Disabled.
	Propagation PropagationMode `json:"propagation"`
	// federatedType is the type that this server serves for the target.
	FederatedType APIResource `json:"federatedType"`
	// statusType is the type that status of members' objects is collected into.
	// +optional
	StatusType *APIResource `json:"statusType,omitempty"`
	// statusCollection is Enabled or Disabled (default).
	// +optional
	StatusCollection *StatusCollectionMode `json:"statusCollection,omitempty"`
	// templateOwnership is Granular (default) or Atomic: how finely server-side
	// apply tracks ownership inside the template. KubeFed did not have it.
	// +optional
	TemplateOwnership *TemplateOwnership `json:"templateOwnership,omitempty"`
}

// Types of the conditions of a FederatedTypeConfig.
const (
	// FederatedTypeReady says whether the type is served, and propagated if it shall be.
	FederatedTypeReady = "Ready"
	// FederatedTypeServed says whether the federated type is served.
	FederatedTypeServed = "Served"
	// FederatedTypeSchemaTyped says whether templates are validated with the
	// target's own schema (False: the host publishes none).
	FederatedTypeSchemaTyped = "SchemaTyped"
)

// FederatedTypeConfigStatus says what runs for a type.
type FederatedTypeConfigStatus struct {
	// observedGeneration is the generation that this status is about.
	ObservedGeneration int64 `json:"observedGeneration"`
	// propagationController is Running or NotRunning.
	PropagationController ControllerStatus `json:"propagationController"`
	// statusController is Running or NotRunning.
	// +optional
	StatusController *ControllerStatus `json:"statusController,omitempty"`
	// conditions: Ready, Served, SchemaTyped. KubeFed did not have them.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedTypeConfig enables the federation of a type. Its name is that of
// the target: PLURAL.GROUP, or PLURAL for the core group.
type FederatedTypeConfig struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says which type is federated as which.
	Spec FederatedTypeConfigSpec `json:"spec"`
	// status says what runs for the type.
	// +optional
	Status FederatedTypeConfigStatus `json:"status,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedTypeConfigList is a list of federated types.
type FederatedTypeConfigList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []FederatedTypeConfig `json:"items"`
}
