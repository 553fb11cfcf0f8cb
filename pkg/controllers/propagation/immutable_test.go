package propagation

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func TestImmutableFieldsAreRead(t *testing.T) {
	spec := field.NewPath("spec")
	invalid := func(errs ...*field.Error) error {
		return apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, "web", errs)
	}
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"a selector":        {invalid(field.Invalid(spec.Child("selector"), "x", "field is immutable")), []string{"spec.selector"}},
		"an address":        {invalid(field.Invalid(spec.Child("clusterIPs").Index(0), "x", "may not change once set")), []string{"spec.clusterIPs[0]"}},
		"a claim":           {invalid(field.Forbidden(spec, "spec is immutable after creation except resources.requests")), []string{"spec"}},
		"a stateful set":    {invalid(field.Forbidden(spec, "updates to statefulset spec for fields other than 'replicas' are forbidden")), []string{"spec"}},
		"a role's target":   {invalid(field.Invalid(field.NewPath("roleRef"), "x", "cannot change roleRef")), []string{"roleRef"}},
		"among others":      {invalid(field.Invalid(spec.Child("a"), -1, "must not be negative"), field.Invalid(spec.Child("b"), "x", "field is immutable"), field.Invalid(spec.Child("b"), "x", "field is immutable")), []string{"spec.b"}},
		"another refusal":   {invalid(field.Invalid(spec.Child("replicas"), -1, "must be greater than or equal to 0")), nil},
		"another error":     {errors.New("field is immutable"), nil},
		"another status":    {apierrors.NewConflict(schema.GroupResource{}, "web", errors.New("field is immutable")), nil},
		"without any error": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, immutableFields(test.err)) })
	}
}

func TestWhatMayBeMadeAnew(t *testing.T) {
	claim, job := schema.GroupVersionKind{Version: "v1", Kind: "PersistentVolumeClaim"}, schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}
	for _, test := range []struct {
		target     schema.GroupVersionKind
		annotation string
		allowed    bool
	}{
		{job, "", false}, {job, "false", false}, {job, "true", true}, {job, "including-data", true}, {job, "True", false},
		{claim, "", false}, {claim, "true", false}, {claim, "including-data", true},
		{schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, "true", false},
		{schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}, "true", false},
	} {
		obj := federatedObject(1)
		obj.Annotations = map[string]string{typesv1beta1.RecreateImmutableAnnotation: test.annotation}
		allowed, value := allowsRecreation(test.target, obj)
		require.Equal(t, test.allowed, allowed, "%+v", test)
		obj.Annotations[typesv1beta1.RecreateImmutableAnnotation] = value
		allowed, _ = allowsRecreation(test.target, obj)
		require.True(t, allowed, "what is told is what helps")
	}
}
