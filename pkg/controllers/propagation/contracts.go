package propagation

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
)

// Source is where the objects of one federated kind are stored.
type Source interface {
	// ListerWatcher lists and watches the objects. They may be shared with other
	// readers: they are never changed here.
	ListerWatcher() cache.ListerWatcher
	// TargetStatus says whether objects of the target have a status, and whether
	// that is known.
	TargetStatus() (has, known bool)
	// Get reads an object from the storage itself, not from a cache.
	Get(ctx context.Context, namespace, name string) (*typesv1beta1.FederatedObject, error)
	// Update writes the metadata and spec of an object, with its resourceVersion
	// as precondition.
	Update(ctx context.Context, obj *typesv1beta1.FederatedObject) (*typesv1beta1.FederatedObject, error)
	// RemoveFinalizer takes a finalizer from the object with the name and UID of
	// obj; one that is gone is no error.
	RemoveFinalizer(ctx context.Context, obj *typesv1beta1.FederatedObject, finalizer string) error
	// UpdateStatus writes the status of an object, with its resourceVersion as
	// precondition.
	UpdateStatus(ctx context.Context, obj *typesv1beta1.FederatedObject) (*typesv1beta1.FederatedObject, error)
}

// Members are the member clusters of the federation, however they are reached.
type Members interface {
	// HasSynced says whether the list of members has been read; before, a member
	// that is missing means nothing.
	HasSynced() bool
	// Registered returns the KubeFedCluster with this name as it is in the storage
	// itself, nil if there is none. An error is no answer.
	Registered(ctx context.Context, name string) (*Registration, error)
	// Get returns a member, nil if there is none with this name.
	Get(name string) Member
	// List returns all members, by name.
	List() []Member
	// AddHandler calls handle for every member that is there, and for every
	// change from then on. It must return soon.
	AddHandler(handle func(MemberChange))
}

// Registration is what the storage says of a member.
type Registration struct {
	// Since is when the KubeFedCluster was made, in whole seconds.
	Since  time.Time
	Labels map[string]string
}

// MemberChange says what happened to a member.
type MemberChange struct {
	// Name of the member.
	Name string
	// Added says that the member is new, Removed that it has left.
	Added, Removed bool
}

// Member is one member cluster.
type Member interface {
	Name() string
	Labels() map[string]string
	// ClusterID is the same of members that are one cluster, joined under several
	// names; empty while it is not known.
	ClusterID() string
	// Ready says whether requests to the member make sense.
	Ready() bool
	// Flow bounds the requests for copies that are in flight.
	Flow() *members.Flow
	// LastSeen is when the member was last found ready; of one that never was, since
	// when it is a member. It does not change while the member is not ready.
	LastSeen() time.Time
	// Held says why nothing may be written to the member, nil if it may be written to.
	// Members.AddHandler tells of changes.
	Held() *members.HeldError
	// Copies returns the objects of a resource in the member, and begins to
	// observe them if that is not yet done.
	Copies(resource schema.GroupVersionResource, namespaced bool) Copies
	// Observe is Copies, with as much of the objects observed from now on as detail
	// says.
	Observe(resource schema.GroupVersionResource, namespaced bool, detail members.Detail) Copies
	// StopCopies ends the observation of a resource.
	StopCopies(resource schema.GroupVersionResource)
}

// CopiesState says what is known of the objects of a resource in a member.
type CopiesState int

// States of Copies.
const (
	// CopiesSyncing means that they are being listed, or that the member cannot be
	// reached: what is not there may exist.
	CopiesSyncing CopiesState = iota
	// CopiesSynced means that what is not there does not exist.
	CopiesSynced
	// CopiesNotAvailable means that the member does not serve the resource.
	CopiesNotAvailable
	// CopiesFailed means that they cannot be listed; this is tried again.
	CopiesFailed
)

// Copies are the objects of one resource in one member that carry the label
// kubefed.io/managed. Errors are those of package members.
type Copies interface {
	// State of the observation. The error says why it is not CopiesSynced, where
	// that is known.
	State() (CopiesState, error)
	// Versions are those in which the member serves the resource, if that of the
	// FederatedTypeConfig is not among them.
	Versions() []string
	// Keys names the objects that are known, in no order.
	Keys() []types.NamespacedName
	// Get returns what is known of an object, with our own writes.
	Get(key types.NamespacedName) (members.Observed, bool)
	// GetLive asks the member, for objects without the label too.
	GetLive(ctx context.Context, key types.NamespacedName) (members.Observed, bool, error)
	// Apply makes an object as it shall be, and takes over fields of others.
	Apply(ctx context.Context, key types.NamespacedName, object []byte) (members.Observed, error)
	// HandOverReplicas gives up spec.replicas of an existing object without a
	// change of its value, so that an Apply without it does not reset it.
	HandOverReplicas(ctx context.Context, key types.NamespacedName) error
	// Delete deletes the object with this UID. gone says that it does not exist
	// any more; otherwise it is being deleted.
	Delete(ctx context.Context, key types.NamespacedName, uid types.UID, options metav1.DeleteOptions) (gone bool, err error)
	// Unmanage takes the managed label off an object and leaves it otherwise alone.
	Unmanage(ctx context.Context, key types.NamespacedName) error
	// AddHandler calls changed whenever an object changes other than by our own
	// writes, status when nothing but its status does, and state whenever the State
	// does. All must return soon.
	AddHandler(changed, status func(key types.NamespacedName), state func())
}

// Settings are the choices of the KubeFedConfig in force.
type Settings struct {
	// AdoptResources says whether objects that a member already has are taken
	// over.
	AdoptResources bool
	// Namespaced says that the control plane is confined to one namespace: then
	// an object does not need a FederatedNamespace.
	Namespaced bool
	// RawStatusCollection says that the status of copies is copied to
	// status.clusters[].remoteStatus, for types that have it enabled.
	RawStatusCollection bool
	// ObjectWorkers is how many objects are looked at at once, if it is more than
	// that of the Config.
	ObjectWorkers int
	// CacheSyncTimeout is how long the first list of a type in a member may take
	// until that is reported; 0 means for ever.
	CacheSyncTimeout time.Duration
	// UnreachableAfter is how long a member must not have been ready before
	// deletions wait for it no longer; 0 means that they wait for ever.
	UnreachableAfter time.Duration
	// GiveUpAfter is how long removals are kept for a member that is not ready; 0
	// means for ever.
	GiveUpAfter time.Duration
	// Removals bound what may be removed that nobody deleted; the zero value lets
	// nothing go without an approval.
	Removals removals.Limits
}
