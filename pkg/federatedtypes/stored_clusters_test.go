package federatedtypes

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// inMany returns the stored form of an object that is in many members.
func inMany(t *testing.T, clusters int) []byte {
	var obj typesv1beta1.FederatedObject
	obj.Name = "many"
	for i := range clusters {
		obj.Status.Clusters = append(obj.Status.Clusters, typesv1beta1.ClusterStatus{
			Name: fmt.Sprintf("cluster-%04d", i), ObservedGeneration: 1, Health: typesv1beta1.CopyCurrent,
			Version: fmt.Sprintf("rv:%d", i), Fingerprint: fmt.Sprintf("0123456789abcdef.%011d", i),
			Replicas: &typesv1beta1.ReplicaCounts{DesiredReplicas: 3, ReadyReplicas: int64(i)},
		})
	}
	data, err := encodeStored(&obj)
	require.NoError(t, err)
	return data
}

// TestClustersTakeWhatTheyNeed checks that an object in many members is read into few
// allocations, none larger than what is in it, and that its clusters' names are those
// of all other objects.
func TestClustersTakeWhatTheyNeed(t *testing.T) {
	data := inMany(t, 1000)
	var one, other typesv1beta1.FederatedObject
	require.NoError(t, decodeStored(data, &one))
	require.NoError(t, decodeStored(data, &other))
	require.Len(t, one.Status.Clusters, 1000)
	require.Equal(t, 1000, cap(one.Status.Clusters))
	for i := range one.Status.Clusters {
		a, b := &one.Status.Clusters[i], &other.Status.Clusters[i]
		require.Equal(t, a, b)
		require.Same(t, unsafe.StringData(a.Name), unsafe.StringData(b.Name))
		require.Same(t, unsafe.StringData(string(a.Health)), unsafe.StringData(string(b.Health)))
		require.NotSame(t, a.Replicas, b.Replicas, "each object is one's own to change")
	}

	few := inMany(t, 10)
	allocations := func(data []byte) float64 {
		return testing.AllocsPerRun(10, func() {
			var obj typesv1beta1.FederatedObject
			require.NoError(t, decodeStored(data, &obj))
		})
	}
	require.Less(t, allocations(data)-allocations(few), 50.0, "allocations do not grow with members")
}

// TestWordsAreBounded checks that what a store has cannot fill the memory with words.
func TestWordsAreBounded(t *testing.T) {
	var table wordTable
	for i := range mostWords + 1 {
		require.Equal(t, fmt.Sprint(i), table.of([]byte(fmt.Sprint(i))))
	}
	require.Len(t, table.words, 1)
	long := make([]byte, longestWord+1)
	require.Equal(t, string(long), table.of(long))
	require.Len(t, table.words, 1)
}
