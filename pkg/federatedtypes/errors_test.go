package federatedtypes

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func TestRefusedApply(t *testing.T) {
	t.Parallel()
	plain := errors.New("failed to create typed patch object (demo/web; X): .spec.x: field not declared in schema")
	require.True(t, apierrors.IsBadRequest(refusedApply(plain)))
	conflict := apierrors.NewGenericServerResponse(http.StatusConflict, "", typesv1beta1.SchemeGroupVersion.WithResource("x").GroupResource(), "", "failed to create typed patch object", 0, true)
	require.Equal(t, error(conflict), refusedApply(conflict), "what has a code keeps it")
	require.NoError(t, refusedApply(nil))
}
