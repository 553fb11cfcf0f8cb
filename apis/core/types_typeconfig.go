package core

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
	Group string
	// version of the resource.
	Version string
	// kind of the resource.
	Kind string
	// pluralName of the resource, such as deployments. Default: from kind.
	PluralName string
	// scope of the resource: Namespaced or Cluster.
	Scope ResourceScope
}

// FederatedTypeConfigSpec says which type is federated as which.
type FederatedTypeConfigSpec struct {
	// targetType is the type of the objects in the members.
	TargetType APIResource
	// propagation is Enabled or Disabled.
	Propagation PropagationMode
	// federatedType is the type that this server serves for the target.
	FederatedType APIResource
	// statusType is the type that status of members' objects is collected into.
	StatusType *APIResource
	// statusCollection is Enabled or Disabled (default).
	StatusCollection *StatusCollectionMode
	// templateOwnership is Granular (default) or Atomic: how finely server-side
	// apply tracks ownership inside the template. KubeFed did not have it.
	TemplateOwnership *TemplateOwnership
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
	ObservedGeneration int64
	// propagationController is Running or NotRunning.
	PropagationController ControllerStatus
	// statusController is Running or NotRunning.
	StatusController *ControllerStatus
	// conditions: Ready, Served, SchemaTyped. KubeFed did not have them.
	Conditions []metav1.Condition
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedTypeConfig enables the federation of a type. Its name is that of
// the target: PLURAL.GROUP, or PLURAL for the core group.
type FederatedTypeConfig struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// spec says which type is federated as which.
	Spec FederatedTypeConfigSpec
	// status says what runs for the type.
	Status FederatedTypeConfigStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedTypeConfigList is a list of federated types.
type FederatedTypeConfigList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []FederatedTypeConfig
}
