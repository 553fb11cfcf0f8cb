package members

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestCopiesShareWhatTheySay checks that the statuses of copies that say the same are
// held once, unless they are held as a whole.
func TestCopiesShareWhatTheySay(t *testing.T) {
	deployment := func(name string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name, "generation": int64(1)},
			"spec": map[string]any{"replicas": int64(2)}, "status": map[string]any{"replicas": int64(2), "observedGeneration": int64(1)},
		}}
	}
	a, err := observeObject(deployment("a"), Statuses)
	require.NoError(t, err)
	b, err := observeObject(deployment("b"), Statuses)
	require.NoError(t, err)
	require.Same(t, a.Status, b.Status)
	require.Equal(t, int64(2), a.Status.Replicas.Replicas)

	whole, err := observeObject(deployment("a"), RawStatuses)
	require.NoError(t, err)
	require.NotSame(t, a.Status, whole.Status)
	require.NotEmpty(t, whole.Status.Raw)
	require.Empty(t, a.Status.Raw)
}

// TestSharedIsBounded checks that members cannot fill the memory with what is shared.
func TestSharedIsBounded(t *testing.T) {
	var s shared[int]
	for i := range mostShared + 1 {
		require.Equal(t, i, *s.of(i))
	}
	require.Len(t, s.values, 1)
}
