package enable

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

var resources = []metav1.APIResource{
	{Name: "deployments", SingularName: "deployment", ShortNames: []string{"deploy"}, Kind: "Deployment", Group: "apps", Version: "v1", Namespaced: true},
	{Name: "namespaces", SingularName: "namespace", ShortNames: []string{"ns"}, Kind: "Namespace", Version: "v1"},
	{Name: "services", SingularName: "service", ShortNames: []string{"svc"}, Kind: "Service", Version: "v1", Namespaced: true},
	{Name: "services", SingularName: "service", Kind: "Service", Group: "serving.example.com", Version: "v1", Namespaced: true},
	{Name: "gadgets", SingularName: "gadget", Kind: "Gadget", Group: "a.example.com", Version: "v2", Namespaced: true},
	{Name: "gadgets", SingularName: "gadget", Kind: "Gadget", Group: "b.example.com", Version: "v1"},
}

func TestFind(t *testing.T) {
	for _, test := range []struct{ name, want, err string }{
		{name: "deployments", want: "deployments.apps"},
		{name: "deployment", want: "deployments.apps"},
		{name: "Deployment", want: "deployments.apps"},
		{name: "deploy", want: "deployments.apps"},
		{name: "deployments.apps", want: "deployments.apps"},
		{name: "services", want: "services"},
		{name: "svc", want: "services"},
		{name: "services.serving.example.com", want: "services.serving.example.com"},
		{name: "service", err: `"service" may be any of services, services.serving.example.com: name it in full`},
		{name: "gadgets", err: `"gadgets" may be any of gadgets.a.example.com, gadgets.b.example.com: name it in full`},
		{name: "gadgets.b.example.com", want: "gadgets.b.example.com"},
		{name: "widgets", err: `the host serves no type "widgets"`},
		{name: "deployments.extensions", err: `the host serves no type "deployments.extensions"`},
	} {
		found, err := Find(resources, test.name)
		if test.err != "" {
			require.EqualError(t, err, test.err)
			continue
		}
		require.NoError(t, err, test.name)
		require.Equal(t, test.want, QualifiedName(found))
	}
}

func TestTypeConfig(t *testing.T) {
	config := TypeConfig(&resources[0], NewDirective("deploy"), "system")
	require.Equal(t, "deployments.apps", config.Name)
	require.Equal(t, "system", config.Namespace)
	require.Equal(t, corev1beta1.FederatedTypeConfigSpec{
		TargetType:    corev1beta1.APIResource{Group: "apps", Version: "v1", Kind: "Deployment", PluralName: "deployments", Scope: corev1beta1.NamespaceScoped},
		Propagation:   corev1beta1.PropagationEnabled,
		FederatedType: corev1beta1.APIResource{Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedDeployment", PluralName: "federateddeployments", Scope: corev1beta1.NamespaceScoped},
	}, config.Spec)

	namespaces := TypeConfig(&resources[1], NewDirective("ns"), "system")
	require.Equal(t, corev1beta1.ClusterScoped, namespaces.Spec.TargetType.Scope)
	require.Equal(t, corev1beta1.NamespaceScoped, namespaces.Spec.FederatedType.Scope)
	require.Equal(t, corev1beta1.ClusterScoped, TypeConfig(&resources[5], NewDirective("gadgets"), "system").Spec.FederatedType.Scope)
}

func TestReadDirective(t *testing.T) {
	directive, err := ReadDirective("-", strings.NewReader(`
apiVersion: core.kubefed.io/v1beta1
kind: EnableTypeDirective
metadata:
  name: deployments.apps
spec:
  targetVersion: v1beta2
`))
	require.NoError(t, err)
	require.Equal(t, "deployments.apps", directive.Name)
	require.Equal(t, DirectiveSpec{TargetVersion: "v1beta2", FederatedGroup: "types.kubefed.io", FederatedVersion: "v1beta1"}, directive.Spec)
	require.NoError(t, directive.check())

	for text, want := range map[string]string{
		"kind: EnableTypeDirective":                                                "apiVersion core.kubefed.io/v1beta1",
		"apiVersion: core.kubefed.io/v1beta1\nkind: FederatedTypeConfig":           "kind must be EnableTypeDirective",
		"apiVersion: core.kubefed.io/v1beta1\nkind: EnableTypeDirective":           "metadata.name must be the name of the type",
		"apiVersion: core.kubefed.io/v1beta1\nkind: EnableTypeDirective\nspce: {}": `unknown field "spce"`,
	} {
		_, err := ReadDirective("-", strings.NewReader(text))
		require.ErrorContains(t, err, want)
	}
	directive.Spec.FederatedGroup = "types.example.com"
	require.ErrorContains(t, directive.check(), "federated types are served as types.kubefed.io/v1beta1 here")
}

func TestConflict(t *testing.T) {
	enabled := func(group, kind, plural string) *corev1beta1.FederatedTypeConfig {
		return TypeConfig(&metav1.APIResource{Name: plural, Kind: kind, Group: group, Version: "v1", Namespaced: true}, NewDirective(plural), "system")
	}
	other := enabled("apps", "Deployment", "deployments")
	other.Spec.FederatedType.Kind = "FederatedApp"
	for _, test := range []struct {
		name          string
		wanted, there *corev1beta1.FederatedTypeConfig
		err           string
	}{
		{"the same again", enabled("apps", "Deployment", "deployments"), enabled("apps", "Deployment", "deployments"), ""},
		{"another type", enabled("apps", "Deployment", "deployments"), enabled("", "Secret", "secrets"), ""},
		{"another federated type", enabled("apps", "Deployment", "deployments"), other, `Federation is already enabled for "deployments.apps" with federated type "FederatedApp.types.kubefed.io/v1beta1"`},
		{"the same objects", enabled("networking.k8s.io", "Ingress", "ingresses"), enabled("extensions", "Ingress", "ingresses"), "the objects of ingresses.networking.k8s.io are those of ingresses.extensions, which is federated already"},
		{"the same federated type", enabled("a.example.com", "Gadget", "gadgets"), enabled("b.example.com", "Gadget", "gadgets"), "the federated type federatedgadgets.types.kubefed.io is that of gadgets.b.example.com already"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := conflict(test.wanted, []corev1beta1.FederatedTypeConfig{*test.there})
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.err)
		})
	}
}
