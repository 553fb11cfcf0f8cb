package authorauthorization

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/scheduling"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// writers may write everything that gives rights.
var writers = rule("create,update", rbacv1.GroupName, "roles,clusterroles,rolebindings,clusterrolebindings")

func TestEscalation(t *testing.T) {
	secretReader := `{verbs: [get], apiGroups: [""], resources: [secrets]}`
	override := func(entry, path, value string) string {
		return fmt.Sprintf(`{%s, clusterOverrides: [{path: %s, value: %s}]}`, entry, path, value)
	}
	readsSecrets, readsMaps := rule("get,list,watch", "", "secrets"), rule("get,list,watch", "", "configmaps")
	for _, test := range []struct {
		name, plural, spec string
		rules              []rbacv1.PolicyRule
		everywhere         []rbacv1.PolicyRule
		refused            string
	}{
		{name: "a role with rights that the author has", plural: "roles", spec: `{template: {rules: [` + secretReader + `]}}`, rules: []rbacv1.PolicyRule{readsSecrets}},
		{name: "a role with others", plural: "roles", spec: `{template: {rules: [` + secretReader + `]}}`, refused: `lacks: get secrets in the namespace "team"`},
		{name: "a role without rules", plural: "roles", spec: `{template: {}}`},
		{name: "a wildcard is not all that one has", plural: "roles", spec: `{template: {rules: [{verbs: ["*"], apiGroups: [""], resources: [secrets]}]}}`,
			rules: []rbacv1.PolicyRule{readsSecrets, rule("create,update,patch,delete,deletecollection", "", "secrets")}, refused: "lacks: * secrets"},
		{name: "with the verb escalate", plural: "roles", spec: `{template: {rules: [` + secretReader + `]}}`, rules: []rbacv1.PolicyRule{rule("escalate", rbacv1.GroupName, "roles")}},
		{name: "with the verb escalate for another name", plural: "roles", spec: `{template: {rules: [` + secretReader + `]}}`, rules: []rbacv1.PolicyRule{rule("escalate", rbacv1.GroupName, "roles", "x")}, refused: "lacks"},
		{name: "rules in an override", plural: "roles", spec: `{template: {rules: []}, overrides: [` + override("clusterName: c1", "/rules", "["+secretReader+"]") + `]}`, refused: "lacks: get secrets"},
		{name: "rules that two overrides make together", plural: "roles", rules: []rbacv1.PolicyRule{readsMaps, rule("list", "", "secrets")}, refused: "lacks: get secrets",
			spec: `{template: {rules: [{verbs: [list], apiGroups: [""], resources: [configmaps]}]}, overrides: [` +
				override(`name: a, clusterSelector: {matchLabels: {a: b}}`, "/rules/0/verbs", "[get]") + "," + override(`clusterName: c1`, "/rules/0/resources", "[secrets]") + `]}`},
		{name: "rules of overrides that never meet", plural: "roles", rules: []rbacv1.PolicyRule{readsMaps, rule("list", "", "secrets")},
			spec: `{template: {rules: [{verbs: [list], apiGroups: [""], resources: [configmaps]}]}, overrides: [` +
				override(`clusterName: c2`, "/rules/0/verbs", "[get]") + "," + override(`clusterName: c1`, "/rules/0/resources", "[secrets]") + `]}`},
		{name: "a name taken off a rule", plural: "roles", rules: []rbacv1.PolicyRule{rule("get", "", "secrets", "one")}, refused: "lacks: get secrets in",
			spec: `{template: {rules: [{verbs: [get], apiGroups: [""], resources: [secrets], resourceNames: [one]}]}, overrides: [{clusterName: c1, clusterOverrides: [{op: remove, path: /rules/0/resourceNames}]}]}`},
		{name: "a key in another case is another key", plural: "roles", spec: `{template: {rules: [` + secretReader + `], Rules: []}}`, refused: "lacks"},
		{name: "too many combinations to look at", plural: "roles", spec: `{template: {rules: []}, overrides: [` + manySelectors(11) + `]}`, refused: "cannot be told"},
		{name: "too many rights to ask for", plural: "roles", spec: `{template: {rules: [{verbs: [a,b,c,d,e,f,g], apiGroups: ["","x","y"], resources: [` + strings.Repeat("r,", 30) + `r]}]}}`, refused: "too many to be asked for"},
		{name: "a cluster role is held everywhere", plural: "clusterroles", spec: `{template: {rules: [` + secretReader + `]}}`, rules: []rbacv1.PolicyRule{readsSecrets}, everywhere: []rbacv1.PolicyRule{writers}, refused: "lacks: get secrets"},
		{name: "a cluster role that is", plural: "clusterroles", spec: `{template: {rules: [` + secretReader + `]}}`, everywhere: []rbacv1.PolicyRule{writers, readsSecrets}},
		{name: "a path", plural: "clusterroles", spec: `{template: {rules: [{verbs: [get], nonResourceURLs: [/metrics]}]}}`, everywhere: []rbacv1.PolicyRule{writers}, refused: "lacks: get /metrics"},
		{name: "a role that gathers others", plural: "clusterroles", spec: `{template: {aggregationRule: {clusterRoleSelectors: [{}]}}}`, everywhere: []rbacv1.PolicyRule{writers, readsSecrets}, refused: "lacks: * *"},
		{name: "a role that gathers others, of one who has everything", plural: "clusterroles", spec: `{template: {aggregationRule: {clusterRoleSelectors: [{}]}}}`, everywhere: everything},

		{name: "a binding to a role that the author holds", plural: "rolebindings", spec: `{template: {roleRef: {kind: ClusterRole, name: view}}}`, rules: []rbacv1.PolicyRule{readsMaps}},
		{name: "a binding to a role that the author does not hold", plural: "rolebindings", spec: `{template: {roleRef: {kind: ClusterRole, name: cluster-admin}}}`, rules: []rbacv1.PolicyRule{readsMaps},
			refused: `must be allowed to bind clusterroles.rbac.authorization.k8s.io "cluster-admin" in the namespace "team"`},
		{name: "a binding with the verb bind", plural: "rolebindings", spec: `{template: {roleRef: {kind: ClusterRole, name: cluster-admin}}}`, rules: []rbacv1.PolicyRule{rule("bind", rbacv1.GroupName, "clusterroles", "cluster-admin")}},
		{name: "a binding to no role of the host", plural: "rolebindings", spec: `{template: {roleRef: {kind: ClusterRole, name: unknown}}}`, refused: "the host has no ClusterRole of that name"},
		{name: "a binding to a Role, which the author could have made", plural: "rolebindings", spec: `{template: {roleRef: {kind: Role, name: view}}}`, rules: []rbacv1.PolicyRule{readsMaps}, refused: "says nothing of the members'"},
		{name: "a binding to a Role with the verb bind", plural: "rolebindings", spec: `{template: {roleRef: {kind: Role, name: view}}}`, rules: []rbacv1.PolicyRule{rule("bind", rbacv1.GroupName, "roles")}},
		{name: "a binding that an override makes another", plural: "rolebindings", rules: []rbacv1.PolicyRule{readsMaps}, refused: `"cluster-admin"`,
			spec: `{template: {roleRef: {kind: ClusterRole, name: view}}, overrides: [` + override("clusterName: c1", "/roleRef/name", "cluster-admin") + `]}`},
		{name: "a binding to nothing", plural: "rolebindings", spec: `{template: {}}`, refused: "roleRef"},
		{name: "a binding to what is no role", plural: "rolebindings", spec: `{template: {roleRef: {kind: Group, name: view}}}`, refused: "roleRef.kind"},
		{name: "a binding everywhere to a role held in a namespace", plural: "clusterrolebindings", spec: `{template: {roleRef: {kind: ClusterRole, name: view}}}`, rules: []rbacv1.PolicyRule{readsMaps}, everywhere: []rbacv1.PolicyRule{writers}, refused: "bind clusterroles"},
		{name: "a binding everywhere to a role held everywhere", plural: "clusterrolebindings", spec: `{template: {roleRef: {kind: ClusterRole, name: view}}}`, everywhere: []rbacv1.PolicyRule{writers, readsMaps}},
	} {
		t.Run(test.name, func(t *testing.T) {
			obj := object(t, test.plural, "team", "mine", test.spec)
			answers := &grants{rules: map[string][]rbacv1.PolicyRule{"team": append(test.rules, writers), "": test.everywhere}}
			err := newPlugin(t, Enforce, answers).Validate(t.Context(), attributes(jane, "federated"+test.plural, "", obj, nil), nil)
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			requireRefused(t, err, test.refused)
		})
	}
}

func manySelectors(count int) string {
	var entries []string
	for i := range count {
		entries = append(entries, fmt.Sprintf(`{name: s%d, clusterSelector: {}, clusterOverrides: [{path: /metadata/annotations, value: {}}]}`, i))
	}
	return strings.Join(entries, ",")
}

func TestPodSecurity(t *testing.T) {
	spec := func(labels string) string { return `{template: {metadata: {labels: {` + labels + `}}}}` }
	const enforce = "pod-security.kubernetes.io/enforce"
	for _, test := range []struct {
		name, namespace, before, spec string
		relax                         bool
		refused                       string
	}{
		{name: "no labels", namespace: "team", spec: `{}`},
		{name: "other labels", namespace: "team", spec: spec(`a: b`)},
		{name: "the host's", namespace: "team", spec: spec(enforce + `: restricted`)},
		{name: "other than the host's", namespace: "team", spec: spec(enforce + `: privileged`), refused: `is not that of the host's namespace, "restricted"`},
		{name: "where the host has none", namespace: "open", spec: spec(enforce + `: privileged`), refused: `the host's namespace, none`},
		{name: "with the right", namespace: "team", spec: spec(enforce + `: privileged`), relax: true},
		{name: "another of the kind", namespace: "team", spec: spec(`pod-security.kubernetes.io/warn: privileged`), refused: "pod-security.kubernetes.io/warn"},
		{name: "by an override", namespace: "team", refused: `"privileged"`,
			spec: `{template: {metadata: {labels: {` + enforce + `: restricted}}}, overrides: [{clusterName: c1, clusterOverrides: [{path: /metadata/labels/pod-security.kubernetes.io~1enforce, value: privileged}]}]}`},
		{name: "by an override of all labels", namespace: "team", refused: `"baseline"`,
			spec: `{template: {}, overrides: [{name: s, clusterSelector: {}, clusterOverrides: [{path: /metadata/labels, value: {` + enforce + `: baseline}}]}]}`},
		{name: "the host's, in one cluster", namespace: "team",
			spec: `{template: {}, overrides: [{clusterName: c1, clusterOverrides: [{path: /metadata/labels, value: {` + enforce + `: restricted}}]}]}`},
		{name: "taken away", namespace: "team", before: spec(enforce + `: restricted`), spec: `{}`, refused: "in the members, none, is not"},
		{name: "what was said already", namespace: "team", before: spec(enforce + `: privileged`), spec: spec(enforce + `: privileged, a: b`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			obj := object(t, "namespaces", test.namespace, test.namespace, test.spec)
			var old runtime.Object
			if test.before != "" {
				before := object(t, "namespaces", test.namespace, test.namespace, test.before)
				obj.Generation, old = 2, before
			}
			rules := []rbacv1.PolicyRule{rule("create,update", "", "namespaces")}
			if test.relax {
				rules = append(rules, rule("relax-pod-security", "types.kubefed.io", "federatednamespaces", test.namespace))
			}
			answers := &grants{rules: map[string][]rbacv1.PolicyRule{"": rules}}
			err := newPlugin(t, Enforce, answers).Validate(t.Context(), attributes(jane, "federatednamespaces", "", obj, old), nil)
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			requireRefused(t, err, test.refused, "--verb=relax-pod-security --resource=federatednamespaces.types.kubefed.io")
		})
	}
}

func TestNamespacesAreOfTheCluster(t *testing.T) {
	obj := object(t, "namespaces", "team", "team", `{placement: {clusterSelector: {}}}`)
	answers, err := validate(t, nil, "namespaces", obj, nil)
	requireRefused(t, err, `create namespaces "team" in the host`, "kubectl create clusterrole NAME --verb=create --resource=namespaces --resource-name=team")
	require.Equal(t, []string{"create||namespaces||||", "create||namespaces||team|team|"}, answers.asked)
	_, err = validate(t, []rbacv1.PolicyRule{rule("create", "", "namespaces", "team")}, "namespaces", obj, nil)
	require.NoError(t, err)
}

func TestScale(t *testing.T) {
	scale := func(replicas int32) *autoscalingv1.Scale {
		return &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "web"}, Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	}
	for name, test := range map[string]struct {
		rules   []rbacv1.PolicyRule
		to      int32
		refused string
	}{
		"who may scale the target":  {rules: []rbacv1.PolicyRule{rule("update", "apps", "deployments/scale")}, to: 3},
		"who may change the target": {rules: []rbacv1.PolicyRule{rule("update", "apps", "deployments")}, to: 3},
		"who may do neither":        {to: 3, refused: "update deployments.apps"},
		"nothing new":               {to: 2},
	} {
		t.Run(name, func(t *testing.T) {
			answers := &grants{rules: map[string][]rbacv1.PolicyRule{"team": test.rules}}
			err := newPlugin(t, Enforce, answers).Validate(t.Context(), attributes(jane, "federateddeployments", "scale", scale(test.to), scale(2)), nil)
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			requireRefused(t, err, test.refused)
		})
	}
}

func TestPreferences(t *testing.T) {
	preference := &scheduling.ReplicaSchedulingPreference{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "web", Generation: 2}}
	preference.Spec.TargetKind = "FederatedDeployment"
	same := preference.DeepCopy()
	older := preference.DeepCopy()
	older.Generation = 1
	unknown := preference.DeepCopy()
	unknown.Spec.TargetKind = "FederatedGone"
	all := []rbacv1.PolicyRule{rule("update", "types.kubefed.io", "federateddeployments"), rule("update,create", "apps", "deployments")}
	for name, test := range map[string]struct {
		rules    []rbacv1.PolicyRule
		obj, old *scheduling.ReplicaSchedulingPreference
		refused  string
	}{
		"nobody":                         {obj: preference, refused: "update federateddeployments.types.kubefed.io"},
		"who may write the object only":  {obj: preference, rules: all[:1], refused: "update deployments.apps"},
		"who may write the target only":  {obj: preference, rules: all[1:], refused: "update federateddeployments"},
		"who may write both":             {obj: preference, rules: all},
		"a change":                       {obj: preference, old: older, refused: "update federateddeployments"},
		"metadata":                       {obj: preference, old: same},
		"a kind that is not enabled":     {obj: unknown, rules: all, refused: "spec.targetKind"},
		"who may not make what is moved": {obj: preference, rules: []rbacv1.PolicyRule{all[0], rule("update", "apps", "deployments")}, refused: "create deployments.apps"},
	} {
		t.Run(name, func(t *testing.T) {
			var old runtime.Object
			operation := admission.Create
			if test.old != nil {
				old, operation = test.old, admission.Update
			}
			answers := &grants{rules: map[string][]rbacv1.PolicyRule{"team": test.rules}}
			err := newPlugin(t, Enforce, answers).Validate(t.Context(), admission.NewAttributesRecord(test.obj, old,
				scheduling.SchemeGroupVersion.WithKind("ReplicaSchedulingPreference"), "team", "web",
				scheduling.SchemeGroupVersion.WithResource("replicaschedulingpreferences"), "", operation, nil, false, jane), nil)
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			requireRefused(t, err, test.refused)
		})
	}
}

func TestLabelsOfClusters(t *testing.T) {
	cluster := func(labels map[string]string) *core.KubeFedCluster {
		return &core.KubeFedCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "c1", Labels: labels}}
	}
	eu := map[string]string{"region": "eu"}
	may := []rbacv1.PolicyRule{rule("label-for-placement", "core.kubefed.io", "kubefedclusters")}
	for name, test := range map[string]struct {
		rules   []rbacv1.PolicyRule
		labels  map[string]string
		old     *core.KubeFedCluster
		refused bool
	}{
		"joined without":     {},
		"joined with":        {labels: eu, refused: true},
		"joined with, may":   {labels: eu, rules: may},
		"other labels":       {labels: eu, old: cluster(nil), refused: true},
		"other labels, may":  {labels: eu, old: cluster(nil), rules: may},
		"labels taken away":  {old: cluster(eu), refused: true},
		"the same labels":    {labels: eu, old: cluster(eu)},
		"may change it only": {labels: eu, old: cluster(nil), rules: []rbacv1.PolicyRule{rule("update,patch", "core.kubefed.io", "kubefedclusters")}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			var old runtime.Object
			operation := admission.Create
			if test.old != nil {
				old, operation = test.old, admission.Update
			}
			answers := &grants{rules: map[string][]rbacv1.PolicyRule{"team": test.rules}}
			err := newPlugin(t, Enforce, answers).Validate(t.Context(), admission.NewAttributesRecord(cluster(test.labels), old,
				core.SchemeGroupVersion.WithKind("KubeFedCluster"), "team", "c1", core.SchemeGroupVersion.WithResource("kubefedclusters"), "", operation, nil, false, jane), nil)
			if !test.refused {
				require.NoError(t, err)
				return
			}
			requireRefused(t, err, "label-for-placement kubefedclusters.core.kubefed.io")
		})
	}
}

func TestOverridesThatReachTheAPIVersion(t *testing.T) {
	for path, want := range map[string]bool{
		"/apiVersion": true, "apiVersion": true, "/": true, "": true, "/spec/apiVersion": false, "/metadata/labels": false, "/api~0Version": false,
	} {
		obj := &typesv1beta1.FederatedObject{}
		obj.Spec.Overrides = []typesv1beta1.ClusterOverrides{{ClusterName: "c", ClusterOverrides: []typesv1beta1.ClusterOverride{{Path: path}}}}
		require.Equal(t, want, reachesAPIVersion(obj), "%q", path)
	}
}
