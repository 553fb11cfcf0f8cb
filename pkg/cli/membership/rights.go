package membership

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Rights are what the federation may do in a member.
type Rights struct {
	// All rights, as KubeFed has them.
	All bool
	// Types that are federated, unless All is set.
	Types []Type
}

// Type is one whose objects the federation writes.
type Type struct {
	// Group is empty for core types.
	Group string
	// Plural is the resource.
	Plural string
	// Namespaced says whether its objects are in namespaces.
	Namespaced bool
}

// Name returns PLURAL.GROUP, or PLURAL for a core type.
func (t Type) Name() string {
	if t.Group == "" {
		return t.Plural
	}
	return t.Plural + "." + t.Group
}

// RightsFor returns the rights that the types of a federation need.
func RightsFor(configs []corev1beta1.FederatedTypeConfig) Rights {
	var rights Rights
	for i := range configs {
		target := configs[i].Spec.TargetType
		rights.Types = append(rights.Types, Type{Group: target.Group, Plural: target.PluralName, Namespaced: target.Scope != corev1beta1.ClusterScoped})
	}
	slices.SortFunc(rights.Types, func(a, b Type) int { return cmp.Compare(a.Name(), b.Name()) })
	rights.Types = slices.Compact(rights.Types)
	return rights
}

// String returns what MemberRightsAnnotation says of the rights.
func (r Rights) String() string {
	if r.All {
		return corev1beta1.MemberRightsAll
	}
	names := make([]string, len(r.Types))
	for i, t := range r.Types {
		names[i] = t.Name()
	}
	return strings.Join(names, ",")
}

// Lacks says whether rights as MemberRightsAnnotation tells them do not have a type.
// Without the annotation nothing is known, and nothing said.
func Lacks(annotations map[string]string, plural, group string) bool {
	told, ok := annotations[corev1beta1.MemberRightsAnnotation]
	return ok && told != corev1beta1.MemberRightsAll && !slices.Contains(strings.Split(told, ","), Type{Group: group, Plural: plural}.Name())
}

var everything = rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}

// What is done with the objects of a federated type: copies are listed and
// watched, read once more before they are removed, written by server-side apply,
// which creates and patches, and deleted. Nothing is updated.
var writing = []string{"create", "delete", "get", "list", "patch", "watch"}

// reading is for what the federation only looks at.
var reading = []string{"get", "list", "watch"}

// observed is what the federation looks at in every member besides copies: pods,
// for replicas that do not get scheduled; addresses and ready endpoints of copied
// services and ingresses, for DNS.
var observed = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"pods", "services"}, Verbs: reading},
	{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: reading},
	{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses"}, Verbs: reading},
}

// probing is for the health of the member, its version, what it serves, and where
// its nodes are.
var probing = []rbacv1.PolicyRule{
	{NonResourceURLs: []string{"/healthz", "/version", "/api", "/api/*", "/apis", "/apis/*"}, Verbs: []string{"get"}},
	{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"list"}},
}

// typeRules are the rights to write types, a rule per group.
func typeRules(types []Type) []rbacv1.PolicyRule {
	byGroup := map[string][]string{}
	for _, t := range types {
		byGroup[t.Group] = append(byGroup[t.Group], t.Plural)
	}
	var rules []rbacv1.PolicyRule
	for _, group := range slices.Sorted(maps.Keys(byGroup)) {
		slices.Sort(byGroup[group])
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: byGroup[group], Verbs: writing})
	}
	return append(rules, escalating(byGroup[rbacv1.GroupName])...)
}

// escalating lets the federation write roles with rights that it does not have
// itself, and bind them: a member refuses both to others. So whoever federates one
// of these types lets the federation give any right in its members.
func escalating(resources []string) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	written, bound := []string{}, false
	for _, resource := range resources {
		switch resource {
		case "clusterroles", "roles":
			written = append(written, resource)
		case "clusterrolebindings", "rolebindings":
			bound = true
		}
	}
	if len(written) > 0 {
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: written, Verbs: []string{"escalate"}})
	}
	if bound {
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"clusterroles", "roles"}, Verbs: []string{"bind"}})
	}
	return rules
}

// clusterRules are the rights in the whole member.
func (m Membership) clusterRules() []rbacv1.PolicyRule {
	if m.Rights.All {
		return []rbacv1.PolicyRule{everything, {NonResourceURLs: []string{"*"}, Verbs: []string{"get"}}}
	}
	return slices.Concat(typeRules(m.Rights.Types), observed, probing)
}

// namespaceRules are the rights of a namespaced federation in its namespace.
func (m Membership) namespaceRules() []rbacv1.PolicyRule {
	if m.Rights.All {
		return []rbacv1.PolicyRule{everything}
	}
	namespaced := slices.DeleteFunc(slices.Clone(m.Rights.Types), func(t Type) bool { return !t.Namespaced })
	return slices.Concat(typeRules(namespaced), observed)
}
