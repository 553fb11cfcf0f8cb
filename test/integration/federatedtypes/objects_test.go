package federatedtypes

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

const (
	patience = 2 * time.Minute
	poll     = 10 * time.Millisecond
)

var (
	deployments = typeConfig("deployments.apps", "apps", "v1", "Deployment", "deployments")
	configMaps  = typeConfig("configmaps", "", "v1", "ConfigMap", "configmaps")
	secrets     = typeConfig("secrets", "", "v1", "Secret", "secrets")
)

// typeConfig federates a namespaced target under the usual names.
func typeConfig(name, group, version, kind, plural string) *corev1beta1.FederatedTypeConfig {
	return &corev1beta1.FederatedTypeConfig{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: typeserver.Namespace},
		Spec: corev1beta1.FederatedTypeConfigSpec{
			TargetType:    corev1beta1.APIResource{Group: group, Version: version, Kind: kind, PluralName: plural, Scope: corev1beta1.NamespaceScoped},
			Propagation:   corev1beta1.PropagationEnabled,
			FederatedType: corev1beta1.APIResource{Group: typesv1beta1.GroupName, Version: "v1beta1", Kind: "Federated" + kind, PluralName: "federated" + plural, Scope: corev1beta1.NamespaceScoped},
		},
	}
}

// enable creates type configs and waits until their status says that they are
// served.
func enable(t testing.TB, s *typeserver.Server, configs ...*corev1beta1.FederatedTypeConfig) {
	t.Helper()
	for _, config := range configs {
		_, err := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace).Create(t.Context(), config, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	for _, config := range configs {
		waitCondition(t, s, config.Name, corev1beta1.FederatedTypeServed, metav1.ConditionTrue, "")
	}
}

// waitCondition waits until a condition of a type config has a status, and the
// reason if that is given; it returns the condition.
func waitCondition(t testing.TB, s *typeserver.Server, name, condition string, status metav1.ConditionStatus, reason string) metav1.Condition {
	t.Helper()
	var found *metav1.Condition
	require.Eventually(t, func() bool {
		config, err := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return false
		}
		found = apimeta.FindStatusCondition(config.Status.Conditions, condition)
		return found != nil && found.Status == status && (reason == "" || found.Reason == reason)
	}, patience, poll, "%s of %s is not %s %s", condition, name, status, reason)
	return *found
}

// disable deletes a type config and waits until its resource is gone.
func disable(t testing.TB, s *typeserver.Server, config *corev1beta1.FederatedTypeConfig) {
	t.Helper()
	err := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace).Delete(t.Context(), config.Name, metav1.DeleteOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, served := s.Types.Kind(config.Spec.FederatedType.PluralName)
		return !served
	}, patience, poll, "%s is still served", config.Name)
}

// orphan lets a type config be deleted while objects of its type exist.
func orphan(t testing.TB, s *typeserver.Server, name string) {
	t.Helper()
	client := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace)
	require.Eventually(t, func() bool {
		config, err := client.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return false
		}
		config.Annotations = map[string]string{corev1beta1.OrphanObjectsAnnotation: "true"}
		_, err = client.Update(t.Context(), config, metav1.UpdateOptions{})
		return err == nil
	}, patience, poll)
}

// objects is a client for the objects of a federated kind in the namespace demo.
func objects(t testing.TB, s *typeserver.Server, config *corev1beta1.FederatedTypeConfig) dynamic.ResourceInterface {
	t.Helper()
	client, err := dynamic.NewForConfig(s.Config)
	require.NoError(t, err)
	resource := schema.GroupVersionResource{Group: typesv1beta1.GroupName, Version: "v1beta1", Resource: config.Spec.FederatedType.PluralName}
	if config.Spec.FederatedType.Scope == corev1beta1.ClusterScoped {
		return client.Resource(resource)
	}
	return client.Resource(resource).Namespace("demo")
}

// object reads a federated object from the YAML of its spec.
func object(t testing.TB, config *corev1beta1.FederatedTypeConfig, name, spec string) *unstructured.Unstructured {
	t.Helper()
	content := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(spec), &content))
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": typesv1beta1.SchemeGroupVersion.String(),
		"kind":       config.Spec.FederatedType.Kind,
		"metadata":   map[string]any{"name": name},
		"spec":       content,
	}}
	return obj.DeepCopy()
}

func create(t testing.TB, s *typeserver.Server, config *corev1beta1.FederatedTypeConfig, name, spec string) *unstructured.Unstructured {
	t.Helper()
	created, err := objects(t, s, config).Create(t.Context(), object(t, config, name, spec), metav1.CreateOptions{})
	require.NoError(t, err)
	return created
}

func apply(t testing.TB, s *typeserver.Server, config *corev1beta1.FederatedTypeConfig, manager, name, spec string) *unstructured.Unstructured {
	t.Helper()
	applied, err := objects(t, s, config).Apply(t.Context(), name, object(t, config, name, spec), metav1.ApplyOptions{FieldManager: manager})
	require.NoError(t, err)
	return applied
}

// at returns what is at a path in an object.
func at(t testing.TB, obj *unstructured.Unstructured, fields ...string) any {
	t.Helper()
	value, found, err := unstructured.NestedFieldNoCopy(obj.Object, fields...)
	require.NoError(t, err)
	require.True(t, found, "%v is not in %v", fields, obj.Object)
	return value
}

// answer is the answer to a plain request.
type answer struct {
	code     int
	warnings []string
	body     []byte
	status   metav1.Status
}

// request sends a plain request, for what clients do not show.
func request(t testing.TB, s *typeserver.Server, method, path, contentType string, body []byte) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.Config.Host+path, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	response, err := s.HTTP(t).Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	result := answer{code: response.StatusCode, warnings: response.Header.Values("Warning")}
	result.body, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	if response.StatusCode >= http.StatusBadRequest {
		require.NoError(t, json.Unmarshal(result.body, &result.status), "%s", result.body)
	}
	return result
}

func encode(t testing.TB, value any) []byte {
	t.Helper()
	raw, err := json.Marshal(value)
	require.NoError(t, err)
	return raw
}

const (
	groupVersionPath = "/apis/types.kubefed.io/v1beta1"
	demoPath         = groupVersionPath + "/namespaces/demo/"
	jsonType         = "application/json"
)
