package federatedtypes

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

// BenchmarkEnable enables kinds with the schema of Deployments, one after the
// other, and reports what one of them costs.
func BenchmarkEnable(b *testing.B) {
	s := typeserver.Start(b, typeserver.Options{Host: typeserver.NewHost(b)})
	heap := func() float64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return float64(stats.HeapAlloc)
	}
	_, err := s.Types.Enable(b.Context(), deployments)
	require.NoError(b, err)
	heapBefore, goroutinesBefore := heap(), runtime.NumGoroutine()
	enabled := 0
	for b.Loop() {
		config := deployments.DeepCopy()
		config.Name = fmt.Sprintf("deployments%d.apps", enabled)
		config.Spec.FederatedType.Kind = fmt.Sprintf("FederatedDeployment%d", enabled)
		config.Spec.FederatedType.PluralName = fmt.Sprintf("federateddeployments%d", enabled)
		_, err := s.Types.Enable(b.Context(), config)
		require.NoError(b, err)
		enabled++
	}
	b.ReportMetric((heap()-heapBefore)/float64(enabled), "heap-B/kind")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutinesBefore)/float64(enabled), "goroutines/kind")
}

// BenchmarkWrite writes Deployments of some 3 KiB over HTTP.
func BenchmarkWrite(b *testing.B) {
	s := typeserver.Start(b, typeserver.Options{Host: typeserver.NewHost(b)})
	_, err := s.Types.Enable(b.Context(), deployments)
	require.NoError(b, err)
	client := objects(b, s, deployments)
	n := 0
	b.Run("create", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n++
			_, err := client.Create(b.Context(), object(b, deployments, fmt.Sprintf("web%d", n), webSpec), metav1.CreateOptions{})
			require.NoError(b, err)
		}
	})
	b.Run("apply without a change", func(b *testing.B) {
		b.ReportAllocs()
		same := object(b, deployments, "same", webSpec)
		for b.Loop() {
			_, err := client.Apply(b.Context(), "same", same, metav1.ApplyOptions{FieldManager: "bench"})
			require.NoError(b, err)
		}
	})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			require.Equal(b, http.StatusOK, request(b, s, http.MethodGet, demoPath+"federateddeployments?limit=500", jsonType, nil).code)
		}
	})
}
