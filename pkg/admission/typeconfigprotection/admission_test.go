package typeconfigprotection_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/pkg/admission/typeconfigprotection"
)

type counts struct {
	count int64
	err   error
}

func (c counts) CountObjects(context.Context, string) (int64, error) { return c.count, c.err }

func TestValidate(t *testing.T) {
	t.Parallel()
	now := metav1.Now()
	config := func(change func(*core.FederatedTypeConfig)) *core.FederatedTypeConfig {
		c := &core.FederatedTypeConfig{ObjectMeta: metav1.ObjectMeta{Name: "configmaps", Namespace: "system"},
			Spec: core.FederatedTypeConfigSpec{FederatedType: core.APIResource{Group: "types.kubefed.io", PluralName: "federatedconfigmaps"}}}
		if change != nil {
			change(c)
		}
		return c
	}
	two := counts{count: 2}
	for _, test := range []struct {
		name     string
		old      runtime.Object
		resource string
		sub      string
		counts   counts
		check    func(error) bool
	}{
		{name: "objects exist", old: config(nil), counts: two, check: apierrors.IsConflict},
		{name: "none exist", old: config(nil)},
		{name: "not known", old: config(nil), counts: counts{err: errors.New("later")}, check: apierrors.IsServiceUnavailable},
		{name: "they shall stay", counts: two, old: config(func(c *core.FederatedTypeConfig) {
			c.Annotations = map[string]string{core.OrphanObjectsAnnotation: "true"}
		})},
		{name: "annotated with something else", counts: two, check: apierrors.IsConflict, old: config(func(c *core.FederatedTypeConfig) {
			c.Annotations = map[string]string{core.OrphanObjectsAnnotation: "yes"}
		})},
		{name: "deleted already", counts: two, old: config(func(c *core.FederatedTypeConfig) { c.DeletionTimestamp = &now })},
		{name: "in a namespace where it enables nothing", counts: two, old: config(func(c *core.FederatedTypeConfig) { c.Namespace = "other" })},
		{name: "a collection as a whole; its members come one by one", counts: two},
		{name: "another resource", counts: two, old: &core.KubeFedCluster{}, resource: "kubefedclusters"},
		{name: "a subresource", counts: two, old: config(nil), sub: "status"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			plugin := typeconfigprotection.New()
			require.Error(t, plugin.ValidateInitialization())
			typeconfigprotection.Initializer{Namespace: "system", Counter: test.counts}.Initialize(plugin)
			require.NoError(t, plugin.ValidateInitialization())
			require.True(t, plugin.Handles(admission.Delete))
			require.False(t, plugin.Handles(admission.Create))

			resource := core.SchemeGroupVersion.WithResource("federatedtypeconfigs")
			if test.resource != "" {
				resource.Resource = test.resource
			}
			attributes := admission.NewAttributesRecord(nil, test.old, core.SchemeGroupVersion.WithKind("FederatedTypeConfig"), "system", "configmaps",
				resource, test.sub, admission.Delete, &metav1.DeleteOptions{}, false, nil)
			err := plugin.Validate(t.Context(), attributes, nil)
			if test.check == nil {
				require.NoError(t, err)
				return
			}
			require.True(t, test.check(err), "%v", err)
		})
	}
}

func TestValidateUpdate(t *testing.T) {
	t.Parallel()
	federated := core.APIResource{Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedConfigMap", PluralName: "federatedconfigmaps", Scope: core.NamespaceScoped}
	for _, test := range []struct {
		name    string
		orphan  bool
		change  func(*core.FederatedTypeConfigSpec)
		refused bool
	}{
		{name: "nothing about the federated type", change: func(s *core.FederatedTypeConfigSpec) { s.Propagation = core.PropagationDisabled }},
		{name: "the plural", change: func(s *core.FederatedTypeConfigSpec) { s.FederatedType.PluralName = "fedmaps" }, refused: true},
		{name: "the scope", change: func(s *core.FederatedTypeConfigSpec) { s.FederatedType.Scope = core.ClusterScoped }, refused: true},
		{name: "the plural, and they shall stay", orphan: true, change: func(s *core.FederatedTypeConfigSpec) { s.FederatedType.PluralName = "fedmaps" }},
		{name: "the kind in the same place, even if they shall stay", orphan: true, change: func(s *core.FederatedTypeConfigSpec) { s.FederatedType.Kind = "Other" }, refused: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			old := &core.FederatedTypeConfig{ObjectMeta: metav1.ObjectMeta{Name: "configmaps", Namespace: "system"}, Spec: core.FederatedTypeConfigSpec{FederatedType: federated}}
			if test.orphan {
				old.Annotations = map[string]string{core.OrphanObjectsAnnotation: "true"}
			}
			changed := old.DeepCopy()
			test.change(&changed.Spec)
			plugin := typeconfigprotection.New()
			plugin.SetObjectCounter("system", counts{count: 1})
			err := plugin.Validate(t.Context(), admission.NewAttributesRecord(changed, old, core.SchemeGroupVersion.WithKind("FederatedTypeConfig"), "system", "configmaps",
				core.SchemeGroupVersion.WithResource("federatedtypeconfigs"), "", admission.Update, &metav1.UpdateOptions{}, false, nil), nil)
			require.Equal(t, test.refused, apierrors.IsConflict(err), "%v", err)
		})
	}
}
