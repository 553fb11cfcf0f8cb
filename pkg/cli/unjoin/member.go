package unjoin

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
)

// pingPatience bounds the wait for a member's first answer.
const pingPatience = 10 * time.Second

// member is the cluster that leaves.
type member struct {
	membership.Membership
	deletion
	kube kubernetes.Interface
	meta metadata.Interface
	// context of the kubeconfig by which it is reached.
	context string
}

func newMember(cluster *connect.Cluster, m membership.Membership, d deletion) (*member, error) {
	config := rest.CopyConfig(cluster.Config)
	// There may be many copies.
	config.QPS, config.Burst = 100, 200
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", cluster.Context, err)
	}
	meta, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", cluster.Context, err)
	}
	return &member{Membership: m, deletion: d, kube: kube, meta: meta, context: cluster.Context}, nil
}

// ping asks the member for the system namespace, whether it is there or not.
func (m *member) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingPatience)
	defer cancel()
	_, err := m.kube.CoreV1().Namespaces().Get(ctx, m.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// known returns an error if the cluster is not one that joined under this name: a
// context that was mistaken leads to another member, which has copies of the same
// names.
func (m *member) known(ctx context.Context) error {
	account := m.ServiceAccountName()
	_, err := m.kube.CoreV1().ServiceAccounts(m.Namespace).Get(ctx, account, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("the cluster of the context %q has no ServiceAccount %s/%s, which join makes: is it another cluster (--cluster-context), or was the host named differently (--host-cluster-name)? With --force its copies are left as they are",
			m.context, m.Namespace, account)
	}
	return err
}

// cleanRights deletes what join made but the namespace. Rights go before the
// account, so that nothing is left behind that a later account of the same name
// would get.
func (m *member) cleanRights(ctx context.Context) error {
	rbac := m.kube.RbacV1()
	var failed []error
	// Join may have been of either scope: what is not there costs a look.
	for _, name := range []string{m.RoleName(), m.HealthCheckRoleName()} {
		failed = append(failed,
			ours(ctx, m.deletion, m.Cluster, "ClusterRoleBinding", name, rbac.ClusterRoleBindings()),
			ours(ctx, m.deletion, m.Cluster, "ClusterRole", name, rbac.ClusterRoles()))
	}
	for _, name := range []string{m.RoleName(), m.TokenRoleName(), m.OwnerRoleName()} {
		failed = append(failed,
			ours(ctx, m.deletion, m.Cluster, "RoleBinding", name, rbac.RoleBindings(m.Namespace)),
			ours(ctx, m.deletion, m.Cluster, "Role", name, rbac.Roles(m.Namespace)))
	}
	account := m.ServiceAccountName()
	failed = append(failed,
		ours(ctx, m.deletion, m.Cluster, "Secret", account, m.kube.CoreV1().Secrets(m.Namespace)),
		ours(ctx, m.deletion, m.Cluster, "ServiceAccount", account, m.kube.CoreV1().ServiceAccounts(m.Namespace)))
	return errors.Join(failed...)
}

// release lets other hubs have the member: the Lease goes if it is that of the host's
// hub.
func (m *member) release(ctx context.Context, owners membership.Owners) error {
	return remove(ctx, m.deletion, m.Cluster, "Lease", identity.MemberLease, m.kube.CoordinationV1().Leases(m.Namespace), func(object metav1.Object) bool {
		lease, ok := object.(*coordinationv1.Lease)
		mark := identity.MarkOf(lease)
		return ok && (mark == nil || owners.Host != nil && owners.Host.HubID == mark.HubID)
	}, "it is another federation's")
}
