package typeserver

import (
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

//go:embed testdata/*.json
var documents embed.FS

// Host publishes schemas and names of target types as a kube-apiserver does: an
// index, one OpenAPI v3 document and one discovery document per group version.
type Host struct {
	url string

	mu        sync.Mutex
	down      bool
	openAPI   map[string][]byte
	resources map[string]metav1.APIResourceList
}

// NewHost starts a host that has Deployments and the core kinds of the testdata.
func NewHost(t testing.TB) *Host {
	t.Helper()
	h := &Host{openAPI: map[string][]byte{}, resources: map[string]metav1.APIResourceList{}}
	for path, file := range map[string]string{"api/v1": "api.v1.json", "apis/apps/v1": "apis.apps.v1.json"} {
		raw, err := documents.ReadFile("testdata/" + file)
		require.NoError(t, err)
		h.openAPI[path] = raw
	}
	h.resources["api/v1"] = metav1.APIResourceList{GroupVersion: "v1", APIResources: []metav1.APIResource{
		{Name: "configmaps", Kind: "ConfigMap", Namespaced: true, ShortNames: []string{"cm"}},
		{Name: "namespaces", Kind: "Namespace", ShortNames: []string{"ns"}},
		{Name: "secrets", Kind: "Secret", Namespaced: true},
		{Name: "services", Kind: "Service", Namespaced: true, ShortNames: []string{"svc"}},
	}}
	h.resources["apis/apps/v1"] = metav1.APIResourceList{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{
		{Name: "deployments", Kind: "Deployment", Namespaced: true, ShortNames: []string{"deploy"}},
	}}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// Publish sets the OpenAPI document at a path of the index such as
// apis/example.com/v1, and removes it if document is nil.
func (h *Host) Publish(path string, document []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if document == nil {
		delete(h.openAPI, path)
		return
	}
	h.openAPI[path] = document
}

// SetDown makes the host answer 503, or work again.
func (h *Host) SetDown(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
}

// Client returns a client of the host.
func (h *Host) Client(t testing.TB) rest.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: h.url, QPS: -1})
	require.NoError(t, err)
	return client.Discovery().RESTClient()
}

// ServeHTTP serves the documents.
func (h *Host) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	const openAPI = "/openapi/v3"
	switch path := req.URL.Path; {
	case path == openAPI:
		index := map[string]any{}
		for name, raw := range h.openAPI {
			index[name] = map[string]string{"serverRelativeURL": fmt.Sprintf("%s/%s?hash=%X", openAPI, name, sha256.Sum256(raw))}
		}
		answer(w, map[string]any{"paths": index})
	case len(path) > len(openAPI) && path[:len(openAPI)] == openAPI:
		raw, ok := h.openAPI[path[len(openAPI)+1:]]
		if !ok {
			http.NotFound(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(raw)
	default:
		list, ok := h.resources[path[1:]]
		if !ok {
			http.NotFound(w, req)
			return
		}
		list.TypeMeta = metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}
		answer(w, list)
	}
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

// CustomKind makes the OpenAPI document of a custom resource whose spec has the
// properties given, as JSON.
func CustomKind(group, version, kind, specProperties string) []byte {
	return fmt.Appendf(nil, `{"openapi":"3.0.0","info":{"title":"t","version":"v"},"paths":{},"components":{"schemas":{
		"com.example.%[3]s":{"type":"object","x-kubernetes-group-version-kind":[{"group":%[1]q,"version":%[2]q,"kind":%[3]q}],
		"properties":{"apiVersion":{"type":"string"},"kind":{"type":"string"},"metadata":{"type":"object"},
		"spec":{"type":"object","properties":%[4]s}}}}}}`, group, version, kind, specProperties)
}
