package server

import (
	"context"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/kubefederation/federation-apiserver/test/env"
)

var (
	typeConfigs         = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "federatedtypeconfigs"}
	federatedConfigMaps = schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: "federatedconfigmaps"}
)

// typeConfig federates a type of the core group.
func typeConfig(kind, plural, scope string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "FederatedTypeConfig",
		"metadata": map[string]any{"name": plural, "namespace": env.SystemNamespace},
		"spec": map[string]any{
			"targetType":    map[string]any{"version": "v1", "kind": kind, "pluralName": plural, "scope": scope},
			"federatedType": map[string]any{"group": "types.kubefed.io", "version": "v1beta1", "kind": "Federated" + kind, "pluralName": "federated" + plural, "scope": "Namespaced"},
			"propagation":   "Enabled",
		},
	}}
}

func federatedConfigMap(name, value string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedConfigMap",
		"metadata": map[string]any{"name": name, "namespace": "default"},
		"spec":     map[string]any{"template": map[string]any{"data": map[string]any{"key": value}}, "placement": map[string]any{}},
	}}
}

// enable makes the server serve FederatedConfigMaps, and FederatedNamespaces, without which it would wait a while for
// them before it says anything about the others.
func (s *server) enable() dynamic.ResourceInterface {
	s.t.Helper()
	client := s.client()
	for _, config := range []*unstructured.Unstructured{typeConfig("Namespace", "namespaces", "Cluster"), typeConfig("ConfigMap", "configmaps", "Namespaced")} {
		_, err := client.Resource(typeConfigs).Namespace(env.SystemNamespace).Create(s.t.Context(), config, metav1.CreateOptions{})
		require.NoError(s.t, err)
	}
	objects := client.Resource(federatedConfigMaps).Namespace("default")
	err := wait.PollUntilContextTimeout(s.t.Context(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		_, err := objects.List(ctx, metav1.ListOptions{})
		return err == nil, nil
	})
	require.NoError(s.t, err, "the kind is not served")
	return objects
}

// create stores an object and waits until the controllers have said all they have to say about it.
func (s *server) create(objects dynamic.ResourceInterface, name, value string) *unstructured.Unstructured {
	s.t.Helper()
	_, err := objects.Create(s.t.Context(), federatedConfigMap(name, value), metav1.CreateOptions{})
	require.NoError(s.t, err)
	var settled *unstructured.Unstructured
	err = wait.PollUntilContextTimeout(s.t.Context(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		settled, err = objects.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		conditions, _, _ := unstructured.NestedSlice(settled.Object, "status", "conditions")
		return len(conditions) > 0, nil
	})
	require.NoError(s.t, err)
	return settled
}
