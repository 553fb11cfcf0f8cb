package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/install"
)

// decode makes an internal object out of JSON as the server does, with defaults.
func decode[T runtime.Object](t *testing.T, manifest string) T {
	t.Helper()
	scheme := runtime.NewScheme()
	install.Install(scheme)
	decoder := serializer.NewCodecFactory(scheme).UniversalDecoder(core.SchemeGroupVersion)
	object, _, err := decoder.Decode([]byte(manifest), nil, nil)
	require.NoError(t, err)
	return object.(T)
}

// fault is an error that validation must give.
type fault struct {
	kind   field.ErrorType
	path   string
	detail string
}

// requireFaults checks that errs are exactly these, in order.
func requireFaults(t *testing.T, errs field.ErrorList, want ...fault) {
	t.Helper()
	require.Len(t, errs, len(want), "%v", errs)
	for i, err := range errs {
		require.Equal(t, want[i].path, err.Field, "%v", err)
		require.Equal(t, want[i].kind, err.Type, "%v", err)
		require.ErrorContains(t, err, want[i].detail)
	}
}
