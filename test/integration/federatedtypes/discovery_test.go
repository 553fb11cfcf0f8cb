package federatedtypes

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	client, err := discovery.NewDiscoveryClientForConfig(s.Config)
	require.NoError(t, err)

	empty, err := client.ServerResourcesForGroupVersion("types.kubefed.io/v1beta1")
	require.NoError(t, err, "the group is there without kinds")
	require.Empty(t, empty.APIResources)

	namespaces := typeConfig("namespaces", "", "v1", "Namespace", "namespaces")
	namespaces.Spec.TargetType.Scope = corev1beta1.ClusterScoped
	enable(t, s, deployments, configMaps, namespaces)

	legacy, err := client.ServerResourcesForGroupVersion("types.kubefed.io/v1beta1")
	require.NoError(t, err)
	byName := map[string]metav1.APIResource{}
	for _, r := range legacy.APIResources {
		byName[r.Name] = r
	}
	require.Len(t, byName, 7)
	deployment := byName["federateddeployments"]
	require.Equal(t, "FederatedDeployment", deployment.Kind)
	require.Equal(t, "federateddeployment", deployment.SingularName)
	require.Equal(t, []string{"fdeploy"}, deployment.ShortNames)
	require.Equal(t, []string{"federation", "kubefed"}, deployment.Categories)
	require.ElementsMatch(t, []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}, []string(deployment.Verbs))
	require.NotEmpty(t, deployment.StorageVersionHash)
	require.True(t, byName["federatednamespaces"].Namespaced, "a FederatedNamespace is in its namespace")
	require.Equal(t, []string{"fns"}, byName["federatednamespaces"].ShortNames)
	scale := byName["federateddeployments/scale"]
	require.Equal(t, "Scale", scale.Kind)
	require.Equal(t, "autoscaling", scale.Group)

	aggregated := apidiscoveryv2.APIGroupDiscoveryList{}
	require.Eventually(t, func() bool {
		raw, err := client.RESTClient().Get().AbsPath("/apis").
			SetHeader("Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList").Do(t.Context()).Raw()
		require.NoError(t, err)
		aggregated = apidiscoveryv2.APIGroupDiscoveryList{}
		require.NoError(t, json.Unmarshal(raw, &aggregated))
		for _, group := range aggregated.Items {
			if group.Name == "types.kubefed.io" {
				return len(group.Versions[0].Resources) == 3
			}
		}
		return false
	}, patience, poll)
	require.Eventually(t, func() bool { return s.Nudges.Load() > 0 }, patience, poll)
}

// documentOf waits for a document of which published is true. A stale hash must
// not make the server redirect.
func documentOf(t *testing.T, s *typeserver.Server, published func(*spec3.OpenAPI) bool) *spec3.OpenAPI {
	t.Helper()
	var document *spec3.OpenAPI
	require.Eventually(t, func() bool {
		answer := request(t, s, http.MethodGet, "/openapi/v3/apis/types.kubefed.io/v1beta1?hash=OLD", jsonType, nil)
		document = &spec3.OpenAPI{}
		return answer.code == http.StatusOK && json.Unmarshal(answer.body, document) == nil && published(document)
	}, patience, poll)
	return document
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, deployments, configMaps)
	const item = "/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federateddeployments/{name}"
	document := documentOf(t, s, func(d *spec3.OpenAPI) bool {
		return d.Paths.Paths[item] != nil && d.Components.Schemas["io.kubefed.types.v1beta1.FederatedConfigMap"] != nil
	})

	t.Run("every reference leads somewhere", func(t *testing.T) {
		raw := string(encode(t, document))
		for _, part := range strings.Split(raw, `"$ref":"`)[1:] {
			reference, _, _ := strings.Cut(part, `"`)
			name, ok := strings.CutPrefix(reference, "#/components/schemas/")
			require.True(t, ok, reference)
			require.Contains(t, document.Components.Schemas, name)
		}
	})
	t.Run("the template is the target's", func(t *testing.T) {
		schemas := document.Components.Schemas
		require.Contains(t, schemas["io.kubefed.types.v1beta1.FederatedDeployment"].Extensions, "x-kubernetes-group-version-kind")
		template := schemas["io.kubefed.types.v1beta1.FederatedDeploymentTemplate"]
		require.NotContains(t, template.Extensions, "x-kubernetes-group-version-kind")
		require.Empty(t, template.Required)
		replicas := schemas["io.k8s.api.apps.v1.DeploymentSpec"].Properties["replicas"]
		require.True(t, replicas.Type.Contains("integer"))
		require.NotContains(t, schemas, "io.kubefed.types.v1beta1.FederatedObject")
		require.NotContains(t, schemas, "io.k8s.api.apps.v1.Deployment", "the group has no Deployments")
	})
	t.Run("the keys of overrides have defaults", func(t *testing.T) {
		schemas := document.Components.Schemas
		list := schemas["io.kubefed.types.v1beta1.FederatedDeploymentSpec"].Properties["overrides"]
		require.Equal(t, []any{"clusterName", "name"}, list.Extensions["x-kubernetes-list-map-keys"])
		entry := schemas["io.kubefed.types.v1beta1.ClusterOverrides"]
		require.Empty(t, entry.Required)
		for _, key := range []string{"clusterName", "name"} {
			require.Exactly(t, any(""), entry.Properties[key].Default, key)
		}
		require.Contains(t, entry.Properties, "clusterSelector")
	})
	t.Run("patches are what is supported, and kubectl finds its parameters", func(t *testing.T) {
		patch := document.Paths.Paths[item].Patch
		content := patch.RequestBody.Content
		require.Len(t, content, 3)
		require.NotContains(t, content, "application/strategic-merge-patch+json")
		require.Contains(t, content, "application/apply-patch+yaml")
		var names []string
		for _, parameter := range patch.Parameters {
			names = append(names, parameter.Name)
		}
		require.Subset(t, names, []string{"dryRun", "fieldManager", "fieldValidation", "force"})
	})
	t.Run("version 2 has the kinds with free-form templates", func(t *testing.T) {
		swagger := &spec.Swagger{}
		answer := request(t, s, http.MethodGet, "/openapi/v2", jsonType, nil)
		require.Equal(t, http.StatusOK, answer.code)
		require.NoError(t, json.Unmarshal(answer.body, swagger))
		require.Contains(t, swagger.Definitions, "io.kubefed.types.v1beta1.FederatedDeployment")
		require.NotContains(t, swagger.Definitions, "io.kubefed.types.v1beta1.FederatedObject")
		require.Contains(t, swagger.Paths.Paths, "/apis/core.kubefed.io/v1beta1/kubefedclusters", "the other groups stay")
		require.NotContains(t, swagger.Paths.Paths[item].Patch.Consumes, "application/strategic-merge-patch+json")
		for _, part := range strings.Split(string(answer.body), `"$ref":"`)[1:] {
			reference, _, _ := strings.Cut(part, `"`)
			if name, ok := strings.CutPrefix(reference, "#/definitions/"); ok {
				require.Contains(t, swagger.Definitions, name)
			}
		}
	})
	t.Run("protobuf is served too", func(t *testing.T) {
		for _, path := range []string{"/openapi/v2", "/openapi/v3/apis/types.kubefed.io/v1beta1"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Config.Host+path, nil)
			require.NoError(t, err)
			req.Header.Set("Accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf,application/com.github.proto-openapi.spec.v3@v1.0+protobuf")
			response, err := s.HTTP(t).Do(req)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, http.StatusOK, response.StatusCode, path)
			require.Contains(t, response.Header.Get("Content-Type"), "protobuf", path)
		}
	})
	t.Run("a kind that goes leaves the document", func(t *testing.T) {
		disable(t, s, deployments)
		documentOf(t, s, func(d *spec3.OpenAPI) bool { return d.Paths.Paths[item] == nil })
	})
}

func TestTable(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps)
	created := create(t, s, configMaps, "listed", `{template: {data: {}}}`)
	created.Object["status"] = map[string]any{
		"conditions": []any{map[string]any{"type": "Ready", "status": "False", "reason": "CheckClusters", "message": "b is not ready"}},
		"clusters":   []any{map[string]any{"name": "a"}, map[string]any{"name": "b", "status": "ClusterNotReady"}},
	}
	_, err := objects(t, s, configMaps).UpdateStatus(t.Context(), created, metav1.UpdateOptions{})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Config.Host+demoPath+"federatedconfigmaps", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
	response, err := s.HTTP(t).Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	table := metav1.Table{}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&table))
	require.Len(t, table.Rows, 1)
	require.Equal(t, []any{"listed", "False", "1/2", "CheckClusters", "b is not ready"}, table.Rows[0].Cells[:5])
	require.Contains(t, string(table.Rows[0].Object.Raw), `"name":"listed"`)
}
