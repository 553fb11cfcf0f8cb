package server

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	corev1beta1client "github.com/kubefederation/federation-apiserver/generated/clientset/versioned/typed/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/propagation"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// pushedMembers lets the propagation work with members that this process
// reaches itself.
type pushedMembers struct {
	*members.Set
	clusters corev1beta1client.KubeFedClusterInterface
}

var _ propagation.Members = pushedMembers{}

// HasSynced implements propagation.Members.
func (m pushedMembers) HasSynced() bool {
	select {
	case <-m.Complete():
		return true
	default:
		return false
	}
}

// Registered implements propagation.Members. It reads from etcd.
func (m pushedMembers) Registered(ctx context.Context, name string) (*propagation.Registration, error) {
	cluster, err := m.clusters.Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("ask whether cluster %s is registered: %w", name, err)
	}
	return &propagation.Registration{Since: cluster.CreationTimestamp.Time, Labels: cluster.Labels}, nil
}

// Get implements propagation.Members.
func (m pushedMembers) Get(name string) propagation.Member {
	member, ok := m.Set.Get(name)
	if !ok {
		return nil
	}
	return pushedMember{member}
}

// List implements propagation.Members.
func (m pushedMembers) List() []propagation.Member {
	list := m.Set.List()
	result := make([]propagation.Member, len(list))
	for i, member := range list {
		result[i] = pushedMember{member}
	}
	return result
}

// AddHandler implements propagation.Members.
func (m pushedMembers) AddHandler(handle func(propagation.MemberChange)) {
	m.AddEventHandler(func(event members.Event) {
		handle(propagation.MemberChange{
			Name:    event.Member.Name(),
			Added:   event.Type == members.Added,
			Removed: event.Type == members.Removed,
		})
	})
}

type pushedMember struct {
	*members.Member
}

// Copies implements propagation.Member.
func (m pushedMember) Copies(resource schema.GroupVersionResource, namespaced bool) propagation.Copies {
	return pushedCopies{m.Type(resource, namespaced)}
}

// Observe implements propagation.Member.
func (m pushedMember) Observe(resource schema.GroupVersionResource, namespaced bool, detail members.Detail) propagation.Copies {
	return pushedCopies{m.Member.Observe(resource, namespaced, detail)}
}

// StopCopies implements propagation.Member.
func (m pushedMember) StopCopies(resource schema.GroupVersionResource) {
	m.StopType(resource)
}

type pushedCopies struct {
	*members.Type
}

// State implements propagation.Copies.
func (c pushedCopies) State() (propagation.CopiesState, error) {
	state, err := c.Type.State()
	switch state {
	case members.Synced:
		return propagation.CopiesSynced, err
	case members.NotAvailable:
		return propagation.CopiesNotAvailable, err
	case members.Failed:
		return propagation.CopiesFailed, err
	default:
		return propagation.CopiesSyncing, err
	}
}

// AddHandler implements propagation.Copies.
func (c pushedCopies) AddHandler(changed, status func(types.NamespacedName), state func()) {
	c.AddEventHandler(changed, status)
	c.AddStateHandler(state)
}
