package membership

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"pgregory.net/rapid"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

func enabled(types ...Type) []corev1beta1.FederatedTypeConfig {
	configs := make([]corev1beta1.FederatedTypeConfig, len(types))
	for i, t := range types {
		scope := corev1beta1.ClusterScoped
		if t.Namespaced {
			scope = corev1beta1.NamespaceScoped
		}
		configs[i].Spec.TargetType = corev1beta1.APIResource{Group: t.Group, PluralName: t.Plural, Scope: scope}
	}
	return configs
}

func allows(rules []rbacv1.PolicyRule, verb, group, resource string) bool {
	has := func(values []string, value string) bool {
		for _, v := range values {
			if v == value || v == "*" {
				return true
			}
		}
		return false
	}
	for _, rule := range rules {
		if has(rule.Verbs, verb) && has(rule.APIGroups, group) && has(rule.Resources, resource) {
			return true
		}
	}
	return false
}

var known = []Type{
	{"", "configmaps", true}, {"", "secrets", true}, {"", "namespaces", false}, {"apps", "deployments", true}, {"apps", "replicasets", true},
	{"example.com", "widgets", false}, {rbacv1.GroupName, "roles", true}, {rbacv1.GroupName, "clusterroles", false},
	{rbacv1.GroupName, "rolebindings", true}, {rbacv1.GroupName, "clusterrolebindings", false},
}

// Types that are enabled can be written, others cannot, and no rule has a wildcard.
func TestRightsAreThoseForTheEnabledTypes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		types := rapid.SliceOfN(rapid.SampledFrom(known), 0, 12).Draw(t, "types")
		in := map[Type]bool{}
		for _, one := range types {
			in[one] = true
		}
		rights := RightsFor(enabled(types...))
		whole := Membership{Rights: rights}.clusterRules()
		confined := Membership{Rights: rights, Scope: corev1beta1.NamespaceScoped}.namespaceRules()
		for _, one := range known {
			for _, verb := range writing {
				require.Equal(t, in[one], allows(whole, verb, one.Group, one.Plural), "%s %s", verb, one.Name())
				require.Equal(t, in[one] && one.Namespaced, allows(confined, verb, one.Group, one.Plural), "%s %s in its namespace", verb, one.Name())
			}
			require.False(t, allows(whole, "deletecollection", one.Group, one.Plural))
			require.Equal(t, !in[one], Lacks(map[string]string{corev1beta1.MemberRightsAnnotation: rights.String()}, one.Plural, one.Group))
			writesRoles := one.Group == rbacv1.GroupName && (one.Plural == "roles" || one.Plural == "clusterroles")
			require.Equal(t, in[one] && writesRoles, allows(whole, "escalate", one.Group, one.Plural))
		}
		binds := in[known[8]] || in[known[9]]
		require.Equal(t, binds, allows(whole, "bind", rbacv1.GroupName, "clusterroles"))
		for _, verb := range []string{"impersonate", "update", "create"} {
			require.False(t, allows(whole, verb, "", "users"))
			require.False(t, allows(whole, verb, "", "nodes"))
		}
		for _, rule := range append(whole, confined...) {
			for _, values := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs} {
				require.NotContains(t, values, "*")
			}
		}
	})
}

func TestAllRightsAreThoseOfKubeFed(t *testing.T) {
	rights := Rights{All: true}
	require.Equal(t, "all", rights.String())
	require.True(t, allows(Membership{Rights: rights}.clusterRules(), "impersonate", "", "users"))
	require.False(t, Lacks(map[string]string{corev1beta1.MemberRightsAnnotation: "all"}, "configmaps", ""))
	require.False(t, Lacks(nil, "configmaps", ""), "what is not known is not said")
}

func TestTheTokenOfTheAccountIsItsOwnAlone(t *testing.T) {
	m := Membership{Cluster: "a", Host: "host", Namespace: "system"}
	require.Len(t, m.Roles(), 2)
	rules := m.Roles()[0].Rules
	require.Equal(t, []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, ResourceNames: []string{"a-host"}, Verbs: []string{"create"}}}, rules)
	for _, rule := range m.Roles()[1].Rules {
		require.Equal(t, []string{"leases"}, rule.Resources)
		if !slices.Equal([]string{"create"}, rule.Verbs) {
			require.Equal(t, []string{"federation-owner"}, rule.ResourceNames, "no other Lease can be read or changed")
		}
	}
}
