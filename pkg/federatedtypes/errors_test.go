package federatedtypes

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	storage := &kindStorage{maxBytes: 1234567}
	obj := &typesv1beta1.FederatedObject{Spec: typesv1beta1.FederatedObjectSpec{Template: runtime.RawExtension{Raw: []byte(`{"a":"b"}`)}}}
	other := errors.New("etcdserver: leader changed")
	for _, test := range []struct {
		name  string
		err   error
		large bool
	}{
		{"nothing", nil, false},
		{"something else", other, false},
		{"etcd's limit", rpctypes.Error(rpctypes.ErrGRPCRequestTooLarge), true},
		{"etcd's limit, wrapped", fmt.Errorf("create: %w", rpctypes.Error(rpctypes.ErrGRPCRequestTooLarge)), true},
		{"etcd's limit before its client has seen it", rpctypes.ErrGRPCRequestTooLarge, true},
		{"another error of etcd", rpctypes.Error(rpctypes.ErrGRPCNoSpace), false},
		{"the client's limit", grpcstatus.Error(codes.ResourceExhausted, "trying to send message larger than max (3000000 vs. 2097152)"), true},
		{"too many requests", grpcstatus.Error(codes.ResourceExhausted, "etcdserver: too many requests"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := storage.explain(test.err, obj)
			if !test.large {
				require.Equal(t, test.err, err)
				return
			}
			require.True(t, apierrors.IsRequestEntityTooLargeError(err), "%v", err)
			require.ErrorContains(t, err, "1234567")
			require.Regexp(t, `with \d+ bytes of JSON`, err.Error())
		})
	}
}

func TestRefusedApply(t *testing.T) {
	t.Parallel()
	plain := errors.New("failed to create typed patch object (demo/web; X): .spec.x: field not declared in schema")
	require.True(t, apierrors.IsBadRequest(refusedApply(plain)))
	conflict := apierrors.NewGenericServerResponse(http.StatusConflict, "", typesv1beta1.SchemeGroupVersion.WithResource("x").GroupResource(), "", "failed to create typed patch object", 0, true)
	require.Equal(t, error(conflict), refusedApply(conflict), "what has a code keeps it")
	require.NoError(t, refusedApply(nil))
}
