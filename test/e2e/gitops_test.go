package e2e

import (
	"fmt"
	"strings"
	"testing"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/kube-openapi/pkg/util/proto/validation"

	openapi "k8s.io/kube-openapi/pkg/util/proto"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// manifestFromGit has what tools stumble over: quantities in several spellings, lists whose order means something, defaults
// that are left out, and empty values.
const manifestFromGit = `apiVersion: types.kubefed.io/v1beta1
kind: FederatedDeployment
metadata:
  name: %[2]s
  namespace: %[1]s
  labels: {app: web}
spec:
  template:
    metadata:
      annotations: {note: ""}
    spec:
      replicas: 1
      selector: {matchLabels: {app: web}}
      strategy: {rollingUpdate: {maxSurge: 25%%, maxUnavailable: 0}}
      template:
        metadata: {labels: {app: web}}
        spec:
          terminationGracePeriodSeconds: 5
          containers:
          - name: zulu
            image: nginx:1.27
            ports: [{containerPort: 8443, name: https}, {containerPort: 80, name: http, protocol: TCP}]
            env: [{name: B, value: "2"}, {name: A, value: ""}]
            resources: {requests: {cpu: 1000m, memory: 0.5Gi}, limits: {cpu: "1", memory: 1024Mi}}
          - name: alpha
            image: busybox:1.36
            args: []
          tolerations: [{key: z, operator: Exists}, {key: a, operator: Exists}]
  placement:
    clusters: [{name: cluster2}, {name: cluster1}]
  overrides:
  - clusterName: cluster2
    clusterOverrides:
    - {path: /spec/replicas, value: 2}
    - {op: add, path: /metadata/labels, value: {where: there}}
`

// TestWhatWasAppliedIsNoDifference: whoever compares git with the cluster finds nothing, before and after the federation has
// done its work, on the server's side and on the client's.
func TestWhatWasAppliedIsNoDifference(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	for name, side := range map[string][]string{"on the server's side": {"--server-side"}, "on the client's side": nil} {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			object := "web-" + map[bool]string{true: "server", false: "client"}[side != nil]
			manifest := fmt.Sprintf(manifestFromGit, namespace, object)
			// kubectl asks twice and compares: what the federation writes between is a difference too.
			same := func() {
				t.Helper()
				f.eventually("nobody to write amid a comparison", func() error {
					before := f.get(env.HostName, federatedDeployments, namespace, object).GetResourceVersion()
					r := f.run(manifest, "kubectl", append([]string{"diff", "-f", "-"}, side...)...)
					if r.err == nil {
						return nil
					}
					require.NotEqual(t, before, f.get(env.HostName, federatedDeployments, namespace, object).GetResourceVersion(), r.stdout+r.stderr)
					return r.err
				})
			}
			f.succeed(manifest, append([]string{"apply", "-f", "-"}, side...)...)
			same()
			ready := f.awaitReady(federatedDeployments, namespace, object)
			same()
			f.succeed(manifest, append([]string{"apply", "-f", "-"}, side...)...)
			again := f.get(env.HostName, federatedDeployments, namespace, object)
			assert.Equal(t, ready.GetGeneration(), again.GetGeneration(), "to apply the same is no change")
			containers, _, err := unstructured.NestedSlice(again.Object, "spec", "template", "spec", "template", "spec", "containers")
			require.NoError(t, err)
			first := containers[0].(map[string]any)
			assert.Equal(t, "zulu", first["name"], "lists keep their order")
			assert.NoError(t, hasString("1000m", "resources", "requests", "cpu")(&unstructured.Unstructured{Object: first}))

			changed := strings.Replace(manifest, "image: nginx:1.27", "image: nginx:1.28", 1)
			r := f.run(changed, "kubectl", append([]string{"diff", "-f", "-"}, side...)...)
			require.Error(t, r.err)
			assert.Contains(t, r.stdout, "-            image: nginx:1.27\n+            image: nginx:1.28\n")
		})
	}
}

// TestAPICachesOfTools reads what Argo CD and others keep of a cluster: all of discovery, and all of OpenAPI v2, in which they
// look up every kind.
func TestAPICachesOfTools(t *testing.T) {
	t.Parallel()
	f := setup(t)
	client, err := discovery.NewDiscoveryClientForConfig(f.Host().Config())
	require.NoError(t, err)
	var document *openapi_v2.Document
	var byKind map[string]openapi.Schema
	// A kind that another test has just enabled is in discovery at once, and in OpenAPI v2 when the host has asked for it again,
	// which it does every minute.
	f.eventuallyAfterAMinute("a schema of every kind in discovery", func() error {
		served, err := federationKinds(client)
		if err != nil {
			return err
		}
		if len(served) < 15 {
			return fmt.Errorf("discovery has only %v", served)
		}
		if document, err = client.OpenAPISchema(); err != nil {
			return err
		}
		if byKind, err = schemasByKind(document); err != nil {
			return err
		}
		for _, kind := range served {
			if byKind[kind] == nil {
				return fmt.Errorf("%s has no schema", kind)
			}
		}
		return nil
	})

	// What is stored fits what is published.
	namespace := f.namespace(cluster1)
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1))
	object := f.awaitReady(federatedDeployments, namespace, "web")
	assert.Empty(t, validation.ValidateModel(object.Object, byKind["types.kubefed.io/v1beta1 FederatedDeployment"], "FederatedDeployment"))

	// It goes through protobuf, as caches hand it on.
	data, err := proto.Marshal(document)
	require.NoError(t, err)
	require.NoError(t, proto.Unmarshal(data, &openapi_v2.Document{}))
}

// federationKinds lists the kinds of the federation that discovery has, as "group/version kind", and finds fault with a resource
// without a singular name.
func federationKinds(client discovery.DiscoveryInterface) ([]string, error) {
	_, lists, err := client.ServerGroupsAndResources()
	if err != nil {
		return nil, err
	}
	var kinds []string
	for _, list := range lists {
		if !strings.Contains(list.GroupVersion, ".kubefed.io/") {
			continue
		}
		for _, resource := range list.APIResources {
			if strings.Contains(resource.Name, "/") {
				continue
			}
			if resource.SingularName == "" {
				return nil, fmt.Errorf("%s %s has no singular name", list.GroupVersion, resource.Name)
			}
			kinds = append(kinds, list.GroupVersion+" "+resource.Kind)
		}
	}
	return kinds, nil
}

// schemasByKind gives the schemas of a document by "group/version kind".
func schemasByKind(document *openapi_v2.Document) (map[string]openapi.Schema, error) {
	models, err := openapi.NewOpenAPIData(document)
	if err != nil {
		return nil, err
	}
	schemas := map[string]openapi.Schema{}
	for _, name := range models.ListModels() {
		model := models.LookupModel(name)
		kinds, _ := model.GetExtensions()["x-kubernetes-group-version-kind"].([]any)
		for _, kind := range kinds {
			entry, ok := kind.(map[any]any)
			if !ok {
				return nil, fmt.Errorf("%s: a kind of type %T", name, kind)
			}
			schemas[fmt.Sprintf("%v/%v %v", entry["group"], entry["version"], entry["kind"])] = model
		}
	}
	return schemas, nil
}

// TestKubectlKnowsEveryKind goes through what kubectl says of all kinds.
func TestKubectlKnowsEveryKind(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, category := range []string{"kubefed", "federation"} {
		resources := f.kubectl("api-resources", "--categories="+category, "-o", "name")
		for _, resource := range []string{"kubefedclusters.core.kubefed.io", "federateddeployments.types.kubefed.io", "replicaschedulingpreferences.scheduling.kubefed.io", "servicednsrecords.multiclusterdns.kubefed.io"} {
			assert.Contains(t, resources, resource+"\n", category)
		}
	}
	assert.NotContains(t, f.kubectl("api-resources", "--categories=all", "-o", "name"), "kubefed.io", "kubectl get all has what runs, not what asks for it")

	explained := f.kubectl("explain", "federateddeployment", "--recursive")
	for _, field := range []string{"placement", "clusterOverrides", "observedGeneration", "terminationGracePeriodSeconds"} {
		assert.Contains(t, explained, field)
	}
	for _, level := range []string{
		"federateddeployment", "federateddeployment.spec", "federateddeployment.spec.template", "federateddeployment.spec.overrides.clusterOverrides.path",
		"federateddeployment.status.clusters.replicas", "rsp.spec.clusters", "ftc.spec.targetType", "kfc.status.conditions", "kubefedconfig.spec.clusterHealthCheck",
	} {
		text := f.kubectl("explain", level)
		assert.Contains(t, text, "DESCRIPTION:", level)
		assert.NotContains(t, text, "<empty>", level)
	}
	for _, question := range [][]string{{"update", "federateddeployments", "--subresource=scale"}, {"patch", "federateddeployments.types.kubefed.io"}, {"get", "kubefedclusters", "--subresource=status"}} {
		assert.Equal(t, "yes\n", f.kubectl(append([]string{"auth", "can-i"}, question...)...))
		nobody := f.run("", "kubectl", append([]string{"auth", "can-i", "--as=nobody"}, question...)...)
		assert.Equal(t, "no\n", nobody.stdout)
	}
}

// TestKubectlActsOnFederatedObjects goes through the commands that the other tests do without.
func TestKubectlActsOnFederatedObjects(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1)
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1))
	f.kubectl("wait", "-n", namespace, "--for=create", "fdeploy/web", timeoutFlag)
	f.kubectl("wait", "-n", namespace, "--for=jsonpath={.status.readyReplicas}=1", "fdeploy/web", timeoutFlag)

	f.kubectl("annotate", "-n", namespace, "fdeploy", "web", "example.com/note=one")
	assert.Contains(t, f.refused("", "annotate", "-n", namespace, "fdeploy", "web", "example.com/note=two"), "--overwrite is false")
	f.kubectl("annotate", "-n", namespace, "fdeploy", "web", "example.com/note=two", "--overwrite")
	f.kubectl("label", "-n", namespace, "fdeploy", "--all", "tier=front")
	assert.Equal(t, "two front", f.kubectl("get", "-n", namespace, "fdeploy", "web", "-o", `jsonpath={.metadata.annotations.example\.com/note} {.metadata.labels.tier}`))

	f.kubectl("patch", "-n", namespace, "fdeploy", "web", "--subresource=scale", "--type=merge", "-p", `{"spec":{"replicas":2}}`)
	f.awaitCopy(cluster1, deployments, namespace, "web", hasReplicas(2))
	assert.Contains(t, f.refused("", "scale", "-n", namespace, "fdeploy/web", "--current-replicas=7", "--replicas=1"), "Expected replicas to be 7")

	// The annotation in the template is what kubectl rollout restart would have set.
	f.kubectl("patch", "-n", namespace, "fdeploy", "web", "--type=merge", "-p", `{"spec":{"template":{"spec":{"template":{"metadata":{"annotations":{"restarted":"now"}}}}}}}`)
	f.awaitCopy(cluster1, deployments, namespace, "web", hasString("now", "spec", "template", "metadata", "annotations", "restarted"))
	for _, command := range [][]string{{"rollout", "status"}, {"rollout", "restart"}, {"set", "image"}} {
		args := append(append([]string{}, command...), "-n", namespace, "fdeploy/web")
		if command[0] == "set" {
			args = append(args, "main=nginx:1.28")
		}
		assert.Contains(t, f.refused("", args...), "FederatedDeployment", "kubectl %s says that it does not know the kind", strings.Join(command, " "))
	}

	// Events of success are rare while there are many; a further change gets a further chance.
	tries := 0
	f.eventually("events", func() error {
		tries++
		if told := f.run("", "kubectl", "events", "-n", namespace, "--for", "fdeploy/web"); told.err != nil || !strings.Contains(told.stdout, "FederatedDeployment/web") {
			f.patch(env.HostName, federatedDeployments, namespace, "web", fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"round":"%d"}}}}}`, tries))
			return fmt.Errorf("%w: %s%s", told.err, told.stdout, told.stderr)
		}
		return nil
	})
	f.kubectl("delete", "-n", namespace, "fdeploy", "web", "--wait", "--cascade=foreground", timeoutFlag)
	f.requireAbsent(cluster1, deployments, namespace, "web")
}
