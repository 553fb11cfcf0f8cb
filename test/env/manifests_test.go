package env

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const deployment = `
apiVersion: v1
kind: Namespace
metadata: {name: system}
---
apiVersion: v1
kind: Service
metadata: {name: server, namespace: system}
---
# a comment alone is no object
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: server, namespace: system}
---
apiVersion: core.kubefed.io/v1beta1
kind: KubeFedConfig
metadata: {name: kubefed, namespace: system}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.core.kubefed.io}
spec:
  group: core.kubefed.io
  insecureSkipTLSVerify: true
  service: {name: server, namespace: system, port: 443}
`

func TestDeploymentIsAdaptedToAProcess(t *testing.T) {
	objects, err := decode([]byte(deployment))
	require.NoError(t, err)
	m := split(objects)
	kinds := func(objects []*unstructured.Unstructured) (kinds []string) {
		for _, object := range objects {
			kinds = append(kinds, object.GetKind())
		}
		return kinds
	}
	assert.Equal(t, []string{"Namespace", "APIService"}, kinds(m.host))
	assert.Equal(t, []string{"KubeFedConfig"}, kinds(m.federation))

	services, err := register(m.host, "Y2E=", 4711)
	require.NoError(t, err)
	require.Equal(t, []service{{namespace: "system", name: "server"}}, services)
	assert.Equal(t, "server.system.svc", services[0].dnsName())
	assert.Equal(t, map[string]any{
		"group":    "core.kubefed.io",
		"caBundle": "Y2E=",
		"service":  map[string]any{"name": "server", "namespace": "system", "port": int64(4711)},
	}, m.host[1].Object["spec"])

	external := services[0].externalName(4711)
	kind, _, err := unstructured.NestedString(external.Object, "spec", "type")
	require.NoError(t, err)
	assert.Equal(t, "ExternalName", kind)
}

func TestAnAPIServiceWithoutServiceIsAnError(t *testing.T) {
	objects, err := decode([]byte("apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.x}\n"))
	require.NoError(t, err)
	_, err = register(objects, "", 1)
	assert.ErrorContains(t, err, "v1.x names no service")
}
