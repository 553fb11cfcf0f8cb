package server

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// warnings collects what answers warn of.
type warnings struct {
	mu   sync.Mutex
	list []string
}

func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, code int, _, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if code == 299 {
		w.list = append(w.list, message)
	}
}

func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.list
	w.list = nil
	return list
}

// TestWarningsAboutClusters names a cluster before there is one.
func TestWarningsAboutClusters(t *testing.T) {
	s := start(t, t.TempDir())
	s.enable()
	told := &warnings{}
	config := s.config()
	config.WarningHandlerWithContext = told
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	object := federatedConfigMap("somewhere", "value")
	require.NoError(t, unstructured.SetNestedSlice(object.Object, []any{map[string]any{"name": "nowhere"}}, "spec", "placement", "clusters"))
	warned := func() []string {
		_, err := client.Resource(federatedConfigMaps).Namespace("default").Create(t.Context(), object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		require.NoError(t, err, "it is never an error")
		return told.take()
	}
	require.Eventually(t, func() bool {
		return slices.Contains(warned(), `spec.placement.clusters[0].name: there is no cluster "nowhere" now`)
	}, patience, pollInterval)

	_, err = client.Resource(kubeFedClusters).Namespace(env.SystemNamespace).Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster", "metadata": map[string]any{"name": "nowhere"},
		"spec": map[string]any{"apiEndpoint": "https://127.0.0.1:1", "secretRef": map[string]any{"name": "nowhere"}},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(warned()) == 0 }, patience, pollInterval)
}
