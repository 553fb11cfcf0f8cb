package authorauthorization

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/kubernetes"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

var jane = &user.DefaultInfo{Name: "jane", Groups: []string{user.AllAuthenticated}}

// grants are rules by namespace, "" being everywhere, matched as RBAC does. asked
// counts the questions.
type grants struct {
	rules map[string][]rbacv1.PolicyRule
	err   error
	asked []string
}

func (g *grants) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	g.asked = append(g.asked, strings.Join([]string{a.GetVerb(), a.GetAPIGroup(), a.GetResource(), a.GetSubresource(), a.GetNamespace(), a.GetName(), a.GetPath()}, "|"))
	if g.err != nil {
		return authorizer.DecisionNoOpinion, "", g.err
	}
	has := func(list []string, value string) bool {
		return slices.Contains(list, "*") || slices.Contains(list, value)
	}
	full := a.GetResource()
	if a.GetSubresource() != "" {
		full += "/" + a.GetSubresource()
	}
	for _, namespace := range []string{"", a.GetNamespace()} {
		for _, rule := range g.rules[namespace] {
			switch {
			case !has(rule.Verbs, a.GetVerb()):
			case !a.IsResourceRequest() && namespace == "" && has(rule.NonResourceURLs, a.GetPath()):
				return authorizer.DecisionAllow, "", nil
			case a.IsResourceRequest() && has(rule.APIGroups, a.GetAPIGroup()) && has(rule.Resources, full) &&
				(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, a.GetName())):
				return authorizer.DecisionAllow, "", nil
			}
		}
	}
	return authorizer.DecisionNoOpinion, "", nil
}

func rule(verbs, group, resource string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Split(verbs, ","), APIGroups: []string{group}, Resources: strings.Split(resource, ","), ResourceNames: names}
}

// kinds are what is federated, by name of the target.
type kinds map[string]corev1beta1.APIResource

var federated = kinds{
	"configmaps":          {Version: "v1", Kind: "ConfigMap", Scope: corev1beta1.NamespaceScoped},
	"namespaces":          {Version: "v1", Kind: "Namespace", Scope: corev1beta1.ClusterScoped},
	"deployments":         {Group: "apps", Version: "v1", Kind: "Deployment", Scope: corev1beta1.NamespaceScoped},
	"roles":               {Group: rbacv1.GroupName, Version: "v1", Kind: "Role", Scope: corev1beta1.NamespaceScoped},
	"clusterroles":        {Group: rbacv1.GroupName, Version: "v1", Kind: "ClusterRole", Scope: corev1beta1.ClusterScoped},
	"rolebindings":        {Group: rbacv1.GroupName, Version: "v1", Kind: "RoleBinding", Scope: corev1beta1.NamespaceScoped},
	"clusterrolebindings": {Group: rbacv1.GroupName, Version: "v1", Kind: "ClusterRoleBinding", Scope: corev1beta1.ClusterScoped},
}

func (k kinds) TypeConfig(resource string) (*corev1beta1.FederatedTypeConfig, bool) {
	plural := strings.TrimPrefix(resource, "federated")
	target, ok := k[plural]
	if !ok {
		return nil, false
	}
	target.PluralName = plural
	config := &corev1beta1.FederatedTypeConfig{}
	config.Spec.TargetType = target
	config.Spec.FederatedType = corev1beta1.APIResource{Group: "types.kubefed.io", Version: "v1beta1", Kind: "Federated" + target.Kind, PluralName: resource}
	return config, true
}

func (k kinds) TypeConfigOfKind(kind string) (*corev1beta1.FederatedTypeConfig, bool) {
	if k == nil {
		return nil, false
	}
	for plural := range k {
		if config, _ := k.TypeConfig("federated" + plural); config.Spec.FederatedType.Kind == kind {
			return config, true
		}
	}
	return nil, true
}

// host is one that has some ClusterRoles and the namespaces team (restricted) and
// open.
func newPlugin(t *testing.T, policy Policy, answers *grants) *Plugin {
	t.Helper()
	roles := map[string][]rbacv1.PolicyRule{
		"view":          {rule("get,list,watch", "", "configmaps")},
		"cluster-admin": everything,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name := req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:]
		rules, ok := roles[name]
		w.Header().Set("Content-Type", "application/json")
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(apierrors.NewNotFound(clusterRoles, name).ErrStatus)
			return
		}
		_ = json.NewEncoder(w).Encode(rbacv1.ClusterRole{TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"}, Rules: rules})
	}))
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON}})
	require.NoError(t, err)
	namespaces := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	require.NoError(t, namespaces.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}))
	require.NoError(t, namespaces.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "open"}}))

	p := New()
	require.Error(t, p.ValidateInitialization())
	Initializer{Policy: policy, Kinds: federated}.Initialize(p)
	p.SetUnconditionalAuthorizer(answers)
	p.SetExternalKubeClientSet(client)
	p.namespaces = corev1listers.NewNamespaceLister(namespaces)
	require.NoError(t, p.ValidateInitialization())
	return p
}

// object is a federated object of a type; spec is YAML.
func object(t *testing.T, plural, namespace, name, spec string) *typesv1beta1.FederatedObject {
	t.Helper()
	obj := &typesv1beta1.FederatedObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1}}
	if federated[plural].Scope == corev1beta1.ClusterScoped && plural != "namespaces" {
		obj.Namespace = ""
	}
	require.NoError(t, yaml.Unmarshal([]byte(spec), &obj.Spec))
	return obj
}

func attributes(author user.Info, resource, subresource string, obj, old runtime.Object) admission.Attributes {
	accessor := obj.(metav1.Object)
	operation := admission.Update
	if old == nil {
		operation = admission.Create
	}
	return admission.NewAttributesRecord(obj, old, schema.GroupVersionKind{}, accessor.GetNamespace(), accessor.GetName(),
		typesv1beta1.SchemeGroupVersion.WithResource(resource), subresource, operation, nil, true, author)
}

// write is checked as that of jane, who has some rules in the namespace team.
func validate(t *testing.T, rules []rbacv1.PolicyRule, resource string, obj, old runtime.Object) (*grants, error) {
	t.Helper()
	answers := &grants{rules: map[string][]rbacv1.PolicyRule{"team": rules}}
	return answers, newPlugin(t, Enforce, answers).Validate(t.Context(), attributes(jane, "federated"+resource, "", obj, old), nil)
}

func requireRefused(t *testing.T, err error, parts ...string) {
	t.Helper()
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	for _, part := range parts {
		require.ErrorContains(t, err, part)
	}
}

func TestObjects(t *testing.T) {
	base := object(t, "configmaps", "team", "mine", `{template: {data: {a: "1"}}, placement: {clusters: [{name: c1}]}}`)
	changed := func(change func(*typesv1beta1.FederatedObject)) *typesv1beta1.FederatedObject {
		obj := base.DeepCopy()
		change(obj)
		return obj
	}
	template := changed(func(o *typesv1beta1.FederatedObject) {
		o.Generation, o.Spec.Template.Raw = 2, []byte(`{"data":{"a":"2"}}`)
	})
	placed := changed(func(o *typesv1beta1.FederatedObject) { o.Generation, o.Spec.Placement.Clusters = 2, nil })
	for _, test := range []struct {
		name    string
		rules   []rbacv1.PolicyRule
		obj     *typesv1beta1.FederatedObject
		old     *typesv1beta1.FederatedObject
		asked   int
		refused string
	}{
		{name: "create without any right", obj: base, asked: 2, refused: `user "jane" must be allowed to create configmaps "mine" in the namespace "team"`},
		{name: "create with the right to create", rules: []rbacv1.PolicyRule{rule("create", "", "configmaps")}, obj: base, asked: 1},
		{name: "create with the right to this name", rules: []rbacv1.PolicyRule{rule("create", "", "configmaps", "mine")}, obj: base, asked: 2},
		{name: "create with the right to another name", rules: []rbacv1.PolicyRule{rule("create", "", "configmaps", "other")}, obj: base, asked: 2, refused: "create configmaps"},
		{name: "create with the right to another group's", rules: []rbacv1.PolicyRule{rule("create", "apps", "configmaps")}, obj: base, asked: 2, refused: "create configmaps"},
		{name: "update with the right to create", rules: []rbacv1.PolicyRule{rule("create", "", "configmaps")}, obj: template, old: base, asked: 2, refused: "update configmaps"},
		{name: "update with the right to update", rules: []rbacv1.PolicyRule{rule("update", "", "configmaps")}, obj: template, old: base, asked: 1},
		{name: "placement with the right to update", rules: []rbacv1.PolicyRule{rule("update", "", "configmaps")}, obj: placed, old: base, asked: 3, refused: "create configmaps"},
		{name: "placement with both", rules: []rbacv1.PolicyRule{rule("update,create", "", "configmaps")}, obj: placed, old: base, asked: 2},
		{name: "labels and orphaning", obj: changed(func(o *typesv1beta1.FederatedObject) {
			o.Labels, o.Annotations = map[string]string{"a": "b"}, map[string]string{typesv1beta1.OrphanAnnotation: "true"}
		}), old: base},
		{name: "the record of a plan for replicas", obj: changed(func(o *typesv1beta1.FederatedObject) {
			o.Annotations = map[string]string{"kubefed.io/replica-scheduling": `{"before":{"overrides":{"c1":{"path":"/data"}}}}`}
		}), old: base, asked: 2, refused: "update configmaps"},
		{name: "an override of apiVersion that keeps the group", rules: []rbacv1.PolicyRule{rule("create", "", "configmaps")}, asked: 1,
			obj: object(t, "configmaps", "team", "mine", `{template: {}, overrides: [{clusterName: c1, clusterOverrides: [{path: /apiVersion, value: v2}]}]}`)},
		{name: "an override of apiVersion to another group", rules: []rbacv1.PolicyRule{rule("create", "", "configmaps")}, asked: 3, refused: "create configmaps.example.com",
			obj: object(t, "configmaps", "team", "mine", `{template: {}, overrides: [{clusterName: c1, clusterOverrides: [{path: apiVersion, value: example.com/v1}]}]}`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			var old runtime.Object
			if test.old != nil {
				old = test.old
			}
			answers, err := validate(t, test.rules, "configmaps", test.obj, old)
			require.Len(t, answers.asked, test.asked, "%q", answers.asked)
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			requireRefused(t, err, test.refused, "a cluster administrator can grant it: kubectl create role NAME -n team --verb=", "--user=\"jane\"")
		})
	}
}

// warnings are those that an author gets.
type warnings []string

// AddWarning implements warning.Recorder.
func (w *warnings) AddWarning(_, text string) { *w = append(*w, text) }

func TestPolicies(t *testing.T) {
	obj := object(t, "configmaps", "team", "mine", `{template: {}}`)
	asJane := attributes(jane, "federatedconfigmaps", "", obj, nil)
	none := &grants{}
	require.NoError(t, newPlugin(t, Off, none).Validate(t.Context(), asJane, nil))
	require.Empty(t, none.asked)
	warned := &warnings{}
	require.NoError(t, newPlugin(t, Warn, none).Validate(warning.WithWarningRecorder(t.Context(), warned), asJane, nil))
	require.Len(t, *warned, 1)
	require.Contains(t, (*warned)[0], `user "jane" must be allowed to create configmaps`)

	unasked := &grants{err: errors.New("not to be asked")}
	master := &user.DefaultInfo{Name: "root", Groups: []string{user.SystemPrivilegedGroup}}
	require.NoError(t, newPlugin(t, Enforce, unasked).Validate(t.Context(), attributes(master, "federatedconfigmaps", "", obj, nil), nil))
	require.Empty(t, unasked.asked)
	named := &user.DefaultInfo{Name: user.APIServerUser}
	requireRefused(t, newPlugin(t, Enforce, none).Validate(t.Context(), attributes(named, "federatedconfigmaps", "", obj, nil), nil))
	requireRefused(t, newPlugin(t, Enforce, none).Validate(t.Context(), attributes(nil, "federatedconfigmaps", "", obj, nil), nil))

	err := newPlugin(t, Enforce, &grants{err: errors.New("no answer")}).Validate(t.Context(), asJane, nil)
	require.True(t, apierrors.IsServiceUnavailable(err), "no answer is not yes: %v", err)
	ended, end := context.WithCancel(t.Context())
	end()
	err = newPlugin(t, Enforce, none).Validate(ended, asJane, nil)
	require.True(t, apierrors.IsServiceUnavailable(err), "%v", err)
	require.NoError(t, newPlugin(t, Enforce, none).Validate(t.Context(), attributes(jane, "federatedconfigmaps", "status", obj, obj), nil), "the right to /status is all")
	gone := attributes(jane, "federatedgone", "", obj, nil)
	require.True(t, apierrors.IsServiceUnavailable(newPlugin(t, Enforce, none).Validate(t.Context(), gone, nil)))
}

// BenchmarkWrite is what one write costs in this process when the answers are known.
func BenchmarkWrite(b *testing.B) {
	obj := &typesv1beta1.FederatedObject{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "mine"}}
	p := New()
	p.policy, p.kinds = Enforce, federated
	p.authorizer = authorizer.AuthorizerFunc(func(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
		return authorizer.DecisionAllow, "", nil
	})
	request := attributes(jane, "federatedconfigmaps", "", obj, nil)
	for b.Loop() {
		if err := p.Validate(b.Context(), request, nil); err != nil {
			b.Fatal(err)
		}
	}
}
