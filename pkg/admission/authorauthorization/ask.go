package authorauthorization

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

type resource = schema.GroupResource

// question is about a right in the host.
type question struct {
	verb        string
	resource    resource
	subresource string
	namespace   string
	name        string
	// path is that of a question about what is no resource.
	path string
}

func (q question) attributes(w *write) authorizer.AttributesRecord {
	if q.path != "" {
		return authorizer.AttributesRecord{User: w.author, Verb: q.verb, Path: q.path}
	}
	return authorizer.AttributesRecord{
		User: w.author, Verb: q.verb, Namespace: q.namespace, Name: q.name,
		APIGroup: q.resource.Group, APIVersion: "*", Resource: q.resource.Resource, Subresource: q.subresource,
		ResourceRequest: true,
	}
}

// has asks one question. An error means that there is no answer, which never
// stands for yes.
func (w *write) has(ctx context.Context, q question) (bool, error) {
	decision, _, err := w.authorizer.Authorize(ctx, q.attributes(w))
	if decision == authorizer.DecisionAllow {
		return true, nil
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return false, apierrors.NewServiceUnavailable(fmt.Sprintf("cannot tell whether user %q may %s in the host cluster: %v", w.author.GetName(), q, err))
	}
	return false, nil
}

// may asks about a named object: first without the name, as one answer then holds
// for all objects, and then with it, for rights to some names only.
func (w *write) may(ctx context.Context, q question) (bool, error) {
	any := q
	any.name = ""
	if isNamespaces(q.resource) {
		any.namespace = "" // a namespace is in itself, and all of them are nowhere
	}
	if any == q {
		return w.has(ctx, q)
	}
	if allowed, err := w.has(ctx, any); allowed || err != nil {
		return allowed, err
	}
	return w.has(ctx, q)
}

// needs refuses the write unless its author has every verb on a resource. why says
// what the right is for.
func (w *write) needs(ctx context.Context, q question, why string, verbs ...string) error {
	for _, verb := range verbs {
		q.verb = verb
		allowed, err := w.may(ctx, q)
		if err != nil {
			return err
		}
		if !allowed {
			return w.refuse("user %q must be allowed to %s in the host cluster: %s; %s", w.author.GetName(), q, why, w.grant(q, verbs...))
		}
	}
	return nil
}

// String says what the question is about, as in "may ...".
func (q question) String() string {
	if q.path != "" {
		return fmt.Sprintf("%s %s", q.verb, q.path)
	}
	what := q.verb + " " + q.full()
	if q.name != "" {
		what += fmt.Sprintf(" %q", q.name)
	}
	if q.namespace != "" && !isNamespaces(q.resource) {
		what += fmt.Sprintf(" in the namespace %q", q.namespace)
	}
	return what
}

// full is the resource as kubectl takes it.
func (q question) full() string {
	full := q.resource.String()
	if q.subresource != "" {
		full += "/" + q.subresource
	}
	return full
}

// grant says what a cluster administrator can do about a missing right.
func (w *write) grant(q question, verbs ...string) string {
	if len(verbs) == 0 {
		verbs = []string{q.verb}
	}
	kind, namespace := "role", " -n "+q.namespace
	if q.namespace == "" || isNamespaces(q.resource) {
		kind, namespace = "clusterrole", ""
	}
	// Of what a cluster has once, a name is enough and all of them are a lot.
	only := ""
	if kind == "clusterrole" {
		only = " --resource-name=" + q.name
	}
	return fmt.Sprintf("a cluster administrator can grant it: kubectl create %s NAME%s --verb=%s --resource=%s%s && kubectl create %sbinding NAME%s --%s=NAME %s",
		kind, namespace, strings.Join(slices.Compact(slices.Clone(verbs)), ","), q.full(), only, kind, namespace, kind, w.subject())
}

// subject is the author as kubectl create rolebinding takes it.
func (w *write) subject() string {
	if namespace, name, err := serviceaccount.SplitUsername(w.author.GetName()); err == nil {
		return fmt.Sprintf("--serviceaccount=%s:%s", namespace, name)
	}
	return fmt.Sprintf("--user=%q", w.author.GetName())
}

func isNamespaces(r resource) bool {
	return r == resource{Resource: "namespaces"}
}
