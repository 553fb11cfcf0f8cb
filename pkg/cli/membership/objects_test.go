package membership

import (
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Impersonation is the right to be anybody: it is given where it was asked for,
// and nothing else is given with it.
func TestTheProxyNeedsTheRightToImpersonateAndNoOther(t *testing.T) {
	for _, scope := range []corev1beta1.ResourceScope{corev1beta1.ClusterScoped, corev1beta1.NamespaceScoped} {
		without := Membership{Cluster: "one", Host: "host", Namespace: "system", Scope: scope}
		with := without
		with.AllowProxy = true

		rules, more := without.ClusterRoles()[0].Rules, with.ClusterRoles()[0].Rules
		require.Equal(t, rules, more[:len(rules)])
		require.NotEmpty(t, more[len(rules):])
		for _, rule := range more[len(rules):] {
			require.Equal(t, []string{"impersonate"}, rule.Verbs)
			require.NotContains(t, rule.APIGroups, rbacv1.APIGroupAll)
		}
		require.Equal(t, without.Roles(), with.Roles())
	}
}
