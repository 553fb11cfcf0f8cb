package deniedtargets_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/admission"

	"github.com/kubefederation/federation-apiserver/apis/core"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/admission/deniedtargets"
)

func plugin(t *testing.T, confined bool, err error, allowed ...string) *deniedtargets.Plugin {
	t.Helper()
	types, parseErr := deniedtargets.ParseTypes(deniedtargets.DefaultTypes)
	require.NoError(t, parseErr)
	p := deniedtargets.New()
	require.Error(t, p.ValidateInitialization())
	deniedtargets.Initializer{Rules: deniedtargets.Rules{
		Types: types, SystemNamespace: "system", AllowedNamespaces: sets.New(allowed...),
		Confined: func(context.Context) (bool, error) { return confined, err },
	}}.Initialize(p)
	require.NoError(t, p.ValidateInitialization())
	return p
}

func TestTypes(t *testing.T) {
	config := func(group, plural string) *core.FederatedTypeConfig {
		return &core.FederatedTypeConfig{ObjectMeta: metav1.ObjectMeta{Name: plural}, Spec: core.FederatedTypeConfigSpec{TargetType: core.APIResource{Group: group, PluralName: plural}}}
	}
	validate := func(config *core.FederatedTypeConfig, operation admission.Operation) error {
		return plugin(t, false, nil).Validate(t.Context(), admission.NewAttributesRecord(config, nil, core.SchemeGroupVersion.WithKind("FederatedTypeConfig"), "system", config.Name,
			core.SchemeGroupVersion.WithResource("federatedtypeconfigs"), "", operation, nil, false, nil), nil)
	}
	for _, denied := range []string{"validatingwebhookconfigurations", "mutatingadmissionpolicybindings"} {
		err := validate(config("admissionregistration.k8s.io", denied), admission.Create)
		require.True(t, apierrors.IsInvalid(err), "%v", err)
		require.ErrorContains(t, err, "spec.targetType: Forbidden: "+denied+".admissionregistration.k8s.io cannot be federated")
	}
	require.NoError(t, validate(config("admissionregistration.k8s.io", "mutatingwebhookconfigurations"), admission.Update), "what is federated already")
	require.NoError(t, validate(config("apiextensions.k8s.io", "customresourcedefinitions"), admission.Create))
	require.NoError(t, validate(config("example.com", "mutatingwebhookconfigurations"), admission.Create))
}

func TestNamespaces(t *testing.T) {
	object := func(namespace string, generation int64) *typesv1beta1.FederatedObject {
		return &typesv1beta1.FederatedObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mine", Generation: generation}}
	}
	for _, test := range []struct {
		name, namespace string
		old             int64
		confined        bool
		confinedErr     error
		allowed         []string
		check           func(error) bool
	}{
		{name: "any", namespace: "team"},
		{name: "of a cluster-scoped kind", namespace: ""},
		{name: "of the system", namespace: "kube-system", check: apierrors.IsForbidden},
		{name: "everybody reads it", namespace: "kube-public", check: apierrors.IsForbidden},
		{name: "of leases", namespace: "kube-node-lease", check: apierrors.IsForbidden},
		{name: "of the federation", namespace: "system", check: apierrors.IsForbidden},
		{name: "of the federation that acts there only", namespace: "system", confined: true},
		{name: "of the system, the federation acting elsewhere only", namespace: "kube-system", confined: true, check: apierrors.IsForbidden},
		{name: "where it is not known", namespace: "system", confinedErr: errors.New("later"), check: apierrors.IsServiceUnavailable},
		{name: "allowed", namespace: "kube-system", allowed: []string{"kube-system"}},
		{name: "another allowed", namespace: "kube-public", allowed: []string{"kube-system"}, check: apierrors.IsForbidden},
		{name: "there already, and changed", namespace: "kube-system", old: 1, check: apierrors.IsForbidden},
		{name: "there already, and only labelled", namespace: "kube-system", old: 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			var old runtime.Object
			operation := admission.Create
			if test.old != 0 {
				old, operation = object(test.namespace, test.old), admission.Update
			}
			err := plugin(t, test.confined, test.confinedErr, test.allowed...).Validate(t.Context(), admission.NewAttributesRecord(object(test.namespace, 2), old,
				typesv1beta1.SchemeGroupVersion.WithKind("FederatedConfigMap"), test.namespace, "mine", typesv1beta1.SchemeGroupVersion.WithResource("federatedconfigmaps"), "", operation, nil, false, nil), nil)
			if test.check == nil {
				require.NoError(t, err)
				return
			}
			require.True(t, test.check(err), "%v", err)
			require.ErrorContains(t, err, "namespace")
		})
	}
}

func TestParseTypes(t *testing.T) {
	for _, bad := range []string{"", "a/b", "*", "Pods", ".group"} {
		_, err := deniedtargets.ParseTypes([]string{bad})
		require.Error(t, err, "%q", bad)
	}
	types, err := deniedtargets.ParseTypes([]string{"pods", "jobs.batch"})
	require.NoError(t, err)
	require.Len(t, types, 2)
}
