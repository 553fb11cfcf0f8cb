package join

import (
	"context"
	"errors"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
	"github.com/kubefederation/federation-apiserver/pkg/cli/progress"
)

// tokenPatience bounds the wait for the member to issue the token.
const tokenPatience = 30 * time.Second

// namespacePatience bounds the wait for a former system namespace to be gone.
const namespacePatience = time.Minute

// member is the cluster that joins.
type member struct {
	membership.Membership
	client   kubernetes.Interface
	takeOver bool
	report   *progress.Reporter
}

func newMember(cluster *connect.Cluster, m membership.Membership, errorOnExisting bool, report *progress.Reporter) (*member, error) {
	client, err := kubernetes.NewForConfig(cluster.Config)
	if err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", cluster.Context, err)
	}
	return &member{Membership: m, client: client, takeOver: !errorOnExisting, report: report}, nil
}

// prepare creates what the federation needs in the member and returns a token of
// that lifetime; 0 is one that lives forever.
func (m *member) prepare(ctx context.Context, lifetime time.Duration) ([]byte, error) {
	if err := m.ensureNamespace(ctx); err != nil {
		return nil, err
	}
	account := m.ServiceAccount()
	if err := m.ensure("ServiceAccount", account.Name, func() (bool, error) {
		return bring(ctx, m.client.CoreV1().ServiceAccounts(m.Namespace), account, m.takeOver, func(existing *corev1.ServiceAccount) bool {
			changed := !apiequality.Semantic.DeepEqual(existing.AutomountServiceAccountToken, account.AutomountServiceAccountToken)
			existing.AutomountServiceAccountToken = account.AutomountServiceAccountToken
			return changed
		})
	}); err != nil {
		return nil, err
	}
	if err := m.ensureRights(ctx); err != nil {
		return nil, err
	}
	if lifetime > 0 {
		return m.requestToken(ctx, lifetime)
	}
	secret := m.ServiceAccountToken()
	if err := m.ensure("Secret", secret.Name, func() (bool, error) {
		return bring(ctx, m.client.CoreV1().Secrets(m.Namespace), secret, m.takeOver, func(existing *corev1.Secret) bool { return false })
	}); err != nil {
		return nil, err
	}
	return m.awaitToken(ctx, secret.Name)
}

// own refuses a member to which another hub writes, or takes it over.
func (m *member) own(ctx context.Context, host kubernetes.Interface, takeOver bool) error {
	owners, err := m.Owners(ctx, host, m.client)
	if err != nil {
		return err
	}
	other := owners.Another()
	if other == nil {
		return nil
	}
	if !takeOver {
		return fmt.Errorf("the federation %s writes to it, and last said so at %s; let it leave there first (kubectl fed unjoin), or, if that federation is gone or shall not write there any more, use --take-over",
			other.HubID, other.Renewed.UTC().Format(time.RFC3339))
	}
	if err := m.TakeOver(ctx, m.client, owners.Host); err != nil {
		return err
	}
	m.report.Done("%s: taken over from the federation %s", m.Cluster, other.HubID)
	return nil
}

// ensureNamespace creates the namespace, unless it is there: then it stays whoever's it is.
func (m *member) ensureNamespace(ctx context.Context) error {
	namespace := m.SystemNamespace()
	return m.ensure("Namespace", namespace.Name, func() (bool, error) {
		there, err := m.settledNamespace(ctx, namespace.Name)
		if there || err != nil {
			return false, err
		}
		_, err = m.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{FieldManager: membership.ManagedBy})
		if apierrors.IsAlreadyExists(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// settledNamespace says whether the namespace is there. One that is being deleted,
// as after an unjoin, is waited for.
func (m *member) settledNamespace(ctx context.Context, name string) (there bool, err error) {
	err = wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, namespacePatience, true, func(ctx context.Context) (bool, error) {
		existing, err := m.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return true, nil
		case err != nil:
			return false, err
		case existing.DeletionTimestamp == nil:
			there = true
			return true, nil
		}
		m.report.Doing("%s: waiting for the former Namespace %s to be gone", m.Cluster, name)
		return false, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return false, errors.New("it is being deleted; try again when it is gone")
	}
	return there, err
}

func (m *member) ensureRights(ctx context.Context) error {
	rbac := m.client.RbacV1()
	for _, role := range m.ClusterRoles() {
		if err := m.ensure("ClusterRole", role.Name, func() (bool, error) {
			return bring(ctx, rbac.ClusterRoles(), role, m.takeOver, func(existing *rbacv1.ClusterRole) bool {
				return replace(&existing.Rules, role.Rules)
			})
		}); err != nil {
			return err
		}
	}
	for _, binding := range m.ClusterRoleBindings() {
		if err := m.ensure("ClusterRoleBinding", binding.Name, func() (bool, error) {
			return bring(ctx, rbac.ClusterRoleBindings(), binding, m.takeOver, func(existing *rbacv1.ClusterRoleBinding) bool {
				return replace(&existing.Subjects, binding.Subjects)
			})
		}); err != nil {
			return err
		}
	}
	for _, role := range m.Roles() {
		if err := m.ensure("Role", role.Name, func() (bool, error) {
			return bring(ctx, rbac.Roles(m.Namespace), role, m.takeOver, func(existing *rbacv1.Role) bool {
				return replace(&existing.Rules, role.Rules)
			})
		}); err != nil {
			return err
		}
	}
	for _, binding := range m.RoleBindings() {
		if err := m.ensure("RoleBinding", binding.Name, func() (bool, error) {
			return bring(ctx, rbac.RoleBindings(m.Namespace), binding, m.takeOver, func(existing *rbacv1.RoleBinding) bool {
				return replace(&existing.Subjects, binding.Subjects)
			})
		}); err != nil {
			return err
		}
	}
	return nil
}

// replace sets field to wanted and says whether that changed it.
func replace[T any](field *T, wanted T) bool {
	changed := !apiequality.Semantic.DeepEqual(*field, wanted)
	*field = wanted
	return changed
}

// awaitToken waits until the member has put the token into the Secret.
func (m *member) awaitToken(ctx context.Context, name string) (token []byte, err error) {
	m.report.Doing("%s: waiting for the token of the service account", m.Cluster)
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, tokenPatience, true, func(ctx context.Context) (bool, error) {
		secret, err := m.client.CoreV1().Secrets(m.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		token = secret.Data[corev1.ServiceAccountTokenKey]
		return len(token) > 0, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return nil, fmt.Errorf("the cluster put no token into Secret %q within %s: does its kube-controller-manager run?", name, tokenPatience)
	}
	return token, err
}

// requestToken asks the member for a token of the service account.
func (m *member) requestToken(ctx context.Context, lifetime time.Duration) ([]byte, error) {
	m.report.Doing("%s: asking for a token of the service account", m.Cluster)
	seconds := int64(lifetime.Seconds())
	answer, err := m.client.CoreV1().ServiceAccounts(m.Namespace).CreateToken(ctx, m.ServiceAccountName(), &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds},
	}, metav1.CreateOptions{FieldManager: membership.ManagedBy})
	if err != nil {
		return nil, fmt.Errorf("asking for a token of the service account: %w", err)
	}
	m.report.Done("%s: token made, which lives until %s", m.Cluster, answer.Status.ExpirationTimestamp.UTC().Format(time.RFC3339))
	return []byte(answer.Status.Token), nil
}

// retireToken deletes the token that lives forever, of an earlier join, once the
// host has another one.
func (m *member) retireToken(ctx context.Context, lifetime time.Duration) error {
	if lifetime == 0 {
		return nil
	}
	secrets, name := m.client.CoreV1().Secrets(m.Namespace), m.ServiceAccountToken().Name
	existing, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && !membership.IsOurs(existing) {
		return nil
	}
	if err == nil {
		err = secrets.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &existing.UID}})
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the former token, Secret %q: %w", name, err)
	}
	m.report.Done("%s: Secret %s with the former token deleted", m.Cluster, name)
	return nil
}
