package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Labels, annotations and finalizers that federated objects and their copies
// in members carry.
const (
	// ManagedLabel on an object in a member says whether the federation manages
	// it: "true" is a copy of ours, "false" is an object to keep hands off.
	ManagedLabel = "kubefed.io/managed"
	// ManagedLabelValueTrue marks a managed copy.
	ManagedLabelValueTrue = "true"
	// ManagedLabelValueFalse marks an object that is never to be taken over.
	ManagedLabelValueFalse = "false"
	// OrphanAnnotation set to "true" on a federated object keeps its copies in
	// the members when the object is deleted, or when its placement excludes them.
	OrphanAnnotation = "kubefed.io/orphan"
	// DeleteOptionAnnotation on a federated object has the options with which its
	// copies are deleted, as JSON of metav1.DeleteOptions.
	DeleteOptionAnnotation = "kubefed.io/deleteoption"
	// RecreateImmutableAnnotation on a federated object says what may be done to a
	// copy that differs in a field that its member does not let change: "true" has
	// it deleted and made anew, "including-data" also where that loses what is in
	// it (namespaces, PersistentVolumeClaims, CustomResourceDefinitions).
	RecreateImmutableAnnotation = "kubefed.io/recreate-immutable"
	// RecreateImmutableTrue and RecreateImmutableIncludingData are its values.
	RecreateImmutableTrue          = "true"
	RecreateImmutableIncludingData = "including-data"
	// ApproveRemovalAnnotation on a federated object lets the removals go on that are
	// paused. Its value is the hash in status.pausedRemoval, and approves what is
	// listed there and nothing else.
	ApproveRemovalAnnotation = "kubefed.io/approve-removal"
	// SyncFinalizer keeps a federated object until its copies are gone from the
	// members.
	SyncFinalizer = "kubefed.io/sync-controller"
	// RootCAConfigMap is the ConfigMap that each cluster publishes its own CA in. A
	// federated object for it is accepted, as whoever federates all that a namespace
	// has makes one, and is never propagated.
	RootCAConfigMap = "kube-root-ca.crt"
	// FieldManager is the field manager of every server-side apply to a member.
	FieldManager = "federation-apiserver"
)

// ClusterReference names a member cluster.
type ClusterReference struct {
	// name of the KubeFedCluster.
	Name string `json:"name"`
}

// Placement selects member clusters.
//
// A present list of clusters, even an empty one, decides alone; without it the
// selector does, and a present but empty selector selects every cluster.
// Neither selects none.
type Placement struct {
	// clusters lists members by name. An empty list selects none, and
	// clusterSelector is then not looked at.
	// +optional
	// +listType=map
	// +listMapKey=name
	Clusters []ClusterReference `json:"clusters,omitzero"`
	// clusterSelector selects members by the labels of their KubeFedCluster. An
	// empty selector selects every member.
	// +optional
	ClusterSelector *metav1.LabelSelector `json:"clusterSelector,omitempty"`
	// allowEmpty says that it is meant where the placement selects no member any
	// more. Without it the copies stay, and their removal is paused, when more than
	// one would go.
	// +optional
	AllowEmpty bool `json:"allowEmpty,omitempty"`
}

// Operations of an override.
const (
	// OverrideOpAdd adds a key to a map or inserts into a list.
	OverrideOpAdd = "add"
	// OverrideOpRemove removes what must be there.
	OverrideOpRemove = "remove"
	// OverrideOpReplace sets a value. As in KubeFed, a missing key of an existing
	// map is set rather than refused.
	OverrideOpReplace = "replace"
)

// ClusterOverride is one change to the template.
type ClusterOverride struct {
	// op is add, remove or replace (default).
	// +optional
	Op string `json:"op,omitempty"`
	// path is a JSON pointer (RFC 6901) into the template, such as
	// /spec/replicas. The dotted form of early KubeFed (spec.replicas) is
	// accepted and means the same.
	Path string `json:"path"`
	// value for add and replace; null is a value.
	// +optional
	Value JSON `json:"value,omitzero"`
}

// ClusterOverrides are the changes to the template for one member, or for those
// that a selector matches.
type ClusterOverrides struct {
	// clusterName is the member that the changes are for. Exactly one of
	// clusterName and clusterSelector is given.
	// +optional
	// +default=""
	ClusterName string `json:"clusterName,omitempty"`
	// name tells entries with a clusterSelector apart, for server-side apply. Of
	// several, one at most goes without.
	// +optional
	// +default=""
	Name string `json:"name,omitempty"`
	// clusterSelector selects the members that the changes are for by the labels of
	// their KubeFedCluster; an empty one selects all.
	// +optional
	ClusterSelector *metav1.LabelSelector `json:"clusterSelector,omitempty"`
	// clusterOverrides are applied in order.
	// +optional
	// +listType=atomic
	ClusterOverrides []ClusterOverride `json:"clusterOverrides,omitempty"`
}

// FederatedObjectSpec is what a user asks for: an object, where it shall be,
// and how it differs from place to place.
type FederatedObjectSpec struct {
	// template is the object for the members, without apiVersion, kind, name and
	// namespace, which come from the federated object.
	// +optional
	Template runtime.RawExtension `json:"template,omitzero"`
	// placement selects the members. Without it none is selected.
	// +optional
	Placement Placement `json:"placement,omitzero"`
	// overrides change the template for some members. Those that are for a member
	// are applied in the order of the list, so that the last one wins.
	// +optional
	// +listType=map
	// +listMapKey=clusterName
	// +listMapKey=name
	Overrides []ClusterOverrides `json:"overrides,omitempty"`
	// retainReplicas leaves spec.replicas of existing copies to the members,
	// where an autoscaler may own it.
	// +optional
	RetainReplicas *bool `json:"retainReplicas,omitempty"`
}

// Types of the conditions of a federated object.
const (
	// PropagationCondition is KubeFed's: True when every selected member has the
	// object as asked for.
	PropagationCondition = "Propagation"
	// ReadyCondition is True when every selected member has the object as asked for,
	// and every copy is Current.
	ReadyCondition = "Ready"
	// ReconcilingCondition is True while work is under way, and absent otherwise.
	ReconcilingCondition = "Reconciling"
	// StalledCondition is True when no further try can succeed before a change of
	// the object, and absent otherwise.
	StalledCondition = "Stalled"
	// RemovalPausedCondition is True while copies that the placement does not select
	// stay until somebody approves their removal, and absent otherwise.
	RemovalPausedCondition = "RemovalPaused"
)

// Reasons of the RemovalPaused condition.
const (
	// ReasonBlastRadiusExceeded means that the object would lose more copies than it
	// may within the interval of the budget.
	ReasonBlastRadiusExceeded = "BlastRadiusExceeded"
	// ReasonEmptyPlacement means that the object would lose all of its copies without
	// having been deleted.
	ReasonEmptyPlacement = "EmptyPlacement"
	// ReasonGlobalBudgetExceeded means that as many objects as may have lost copies
	// within the interval of the budget.
	ReasonGlobalBudgetExceeded = "GlobalBudgetExceeded"
	// ReasonConfirmationRequired means that each removal of a copy of this type is to
	// be confirmed.
	ReasonConfirmationRequired = "ConfirmationRequired"
)

// Reasons of the Propagation condition. It has none when it is True.
const (
	// ReasonClusterRetrievalFailed means that the members could not be listed.
	ReasonClusterRetrievalFailed = "ClusterRetrievalFailed"
	// ReasonComputePlacementFailed means that the placement is invalid.
	ReasonComputePlacementFailed = "ComputePlacementFailed"
	// ReasonCheckClusters means that status.clusters names a member that is not done.
	ReasonCheckClusters = "CheckClusters"
	// ReasonNamespaceNotFederated means that the namespace has no FederatedNamespace.
	ReasonNamespaceNotFederated = "NamespaceNotFederated"
)

// PropagationStatus is the state of one copy. The empty string means that the
// member has the object as asked for.
type PropagationStatus string

// States of a copy. All but Pending, RemovalPaused and TypeNotAvailable are
// KubeFed's.
const (
	// ClusterPropagationOK is the state of a copy that is as asked for.
	ClusterPropagationOK PropagationStatus = ""
	// Pending is recorded before the first write to a member, so that a crash
	// between the two cannot lose sight of a copy.
	Pending PropagationStatus = "Pending"
	// WaitingForRemoval means that the copy is being removed.
	WaitingForRemoval PropagationStatus = "WaitingForRemoval"
	// RemovalPaused means that the copy stays until its removal is approved.
	RemovalPaused PropagationStatus = "RemovalPaused"
	// ClusterNotReady means that the member is not ready; work goes on when it is.
	ClusterNotReady PropagationStatus = "ClusterNotReady"
	// TypeNotAvailable means that the member does not serve the target type.
	TypeNotAvailable PropagationStatus = "TypeNotAvailable"
	// RecoveryPending means that the copy needs a write, and that the federation writes
	// nothing to members until an operator has confirmed that its store is the right one.
	RecoveryPending PropagationStatus = "RecoveryPending"
	// NotOwner means that the copy needs a write, and that another hub writes to the
	// member.
	NotOwner PropagationStatus = "NotOwner"
	// CachedRetrievalFailed means that the member's objects could not be listed.
	CachedRetrievalFailed PropagationStatus = "CachedRetrievalFailed"
	// ComputeResourceFailed means that the object for the member could not be made.
	ComputeResourceFailed PropagationStatus = "ComputeResourceFailed"
	// ApplyOverridesFailed means that an override does not apply to the template.
	ApplyOverridesFailed PropagationStatus = "ApplyOverridesFailed"
	// CreationFailed means that the member refused the creation.
	CreationFailed PropagationStatus = "CreationFailed"
	// UpdateFailed means that the member refused the update.
	UpdateFailed PropagationStatus = "UpdateFailed"
	// DeletionFailed means that the member refused the deletion.
	DeletionFailed PropagationStatus = "DeletionFailed"
	// LabelRemovalFailed means that the managed label could not be removed.
	LabelRemovalFailed PropagationStatus = "LabelRemovalFailed"
	// RetrievalFailed means that the copy could not be read.
	RetrievalFailed PropagationStatus = "RetrievalFailed"
	// AlreadyExists means that the member has such an object, and that it is not
	// to be taken over.
	AlreadyExists PropagationStatus = "AlreadyExists"
	// FieldRetentionFailed means that fields of the copy could not be retained.
	FieldRetentionFailed PropagationStatus = "FieldRetentionFailed"
	// VersionRetrievalFailed means that the recorded version could not be read.
	VersionRetrievalFailed PropagationStatus = "VersionRetrievalFailed"
	// ClientRetrievalFailed means that there is no client for the member.
	ClientRetrievalFailed PropagationStatus = "ClientRetrievalFailed"
	// ManagedLabelFalse means that the object in the member refuses to be managed.
	ManagedLabelFalse PropagationStatus = "ManagedLabelFalse"
	// CreationTimedOut means that the creation was not answered in time.
	CreationTimedOut PropagationStatus = "CreationTimedOut"
	// UpdateTimedOut means that the update was not answered in time.
	UpdateTimedOut PropagationStatus = "UpdateTimedOut"
	// DeletionTimedOut means that the deletion was not answered in time.
	DeletionTimedOut PropagationStatus = "DeletionTimedOut"
	// LabelRemovalTimedOut means that the label removal was not answered in time.
	LabelRemovalTimedOut PropagationStatus = "LabelRemovalTimedOut"
)

// Condition is an observation of a federated object.
type Condition struct {
	// type of the condition: Propagation, Ready, Reconciling, Stalled or RemovalPaused.
	Type string `json:"type"`
	// status of the condition: True, False or Unknown.
	Status corev1.ConditionStatus `json:"status"`
	// observedGeneration is the generation that the condition is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// reason is a CamelCase word for the status; Propagation has none when True.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says the same to a person.
	// +optional
	Message string `json:"message,omitempty"`
	// lastUpdateTime is when a change was last propagated.
	// +optional
	LastUpdateTime metav1.Time `json:"lastUpdateTime,omitzero"`
	// lastTransitionTime is when status or reason last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`
}

// CopyHealth says how a copy fares in its member, in the words of kstatus.
type CopyHealth string

// Words for the health of a copy.
const (
	// CopyCurrent means that the member has brought about what the copy asks for. A
	// kind without a status is Current as soon as it is there.
	CopyCurrent CopyHealth = "Current"
	// CopyInProgress means that the member is at it.
	CopyInProgress CopyHealth = "InProgress"
	// CopyFailed means that the member has given up, or says that it cannot.
	CopyFailed CopyHealth = "Failed"
	// CopyTerminating means that the copy is being deleted.
	CopyTerminating CopyHealth = "Terminating"
	// CopyNotFound means that there is no copy.
	CopyNotFound CopyHealth = "NotFound"
	// CopyUnknown means that the member cannot be looked at.
	CopyUnknown CopyHealth = "Unknown"
)

// ReplicaCounts are the replicas of a copy, or of all copies together. A count
// of zero is absent.
type ReplicaCounts struct {
	// desiredReplicas is how many there shall be.
	// +optional
	DesiredReplicas int64 `json:"desiredReplicas,omitempty"`
	// replicas is how many there are.
	// +optional
	Replicas int64 `json:"replicas,omitempty"`
	// readyReplicas is how many of them are ready.
	// +optional
	ReadyReplicas int64 `json:"readyReplicas,omitempty"`
	// availableReplicas is how many of them have been ready for long enough.
	// +optional
	AvailableReplicas int64 `json:"availableReplicas,omitempty"`
	// updatedReplicas is how many of them are made from the present template.
	// +optional
	UpdatedReplicas int64 `json:"updatedReplicas,omitempty"`
}

// ClusterStatus is the state of the copy in one member.
type ClusterStatus struct {
	// name of the member.
	Name string `json:"name"`
	// status of the copy; absent when it is as asked for.
	// +optional
	Status PropagationStatus `json:"status,omitempty"`
	// message explains a status that is not empty, or else a health that is not
	// Current.
	// +optional
	Message string `json:"message,omitempty"`
	// observedGeneration is the generation of the federated object that status is
	// about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// health of the copy as its member shows it: Current, InProgress, Failed,
	// Terminating, NotFound or Unknown.
	// +optional
	Health CopyHealth `json:"health,omitempty"`
	// lastSeenTime is when the member was last found ready. It is there only while it
	// is not, and what it has can therefore not be known.
	// +optional
	LastSeenTime *metav1.Time `json:"lastSeenTime,omitempty"`
	// replicas of the copy, where the kind has such and the member can be looked at.
	// +optional
	Replicas *ReplicaCounts `json:"replicas,omitempty"`
	// version of the copy as last written: gen:GENERATION, or rv:RESOURCEVERSION
	// where the kind has no generation.
	// +optional
	Version string `json:"version,omitempty"`
	// fingerprint identifies what was last written together with the fields that
	// the federation then owned in the copy; a copy that still matches needs no
	// request.
	// +optional
	Fingerprint string `json:"fingerprint,omitempty"`
	// remoteStatus is the status of the copy as its member shows it, where it is
	// collected.
	// +optional
	RemoteStatus *runtime.RawExtension `json:"remoteStatus,omitempty"`
}

// LastChange says who last changed what an object asks for. The server writes it,
// from the request that it came with; nobody else can.
type LastChange struct {
	// user is the name of who made the change.
	User string `json:"user"`
	// uid of the user, where the authentication knows one.
	// +optional
	UID string `json:"uid,omitempty"`
	// auditID of the request, by which audit logs have it.
	// +optional
	AuditID string `json:"auditID,omitempty"`
	// time of the change, by the clock of the server.
	Time metav1.Time `json:"time"`
	// generation that the change made. It is less than metadata.generation where
	// the federation itself has changed the object since, as a
	// ReplicaSchedulingPreference has it do.
	Generation int64 `json:"generation"`
}

// RecentRemoval is a copy that was removed as the placement did not select its
// member any more.
type RecentRemoval struct {
	// name of the member.
	Name string `json:"name"`
	// time of the removal, by the clock of the server.
	Time metav1.Time `json:"time"`
}

// PausedRemoval says which copies stay until their removal is approved.
type PausedRemoval struct {
	// reason of the pause: BlastRadiusExceeded, EmptyPlacement,
	// GlobalBudgetExceeded or ConfirmationRequired.
	Reason string `json:"reason"`
	// clusters are the members whose copies would go, by name.
	// +listType=atomic
	Clusters []string `json:"clusters"`
	// hash of the object, of the list and of when the pause began. The annotation
	// kubefed.io/approve-removal with this value approves the list.
	Hash string `json:"hash"`
	// since is when the pause began.
	Since metav1.Time `json:"since"`
}

// FederatedObjectStatus is the state of the copies.
type FederatedObjectStatus struct {
	// observedGeneration is the generation that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Propagation (KubeFed's), Ready, Reconciling, Stalled, RemovalPaused.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []Condition `json:"conditions,omitempty"`
	// lastChange says who last changed what the object asks for, or deleted it.
	// +optional
	LastChange *LastChange `json:"lastChange,omitempty"`
	// The sums over the copies in members that can be looked at.
	ReplicaCounts `json:",inline"`
	// clusters has every member that the object was, is or shall be written to,
	// by name.
	// +optional
	// +listType=map
	// +listMapKey=name
	Clusters []ClusterStatus `json:"clusters,omitempty"`
	// pausedRemoval lists the copies whose removal waits for an approval.
	// +optional
	PausedRemoval *PausedRemoval `json:"pausedRemoval,omitempty"`
	// approvedRemovals are the members whose copies were approved to go and are not
	// gone yet.
	// +optional
	// +listType=set
	ApprovedRemovals []string `json:"approvedRemovals,omitempty"`
	// recentRemovals are the copies that the placement made go within the interval of
	// the budget.
	// +optional
	// +listType=map
	// +listMapKey=name
	RecentRemovals []RecentRemoval `json:"recentRemovals,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedObject is an object for many clusters.
type FederatedObject struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the object, where it shall be, and how it differs there.
	// +optional
	Spec FederatedObjectSpec `json:"spec"`
	// status is the state of the copies.
	// +optional
	Status FederatedObjectStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// FederatedObjectList is a list of federated objects of one kind.
type FederatedObjectList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []FederatedObject `json:"items"`
}
