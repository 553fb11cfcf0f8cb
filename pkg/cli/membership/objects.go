// Package membership names and makes the objects by which a cluster is a member
// of a federation: what "join" creates and "unjoin" deletes.
package membership

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Every object that join makes has this label, and unjoin deletes no object without it.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "kubectl-fed"
)

// IsOurs says whether join made an object.
func IsOurs(object metav1.Object) bool {
	return object.GetLabels()[ManagedByLabel] == ManagedBy
}

// Membership is that of one cluster in the federation of one host.
type Membership struct {
	// Cluster is the name of the member.
	Cluster string
	// Host is the name that the host has in the member.
	Host string
	// Namespace is the system namespace.
	Namespace string
	// Scope is that of the federation: with Namespaced its rights in the member are
	// confined to the system namespace.
	Scope corev1beta1.ResourceScope
	// Rights of the federation in the member.
	Rights Rights
	// AllowProxy lets the federation act as users of the host in the member.
	AllowProxy bool
}

// Validate checks the names.
func (m Membership) Validate() error {
	if problems := validation.IsDNS1123Subdomain(m.Cluster); len(problems) > 0 {
		return fmt.Errorf("the name of the cluster, %q: %s", m.Cluster, problems[0])
	}
	if problems := validation.IsDNS1123Subdomain(m.Host); len(problems) > 0 {
		return fmt.Errorf("the name of the host cluster, %q, must serve in the names of objects: %s; give another one with --host-cluster-name", m.Host, problems[0])
	}
	if problems := validation.IsDNS1123Subdomain(m.ServiceAccountName()); len(problems) > 0 {
		return fmt.Errorf("the name of the service account, %q: %s", m.ServiceAccountName(), problems[0])
	}
	return nil
}

// ServiceAccountName is the name of the service account in the member, and of the
// Secret with its token there, if it has one that lives forever.
func (m Membership) ServiceAccountName() string {
	return m.Cluster + "-" + m.Host
}

// RoleName is the name of the roles in the member, and of their bindings.
func (m Membership) RoleName() string {
	return "kubefed-controller-manager:" + m.ServiceAccountName()
}

// TokenRoleName is the name of the role, and of its binding, with which the
// federation renews its own token.
func (m Membership) TokenRoleName() string {
	return m.RoleName() + ":token"
}

// HealthCheckRoleName is the name of the cluster role, and of its binding, that a
// namespaced federation probes the member with.
func (m Membership) HealthCheckRoleName() string {
	return fmt.Sprintf("kubefed-controller-manager:%s:healthcheck-%s", m.Namespace, m.ServiceAccountName())
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: map[string]string{ManagedByLabel: ManagedBy}}
}

func (m Membership) namespaced(name string) metav1.ObjectMeta {
	object := meta(name)
	object.Namespace = m.Namespace
	return object
}

// SystemNamespace is the namespace of the federation in the member.
func (m Membership) SystemNamespace() *corev1.Namespace {
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: meta(m.Namespace),
	}
}

// ServiceAccount is who the federation is in the member. No pod is to be it.
func (m Membership) ServiceAccount() *corev1.ServiceAccount {
	automount := false
	return &corev1.ServiceAccount{
		TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:                   m.namespaced(m.ServiceAccountName()),
		AutomountServiceAccountToken: &automount,
	}
}

// ServiceAccountToken is the Secret into which the member puts a token that lives
// forever, where that is asked for.
func (m Membership) ServiceAccountToken() *corev1.Secret {
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: m.namespaced(m.ServiceAccountName()),
		Type:       corev1.SecretTypeServiceAccountToken,
	}
	secret.Annotations = map[string]string{corev1.ServiceAccountNameKey: m.ServiceAccountName()}
	return secret
}

// impersonation lets requests through KubeFedCluster/proxy arrive in the member as
// those of their users. The second rule is for UIDs and for what else is known of
// a user: names of these resources cannot be listed beforehand.
var impersonation = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"users", "groups", "serviceaccounts"}, Verbs: []string{"impersonate"}},
	{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"*"}, Verbs: []string{"impersonate"}},
}

// ClusterRoles are the rights of the federation in the whole member.
func (m Membership) ClusterRoles() []*rbacv1.ClusterRole {
	name, rules := m.RoleName(), m.clusterRules()
	if m.Scope == corev1beta1.NamespaceScoped {
		name, rules = m.HealthCheckRoleName(), probing
	}
	if m.AllowProxy {
		rules = append(rules, impersonation...)
	}
	return []*rbacv1.ClusterRole{{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: meta(name),
		Rules:      rules,
	}}
}

// ClusterRoleBindings bind each cluster role to the service account.
func (m Membership) ClusterRoleBindings() []*rbacv1.ClusterRoleBinding {
	var bindings []*rbacv1.ClusterRoleBinding
	for _, role := range m.ClusterRoles() {
		bindings = append(bindings, &rbacv1.ClusterRoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
			ObjectMeta: meta(role.Name),
			Subjects:   m.subjects(),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		})
	}
	return bindings
}

// Roles are the rights of the federation in the system namespace: to ask for
// tokens of its own service account, to note that it writes to the member, and for a
// namespaced federation all others.
func (m Membership) Roles() []*rbacv1.Role {
	roles := []*rbacv1.Role{m.role(m.TokenRoleName(), []rbacv1.PolicyRule{{
		APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"},
		ResourceNames: []string{m.ServiceAccountName()}, Verbs: []string{"create"},
	}}), m.role(m.OwnerRoleName(), owning)}
	if m.Scope == corev1beta1.NamespaceScoped {
		roles = append(roles, m.role(m.RoleName(), m.namespaceRules()))
	}
	return roles
}

func (m Membership) role(name string, rules []rbacv1.PolicyRule) *rbacv1.Role {
	return &rbacv1.Role{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "Role"},
		ObjectMeta: m.namespaced(name),
		Rules:      rules,
	}
}

// RoleBindings bind each role to the service account.
func (m Membership) RoleBindings() []*rbacv1.RoleBinding {
	var bindings []*rbacv1.RoleBinding
	for _, role := range m.Roles() {
		bindings = append(bindings, &rbacv1.RoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "RoleBinding"},
			ObjectMeta: m.namespaced(role.Name),
			Subjects:   m.subjects(),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		})
	}
	return bindings
}

func (m Membership) subjects() []rbacv1.Subject {
	return []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: m.Namespace, Name: m.ServiceAccountName()}}
}

// HostSecret is the Secret in the host with the token for the member. With an
// empty name the host makes one up. A token with a lifetime is to be renewed by
// the federation; 0 is one that lives forever.
func (m Membership) HostSecret(name string, token []byte, lifetime time.Duration) *corev1.Secret {
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: m.namespaced(name),
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{"token": token},
	}
	if name == "" {
		secret.GenerateName = m.Cluster + "-"
	}
	if lifetime > 0 {
		secret.Annotations = map[string]string{corev1beta1.TokenLifetimeAnnotation: lifetime.String()}
	}
	return secret
}
