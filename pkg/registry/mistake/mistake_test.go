package mistake_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/mergepatch"

	"github.com/kubefederation/federation-apiserver/pkg/registry/mistake"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	_, number := strconv.ParseUint(strings.Repeat("x", 500), 10, 64)
	for _, plain := range []error{
		errors.New("failed to create typed patch object (demo/web; X): .spec.x: field not declared in schema"),
		errors.New("failed to convert new object (demo/web; X) to proper version: parsing time"),
		errors.New("failed to convert new typed object (demo/web; X) to object: parsing time"),
		errors.New("list element types are not identical: [[a] [b []]]"),
		mergepatch.ErrBadArgKind("", 1), mergepatch.ErrBadPatchType("x", nil), mergepatch.ErrNoMergeKey(nil, "name"),
		number,
		fmt.Errorf("read it: %w", number),
	} {
		require.True(t, apierrors.IsBadRequest(mistake.Explain(plain)), "%v", plain)
		require.Less(t, len(mistake.Explain(plain).Error()), 300)
	}
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "things"}, "web", errors.New("failed to create typed patch object"))
	for _, other := range []error{
		nil, conflict,
		errors.New("failed to create typed live object (demo/web; X): .spec.x: field not declared in schema"),
		errors.New("connection refused"),
	} {
		require.Equal(t, other, mistake.Explain(other))
	}
}
