package membership

import (
	"context"
	"fmt"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/pkg/identity"
)

// OwnerRoleName is the name of the role, and of its binding, with which the
// federation notes in the member that it writes there.
func (m Membership) OwnerRoleName() string {
	return m.RoleName() + ":owner"
}

// owning are the rights to the Lease that says which hub writes to the member. A
// create cannot be limited to a name.
var owning = []rbacv1.PolicyRule{
	{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"create"}},
	{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, ResourceNames: []string{identity.MemberLease}, Verbs: []string{"get", "update"}},
}

// Owners says which hub the host is that of, and which one writes to the member.
type Owners struct {
	// Host is nil where the host does not know its hub (yet).
	Host *identity.Mark
	// Member is nil where no hub writes to the member.
	Member *identity.Mark
}

// Owners reads the Leases in the host and in the member. A host whose user may not
// read them is one that does not know.
func (m Membership) Owners(ctx context.Context, host, member kubernetes.Interface) (Owners, error) {
	var o Owners
	lease, err := host.CoordinationV1().Leases(m.Namespace).Get(ctx, identity.HostLease, metav1.GetOptions{})
	switch {
	case err == nil:
		o.Host = identity.MarkOf(lease)
	case !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err):
		return o, fmt.Errorf("reading the Lease %q in the host: %w", identity.HostLease, err)
	}
	lease, err = member.CoordinationV1().Leases(m.Namespace).Get(ctx, identity.MemberLease, metav1.GetOptions{})
	switch {
	case err == nil:
		o.Member = identity.MarkOf(lease)
	case !apierrors.IsNotFound(err):
		return o, fmt.Errorf("reading the Lease %q in cluster %s: %w", identity.MemberLease, m.Cluster, err)
	}
	return o, nil
}

// Another returns the hub that writes to the member if it is not that of the host,
// or may be another one.
func (o Owners) Another() *identity.Mark {
	if o.Member == nil || o.Host != nil && o.Host.HubID == o.Member.HubID {
		return nil
	}
	return o.Member
}

// TakeOver gives the member to the hub of the host. Without its name that cannot be:
// were there just no Lease, the former hub would take it again, or both would write.
func (m Membership) TakeOver(ctx context.Context, member kubernetes.Interface, to *identity.Mark) error {
	if to == nil {
		return fmt.Errorf("taking over cluster %s: it is not known which federation the host has: there is no Lease %q in its namespace %q, or you may not read it. A federation that runs writes it when it starts; the ClusterRole federation-cluster-operator lets you read it. Nothing was changed in the Lease of the cluster",
			m.Cluster, identity.HostLease, m.Namespace)
	}
	leases := member.CoordinationV1().Leases(m.Namespace)
	lease, err := leases.Get(ctx, identity.MemberLease, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		identity.TakeOver(lease, to.HubID, time.Now())
		_, err = leases.Update(ctx, lease, metav1.UpdateOptions{FieldManager: ManagedBy})
	}
	if err != nil {
		return fmt.Errorf("taking over the Lease %q: %w", identity.MemberLease, err)
	}
	return nil
}
