package plan

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func typeOf(group, kind, plural string, scope corev1beta1.ResourceScope) *corev1beta1.FederatedTypeConfig {
	return &corev1beta1.FederatedTypeConfig{Spec: corev1beta1.FederatedTypeConfigSpec{
		TargetType:  corev1beta1.APIResource{Group: group, Version: "v1", Kind: kind, PluralName: plural, Scope: scope},
		Propagation: corev1beta1.PropagationEnabled,
	}}
}

func object(template string, placement typesv1beta1.Placement, overrides ...typesv1beta1.ClusterOverrides) *typesv1beta1.FederatedObject {
	o := &typesv1beta1.FederatedObject{}
	o.Namespace, o.Name = "shop", "web"
	o.Spec.Template = runtime.RawExtension{Raw: []byte(template)}
	o.Spec.Placement, o.Spec.Overrides = placement, overrides
	return o
}

func named(clusters ...string) typesv1beta1.Placement {
	p := typesv1beta1.Placement{Clusters: []typesv1beta1.ClusterReference{}}
	for _, cluster := range clusters {
		p.Clusters = append(p.Clusters, typesv1beta1.ClusterReference{Name: cluster})
	}
	return p
}

func selecting(labels map[string]string) typesv1beta1.Placement {
	return typesv1beta1.Placement{ClusterSelector: &metav1.LabelSelector{MatchLabels: labels}}
}

func namespaceTo(placement typesv1beta1.Placement) *typesv1beta1.FederatedObject {
	o := &typesv1beta1.FederatedObject{}
	o.Namespace, o.Name, o.Spec.Placement = "shop", "shop", placement
	return o
}

var (
	deployments = typeOf("apps", "Deployment", "deployments", corev1beta1.NamespaceScoped)
	everywhere  = selecting(nil)
	members     = []corev1beta1.KubeFedCluster{
		{ObjectMeta: metav1.ObjectMeta{Name: "one", Labels: map[string]string{"region": "eu"}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "two"}},
	}
)

func TestWhy(t *testing.T) {
	for _, test := range []struct {
		name     string
		in       Input
		cluster  string
		selected bool
		why      []string
	}{
		{"by its labels", Input{Object: object("{}", selecting(map[string]string{"region": "eu"})), Namespace: namespaceTo(everywhere)}, "one", true,
			[]string{"placement: the selector region=eu matches its labels", "FederatedNamespace shop: the selector is empty, which selects every cluster"}},
		{"not by its labels", Input{Object: object("{}", selecting(map[string]string{"region": "eu"})), Namespace: namespaceTo(everywhere)}, "two", false,
			[]string{"placement: the selector region=eu does not match its labels (none)", "FederatedNamespace shop: the selector is empty, which selects every cluster"}},
		{"by its name", Input{Object: object("{}", named("two")), Namespace: namespaceTo(named("one", "two"))}, "two", true,
			[]string{"placement: the list of clusters names it", "FederatedNamespace shop: the list of clusters names it"}},
		{"not by its name", Input{Object: object("{}", named("a", "b", "c", "d", "e", "f", "g")), Namespace: namespaceTo(everywhere)}, "two", false,
			[]string{"placement: the list of clusters does not name it (a, b, c, d, e, and 2 more)", "FederatedNamespace shop: the selector is empty, which selects every cluster"}},
		{"its namespace is elsewhere", Input{Object: object("{}", everywhere), Namespace: namespaceTo(named("one"))}, "two", false,
			[]string{"placement: the selector is empty, which selects every cluster", "FederatedNamespace shop: the list of clusters does not name it (one)"}},
		{"an empty list", Input{Object: object("{}", typesv1beta1.Placement{Clusters: named().Clusters, ClusterSelector: everywhere.ClusterSelector}), Namespace: namespaceTo(everywhere)}, "one", false,
			[]string{"placement: the list of clusters is empty, which selects none", "FederatedNamespace shop: the selector is empty, which selects every cluster"}},
		{"no placement", Input{Object: object("{}", typesv1beta1.Placement{}), Namespace: namespaceTo(everywhere)}, "one", false,
			[]string{"placement: there is neither a list of clusters nor a selector, which selects none", "FederatedNamespace shop: the selector is empty, which selects every cluster"}},
		{"no FederatedNamespace", Input{Object: object("{}", everywhere)}, "one", false,
			[]string{"placement: the selector is empty, which selects every cluster", "namespace shop has no FederatedNamespace"}},
		{"none needed", Input{Object: object("{}", everywhere), Confined: true, SystemNamespace: "shop"}, "one", true,
			[]string{"placement: the selector is empty, which selects every cluster"}},
		{"no member", Input{Object: object("{}", named("three")), Namespace: namespaceTo(everywhere)}, "three", false,
			[]string{"there is no KubeFedCluster of this name"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.in.Type, test.in.Clusters = deployments, members
			made, err := New(test.in)
			require.NoError(t, err)
			cluster := made.Find(test.cluster)
			require.NotNil(t, cluster)
			require.Equal(t, test.selected, cluster.Selected)
			require.Equal(t, test.why, cluster.Why)
			require.Equal(t, test.selected, cluster.Rendered != nil)
			require.NoError(t, cluster.Err)
		})
	}
}

func TestImpediments(t *testing.T) {
	going := object("{}", everywhere)
	going.DeletionTimestamp = &metav1.Time{}
	goingNamespace := namespaceTo(everywhere)
	goingNamespace.DeletionTimestamp = &metav1.Time{}
	namespaces := typeOf("", "Namespace", "namespaces", corev1beta1.ClusterScoped)
	disabled := deployments.DeepCopy()
	disabled.Spec.Propagation = corev1beta1.PropagationDisabled
	protected := namespaceTo(everywhere)
	protected.Namespace, protected.Name = "system", "system"
	misnamed := namespaceTo(everywhere)
	misnamed.Name = "other"
	for _, test := range []struct {
		name string
		in   Input
		want string
	}{
		{"being deleted", Input{Object: going, Type: deployments}, "the federated object is being deleted"},
		{"the namespace is", Input{Object: object("{}", everywhere), Type: deployments, Namespace: goingNamespace}, "the FederatedNamespace is being deleted"},
		{"namespaces are not propagated", Input{Object: object("{}", everywhere), Type: deployments, NamespacesDisabled: true}, "the type namespaces is not propagated"},
		{"nor is the type", Input{Object: object("{}", everywhere), Type: disabled, Namespace: namespaceTo(everywhere)}, "propagation of the type is Disabled"},
		{"the system's namespace", Input{Object: protected, Type: namespaces}, "the namespace system is never created"},
		{"a wrong name", Input{Object: misnamed, Type: namespaces}, "must have the name of the namespace"},
		{"elsewhere in a confined federation", Input{Object: object("{}", everywhere), Type: deployments, Confined: true}, "the federation is confined to the namespace system"},
		{"a namespace in a confined federation", Input{Object: namespaceTo(everywhere), Type: namespaces, Confined: true}, "the federation is confined to the namespace system: a FederatedNamespace only limits"},
		{"none", Input{Object: namespaceTo(everywhere), Type: namespaces}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.in.SystemNamespace, test.in.Clusters = "system", members
			made, err := New(test.in)
			require.NoError(t, err)
			if test.want == "" {
				require.Empty(t, made.Impediment)
				return
			}
			require.Contains(t, made.Impediment, test.want)
		})
	}

	_, err := New(Input{Object: object("{}", typesv1beta1.Placement{ClusterSelector: &metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}}), Type: deployments, Namespace: namespaceTo(everywhere)})
	require.ErrorContains(t, err, "invalid clusterSelector")
}

func value(text string) typesv1beta1.JSON { return typesv1beta1.JSON{Raw: []byte(text)} }

func TestEffects(t *testing.T) {
	in := Input{Type: deployments, Clusters: members, Namespace: namespaceTo(everywhere)}
	in.Object = object(`{"metadata":{"labels":{"a":"b"}},"spec":{"replicas":1}}`, everywhere,
		typesv1beta1.ClusterOverrides{ClusterSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"region": "eu"}}, ClusterOverrides: []typesv1beta1.ClusterOverride{
			{Path: "/spec/replicas", Value: value("3")},
			{Op: "remove", Path: "/metadata/labels/a"},
		}},
		typesv1beta1.ClusterOverrides{ClusterName: "two", ClusterOverrides: []typesv1beta1.ClusterOverride{{Path: "/spec/replicas", Value: value("1")}}},
		typesv1beta1.ClusterOverrides{ClusterName: "one", ClusterOverrides: []typesv1beta1.ClusterOverride{
			{Path: "/spec/replicas", Value: value("5")},
			{Op: "remove", Path: "/spec/nothing"},
			{Path: "/spec/paused", Value: value("true")},
		}})
	made, err := New(in)
	require.NoError(t, err)

	effects := made.Effects(made.Find("one"))
	require.Len(t, effects, 4, "nothing is looked at after one that does not apply")
	require.Equal(t, "spec.overrides[0].clusterOverrides[0]", effects[0].Where)
	require.Equal(t, "clusterSelector region=eu", effects[0].Reason)
	require.Equal(t, "replace", effects[0].Op)
	require.Len(t, effects[0].Changes, 1)
	require.Equal(t, "/spec/replicas: 1 → 3", effects[0].Changes[0].String())
	require.Equal(t, `/metadata/labels/a: removed "b"`, effects[1].Changes[0].String())
	require.Equal(t, "spec.overrides[2].clusterOverrides[0]", effects[2].Where)
	require.Equal(t, "/spec/replicas: 3 → 5", effects[2].Changes[0].String(), "the last wins")
	require.ErrorContains(t, effects[3].Err, "/spec/nothing")
	require.Error(t, made.Find("one").Err)

	effects = made.Effects(made.Find("two"))
	require.Len(t, effects, 1)
	require.Empty(t, effects[0].Changes, "it sets what is there")
	require.NoError(t, made.Find("two").Err)
}
