package propagation

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// This file fits the packages that the controller works with to what it asks of
// them. Nothing else here knows that members are reached over connections, or
// that kinds are served by this process.

// Connections are the members of a set that are pushed to.
type Connections struct {
	// Set of the connections.
	Set *members.Set
	// Synced says whether all KubeFedClusters have been put into Set.
	Synced func() bool
	// Exists asks the storage whether there is a KubeFedCluster with a name.
	Exists func(ctx context.Context, name string) (bool, error)
}

var _ Members = Connections{}

// HasSynced implements Members.
func (c Connections) HasSynced() bool { return c.Synced() }

// Registered implements Members.
func (c Connections) Registered(ctx context.Context, name string) (bool, error) {
	return c.Exists(ctx, name)
}

// Get implements Members.
func (c Connections) Get(name string) Member {
	member, ok := c.Set.Get(name)
	if !ok {
		return nil
	}
	return connected{member}
}

// List implements Members.
func (c Connections) List() []Member {
	list := c.Set.List()
	connectedMembers := make([]Member, len(list))
	for i := range list {
		connectedMembers[i] = connected{list[i]}
	}
	return connectedMembers
}

// AddHandler implements Members.
func (c Connections) AddHandler(handle func(MemberChange)) {
	c.Set.AddEventHandler(func(event members.Event) {
		handle(MemberChange{
			Name: event.Member.Name(), Added: event.Type == members.Added, Removed: event.Type == members.Removed})
	})
}

type connected struct{ *members.Member }

func (m connected) Copies(resource schema.GroupVersionResource, namespaced bool) Copies {
	return observedCopies{m.Type(resource, namespaced)}
}

func (m connected) StopCopies(resource schema.GroupVersionResource) { m.StopType(resource) }

type observedCopies struct{ *members.Type }

func (c observedCopies) State() (CopiesState, error) {
	state, err := c.Type.State()
	var notAvailable *members.NotAvailableError
	switch {
	case state == members.Synced:
		return CopiesSynced, nil
	case state == members.NotAvailable, errors.As(err, &notAvailable):
		return CopiesNotAvailable, err
	case state == members.Failed:
		return CopiesFailed, err
	default:
		return CopiesSyncing, err
	}
}

func (c observedCopies) AddHandler(changed func(types.NamespacedName), state func()) {
	c.AddStateHandler(state)
	c.AddEventHandler(changed)
}

// Types fits the Controller to the one that follows FederatedTypeConfigs.
type Types struct{ *Controller }

// Start propagates the objects of kind as config says, until ctx ends or Stop.
func (t Types) Start(ctx context.Context, kind *federatedtypes.Kind, config *corev1beta1.FederatedTypeConfig) error {
	return t.Controller.Start(ctx, kind, config)
}
