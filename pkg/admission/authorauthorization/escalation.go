package authorauthorization

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "sigs.k8s.io/json"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

var (
	roles        = rbac("roles")
	clusterRoles = rbac("clusterroles")
)

func rbac(name string) resource {
	return resource{Group: rbacv1.GroupName, Resource: name}
}

// escalating are the resources that give rights. Their members are told by
// endpoint, not by kind.
var escalating = map[string]bool{"roles": true, "clusterroles": true, "rolebindings": false, "clusterrolebindings": false}

// isEscalating says whether objects of the type give rights, or could if an
// override gave them the group.
func (t *target) isEscalating() bool {
	_, named := escalating[t.resource.Resource]
	return named && t.resource.Group == rbacv1.GroupName
}

// granting is the part of a role or a binding that gives rights.
type granting struct {
	Rules           []rbacv1.PolicyRule     `json:"rules"`
	AggregationRule *rbacv1.AggregationRule `json:"aggregationRule"`
	RoleRef         rbacv1.RoleRef          `json:"roleRef"`
}

// everything is what a role holds that gathers the rules of others.
var everything = []rbacv1.PolicyRule{
	{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}},
	{Verbs: []string{"*"}, NonResourceURLs: []string{"*"}},
}

// checkEscalation lets nobody give rights in the members that they do not have in
// the host, by the rules that RBAC has for its own kinds: hold the rights, or have
// the verb escalate for a role, or bind for the role of a binding.
func (w *write) checkEscalation(ctx context.Context, t *target, obj *typesv1beta1.FederatedObject, v variants) error {
	isRole, named := escalating[t.resource.Resource]
	if !named || t.resource.Group != rbacv1.GroupName && !v.has(rbacv1.GroupName) {
		return nil
	}
	namespace := ""
	if t.namespaced {
		namespace = obj.Namespace
	}
	if isRole {
		return w.checkRole(ctx, question{verb: "escalate", resource: rbac(t.resource.Resource), namespace: namespace, name: obj.Name}, v)
	}
	return w.checkBinding(ctx, namespace, v)
}

func (w *write) checkRole(ctx context.Context, escalate question, v variants) error {
	if allowed, err := w.may(ctx, escalate); allowed || err != nil {
		return err
	}
	if v.incomplete {
		return w.refuse("spec.overrides: what rules the role has in the members cannot be told, as more than %d combinations of overrides are possible; %s", mostVariants, w.grant(escalate))
	}
	for _, object := range v.objects {
		var role granting
		if err := kjson.UnmarshalCaseSensitivePreserveInts(object.JSON, &role); err != nil {
			return w.refuse("spec.template: what rules the role has cannot be told: %v", err)
		}
		if role.AggregationRule != nil {
			role.Rules = append(role.Rules, everything...)
		}
		lacking, err := w.lacks(ctx, role.Rules, escalate.namespace)
		if err != nil {
			return err
		}
		if lacking != "" {
			return w.refuse("user %q must hold the rights that the role has in the members in the host cluster too, and lacks: %s; otherwise %s", w.author.GetName(), lacking, w.grant(escalate))
		}
	}
	return nil
}

// checkBinding asks whether the author may bind the roles. A ClusterRole of the
// host is taken for what it is in the members. A Role is not: its rules in the host
// are for the editors of its namespace to write, and prove nothing elsewhere.
func (w *write) checkBinding(ctx context.Context, namespace string, v variants) error {
	bind := question{verb: "bind", resource: clusterRoles, namespace: namespace}
	if v.incomplete {
		return w.needs(ctx, bind, fmt.Sprintf("spec.overrides: what role is bound in the members cannot be told, as more than %d combinations of overrides are possible", mostVariants), "bind")
	}
	for _, object := range v.objects {
		var binding granting
		if err := kjson.UnmarshalCaseSensitivePreserveInts(object.JSON, &binding); err != nil {
			return w.refuse("spec.template.roleRef: what role is bound cannot be told: %v", err)
		}
		bind.name = binding.RoleRef.Name
		switch {
		case binding.RoleRef.Name == "" || binding.RoleRef.APIGroup != "" && binding.RoleRef.APIGroup != rbacv1.GroupName:
			return w.refuse("spec.template.roleRef: must name a role of the group %s", rbacv1.GroupName)
		case binding.RoleRef.Kind == "Role" && namespace != "":
			bind.resource = roles
		case binding.RoleRef.Kind == "ClusterRole":
			bind.resource = clusterRoles
		default:
			return w.refuse("spec.template.roleRef.kind: must be ClusterRole, or Role in a RoleBinding")
		}
		if allowed, err := w.may(ctx, bind); err != nil {
			return err
		} else if allowed {
			continue
		}
		lacking, err := w.lacksOfRole(ctx, bind)
		if err != nil {
			return err
		}
		if lacking != "" {
			return w.refuse("user %q must be allowed to %s, or hold the rights of the role in the host cluster: %s; %s", w.author.GetName(), bind, lacking, w.grant(bind))
		}
	}
	return nil
}

// lacksOfRole says what the author lacks of the role that is bound.
func (w *write) lacksOfRole(ctx context.Context, bind question) (string, error) {
	if bind.resource != clusterRoles {
		return "the host's Role of that name says nothing of the members'", nil
	}
	role, err := w.roles.ClusterRoles().Get(ctx, bind.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return "the host has no ClusterRole of that name", nil
	case err != nil:
		return "", apierrors.NewServiceUnavailable(fmt.Sprintf("cannot tell what rights ClusterRole %q has in the host cluster: %v", bind.name, err))
	}
	return w.lacks(ctx, role.Rules, bind.namespace)
}

// has says whether an object is of a group.
func (v variants) has(group string) bool {
	for _, object := range v.objects {
		if gv, err := schema.ParseGroupVersion(object.APIVersion); err == nil && gv.Group == group {
			return true
		}
	}
	return false
}
