package sizelimit

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
)

func TestExplain(t *testing.T) {
	t.Parallel()
	obj := map[string]string{"a": "b"}
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
		{"another error of etcd", rpctypes.Error(rpctypes.ErrGRPCTimeout), false},
		{"the client's limit", grpcstatus.Error(codes.ResourceExhausted, "trying to send message larger than max (3000000 vs. 2097152)"), true},
		{"too many requests", grpcstatus.Error(codes.ResourceExhausted, "etcdserver: too many requests"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := Explain(test.err, obj, 1234567)
			if !test.large {
				require.Equal(t, test.err, err)
				return
			}
			require.True(t, apierrors.IsRequestEntityTooLargeError(err), "%v", err)
			require.ErrorContains(t, err, "1234567")
			require.Regexp(t, `with \d+ bytes of JSON`, err.Error())
			require.NotContains(t, Explain(test.err, nil, 1234567).Error(), "JSON", "an object that is not known has no size")
		})
	}
}

func TestFullStoreIsExplained(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"as its client says":     rpctypes.Error(rpctypes.ErrGRPCNoSpace),
		"wrapped":                fmt.Errorf("create: %w", rpctypes.Error(rpctypes.ErrGRPCNoSpace)),
		"before its client sees": rpctypes.ErrGRPCNoSpace,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var status apierrors.APIStatus
			require.ErrorAs(t, Explain(err, nil, 1), &status)
			require.EqualValues(t, http.StatusInsufficientStorage, status.Status().Code)
			require.Contains(t, status.Status().Message, "full")
		})
	}
}
