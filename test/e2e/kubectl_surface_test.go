package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/test/env"
)

func TestKubectlReads(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace(cluster1, cluster2)
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1, cluster2))
	f.kubectl("wait", "-n", namespace, "federateddeployment/web", "--for=condition=Ready", timeoutFlag)

	t.Run("get prints what matters", func(t *testing.T) {
		f := f.in(t)
		assert.Regexp(t, `^NAME +READY +CLUSTERS +REPLICAS +AGE\nweb +True +2/2 +\d+/\d+ +\S+\n$`, f.kubectl("get", "-n", namespace, "fdeploy"))
		assert.Regexp(t, `^NAME +READY +CLUSTERS +REPLICAS +REASON +MESSAGE +AGE\nweb +True +2/2 +\d+/\d+ +Ready +2 of 2 clusters are as asked for +\S+\n$`,
			f.kubectl("get", "-n", namespace, "federateddeployments.types.kubefed.io", "web", "-o", "wide"))
		assert.Regexp(t, `(?m)^NAME +READY +VERSION +AGE\ncluster1 +True +v1\.\d+\.\d+ +\S+$`, f.kubectl("get", "-n", env.SystemNamespace, "kfc"))
		assert.Regexp(t, `(?m)^deployments.apps +FederatedDeployment +Enabled +Running`, f.kubectl("get", "-n", env.SystemNamespace, "ftc"))
		// It asks for every kind of discovery, those too that other tests enable and disable; api-resources reads discovery anew.
		f.eventually("the category to have all kinds", func() error {
			f.run("", "kubectl", "api-resources", "--api-group=types.kubefed.io")
			r := f.run("", "kubectl", "get", "-n", namespace, "federation", "-o", "name")
			if r.err != nil || !strings.Contains(r.stdout, "federateddeployment.types.kubefed.io/web\n") {
				return fmt.Errorf("%w: %s%s", r.err, r.stdout, r.stderr)
			}
			return nil
		})
	})

	t.Run("get selects", func(t *testing.T) {
		f := f.in(t)
		f.kubectl("label", "-n", namespace, "federateddeployment", "web", "tier=front")
		assert.Equal(t, "web", f.kubectl("get", "-n", namespace, "federateddeployments", "-l", "tier=front", "-o", "jsonpath={.items[*].metadata.name}"))
		assert.Empty(t, f.kubectl("get", "-n", namespace, "federateddeployments", "-l", "tier=back", "-o", "name"))
		assert.Contains(t, f.kubectl("get", "-n", namespace, "federateddeployments", "--field-selector", "metadata.name=web", "-o", "name"), "/web\n")
	})

	t.Run("explain knows the template", func(t *testing.T) {
		f := f.in(t)
		assert.Contains(t, f.kubectl("explain", "federateddeployments.spec.template.spec.replicas"), "Number of desired pods")
		assert.Contains(t, f.kubectl("explain", "federateddeployments.spec.template.spec.template.spec.containers.image"), "Container image name")
		assert.Contains(t, f.kubectl("explain", "federatedconfigmaps.spec.template.data"), "configuration data")
		assert.Contains(t, f.kubectl("explain", "federateddeployments.spec.placement.clusterSelector"), "labels")
		assert.Contains(t, f.kubectl("explain", "kubefedclusters.spec.apiEndpoint"), "FIELD: apiEndpoint")
	})

	t.Run("describe shows events", func(t *testing.T) {
		f := f.in(t)
		// Events of success are rare while there are many; a further change gets a further chance.
		f.create(federatedConfigMaps, federatedConfigMap(namespace, "told", "0", cluster1))
		tries := 0
		f.eventually("events in the description", func() error {
			tries++
			f.patch(env.HostName, federatedConfigMaps, namespace, "told", fmt.Sprintf(`{"spec":{"template":{"data":{"key":"%d"}}}}`, tries))
			if described := f.kubectl("describe", "-n", namespace, "federatedconfigmap", "told"); !strings.Contains(described, "InCluster") {
				return fmt.Errorf("no event: %s", described)
			}
			return nil
		})
		object := f.get(env.HostName, federatedConfigMaps, namespace, "told")
		list, err := f.host(events, namespace).List(f.ctx(), metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(object.GetUID())})
		require.NoError(t, err)
		require.NotEmpty(t, list.Items)
		for _, event := range list.Items {
			kind, _, _ := unstructured.NestedString(event.Object, "involvedObject", "kind")
			assert.Equal(t, "FederatedConfigMap", kind)
		}
	})

	t.Run("watch sees a change", func(t *testing.T) {
		f := f.in(t)
		object := f.get(env.HostName, federatedDeployments, namespace, "web")
		watch, err := f.host(federatedDeployments, namespace).Watch(f.ctx(), metav1.ListOptions{ResourceVersion: object.GetResourceVersion()})
		require.NoError(t, err)
		defer watch.Stop()
		f.kubectl("label", "-n", namespace, "federateddeployment", "web", "seen=yes")
		// The federation may report something of its own before.
		for event := range watch.ResultChan() {
			object, ok := event.Object.(*unstructured.Unstructured)
			require.True(t, ok, "%v", event)
			if object.GetLabels()["seen"] == "yes" {
				return
			}
		}
		require.Fail(t, "the watch has ended")
	})
}

func TestKubectlWrites(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace(cluster1, cluster2)
	f.apply(federatedDeployment(namespace, "web", 1, cluster1, cluster2))
	f.awaitReady(federatedDeployments, namespace, "web")

	t.Run("apply on the client's side keeps what others set", func(t *testing.T) {
		f := f.in(t)
		f.patch(env.HostName, federatedDeployments, namespace, "web", `{"spec":{"template":{"metadata":{"annotations":{"example.com/by":"another"}}}}}`)
		f.apply(federatedDeployment(namespace, "web", 2, cluster1, cluster2))
		object := f.get(env.HostName, federatedDeployments, namespace, "web")
		assert.NoError(t, hasInt(2, "spec", "template", "spec", "replicas")(object))
		assert.NoError(t, hasString("another", "spec", "template", "metadata", "annotations", "example.com/by")(object))
		assert.Contains(t, f.apply(federatedDeployment(namespace, "web", 2, cluster1, cluster2)).stdout, "unchanged")
	})

	t.Run("apply on the server's side owns fields inside of the template", func(t *testing.T) {
		f := f.in(t)
		first := federatedObject("FederatedConfigMap", namespace, "shared", map[string]any{"data": map[string]any{"a": "first"}}, cluster1)
		second := federatedObject("FederatedConfigMap", namespace, "shared", map[string]any{"data": map[string]any{"b": "second"}})
		delete(second.Object["spec"].(map[string]any), "placement")
		f.apply(first, "--server-side", "--field-manager=first")
		f.apply(second, "--server-side", "--field-manager=second")
		object := f.get(env.HostName, federatedConfigMaps, namespace, "shared")
		assert.NoError(t, hasString("first", "spec", "template", "data", "a")(object))
		assert.NoError(t, hasString("second", "spec", "template", "data", "b")(object))

		thief := federatedObject("FederatedConfigMap", namespace, "shared", map[string]any{"data": map[string]any{"a": "stolen"}})
		delete(thief.Object["spec"].(map[string]any), "placement")
		complaint := f.refused(f.manifest(thief), "apply", "-f", "-", "--server-side", "--field-manager=second")
		assert.Contains(t, complaint, `conflict with "first": .spec.template.data.a`)

		released := federatedObject("FederatedConfigMap", namespace, "shared", map[string]any{"data": map[string]any{"c": "third"}})
		delete(released.Object["spec"].(map[string]any), "placement")
		f.apply(released, "--server-side", "--field-manager=second")
		object = f.get(env.HostName, federatedConfigMaps, namespace, "shared")
		assert.NoError(t, hasString("", "spec", "template", "data", "b")(object), "what its only owner does not apply any more is gone")
	})

	t.Run("managers own containers one by one", func(t *testing.T) {
		f := f.in(t)
		// kubectl would hand over to a server-side apply what its client-side apply owns: so not the object of above.
		f.apply(federatedDeployment(namespace, "with-sidecar", 1, cluster1), "--server-side", "--field-manager=main")
		sidecar := federatedObject("FederatedDeployment", namespace, "with-sidecar", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "sidecar", "image": "busybox:1.36"}},
		}}}})
		delete(sidecar.Object["spec"].(map[string]any), "placement")
		f.apply(sidecar, "--server-side", "--field-manager=sidecars")
		object := f.get(env.HostName, federatedDeployments, namespace, "with-sidecar")
		containers, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "template", "spec", "containers")
		require.NoError(t, err)
		assert.Len(t, containers, 2)
	})

	t.Run("diff shows the change and nothing else", func(t *testing.T) {
		f := f.in(t)
		object := federatedConfigMap(namespace, "compared", "old", cluster1)
		f.apply(object)
		f.awaitReady(federatedConfigMaps, namespace, "compared")
		same := f.run(f.manifest(object), "kubectl", "diff", "-f", "-")
		require.NoError(t, same.err, same.stdout+same.stderr)
		changed := f.run(f.manifest(federatedConfigMap(namespace, "compared", "new", cluster1)), "kubectl", "diff", "-f", "-")
		require.Error(t, changed.err)
		var lines []string
		for line := range strings.Lines(changed.stdout) {
			if strings.HasPrefix(line, "+ ") || strings.HasPrefix(line, "- ") {
				lines = append(lines, strings.Join(strings.Fields(line), " "))
			}
		}
		// kubectl's own annotation repeats the manifest; the generation goes up.
		var mine []string
		for _, line := range lines {
			if !strings.Contains(line, "generation:") && !strings.Contains(line, `{"apiVersion"`) {
				mine = append(mine, line)
			}
		}
		assert.Equal(t, []string{"- key: old", "+ key: new"}, mine, changed.stdout)
		assert.NoError(t, hasString("old", "spec", "template", "data", "key")(f.get(env.HostName, federatedConfigMaps, namespace, "compared")))
	})

	t.Run("scale", func(t *testing.T) {
		f := f.in(t)
		f.kubectl("scale", "-n", namespace, "federateddeployment/web", "--replicas=3")
		f.awaitCopy(cluster1, deployments, namespace, "web", hasReplicas(3))
		f.awaitCopy(cluster2, deployments, namespace, "web", hasReplicas(3))
		assert.Equal(t, "3", f.kubectl("get", "-n", namespace, "federateddeployment/web", "--subresource=scale", "-o", "jsonpath={.spec.replicas}"))
	})

	t.Run("patch", func(t *testing.T) {
		f := f.in(t)
		for _, kind := range []string{"merge", "json"} {
			patch := `{"spec":{"template":{"spec":{"replicas":1}}}}`
			if kind == "json" {
				patch = `[{"op":"replace","path":"/spec/template/spec/replicas","value":2}]`
			}
			f.kubectl("patch", "-n", namespace, "federateddeployment/web", "--type="+kind, "-p", patch)
		}
		f.awaitCopy(cluster1, deployments, namespace, "web", hasReplicas(2))
		complaint := f.refused("", "patch", "-n", namespace, "federateddeployment/web", "--type=strategic", "-p", `{"spec":{}}`)
		assert.Contains(t, complaint, "application/strategic-merge-patch+json")
		_, err := f.host(federatedDeployments, namespace).Patch(f.ctx(), "web", types.StrategicMergePatchType, []byte(`{}`), metav1.PatchOptions{})
		assert.True(t, apierrors.IsUnsupportedMediaType(err), "%v", err)
	})

	t.Run("edit", func(t *testing.T) {
		f := f.in(t)
		editor := filepath.Join(t.TempDir(), "editor")
		require.NoError(t, os.WriteFile(editor, []byte("#!/bin/sh\nsed -i 's/key: old/key: edited/' \"$1\"\n"), 0o700))
		edit := f.command(f.ctx(), "kubectl", "edit", "-n", namespace, "federatedconfigmap", "compared")
		edit.Env = append(edit.Env, "KUBE_EDITOR="+editor)
		output, err := edit.CombinedOutput()
		require.NoError(t, err, string(output))
		f.awaitCopy(cluster1, configMaps, namespace, "compared", hasValue("edited"))
	})

	t.Run("validation", func(t *testing.T) {
		f := f.in(t)
		object := federatedConfigMap(namespace, "typo", "value", cluster1)
		object.Object["spec"].(map[string]any)["template"].(map[string]any)["datta"] = map[string]any{"key": "value"}
		complaint := f.refused(f.manifest(object), "apply", "-f", "-", "--validate=strict")
		assert.Contains(t, complaint, `unknown field "spec.template.datta"`)
		f.requireAbsent(env.HostName, federatedConfigMaps, namespace, "typo")
		warned := f.apply(object, "--validate=warn")
		assert.Contains(t, warned.stderr, `Warning: unknown field "spec.template.datta"`)
		silent := f.apply(object, "--validate=ignore")
		assert.NotContains(t, silent.stderr, "datta")
		stored := f.get(env.HostName, federatedConfigMaps, namespace, "typo")
		_, found, _ := unstructured.NestedMap(stored.Object, "spec", "template", "datta")
		assert.False(t, found, "what the schema does not know is not stored")
	})

	t.Run("dry run", func(t *testing.T) {
		f := f.in(t)
		f.apply(federatedConfigMap(namespace, "never", "value", cluster1), "--dry-run=server")
		f.requireAbsent(env.HostName, federatedConfigMaps, namespace, "never")
		f.requireAbsent(cluster1, configMaps, namespace, "never")
	})

	t.Run("generateName", func(t *testing.T) {
		f := f.in(t)
		object := federatedConfigMap(namespace, "", "value", cluster1)
		object.SetName("")
		object.SetGenerateName("made-")
		created := f.create(federatedConfigMaps, object)
		assert.Regexp(t, "^made-.{5}$", created.GetName())
		f.awaitCopy(cluster1, configMaps, namespace, created.GetName(), hasValue("value"))
	})

	t.Run("an old dotted path means the pointer", func(t *testing.T) {
		f := f.in(t)
		object := override(federatedDeployment(namespace, "dotted", 1, cluster1), cluster1, map[string]any{"path": "spec.replicas", "value": int64(3)})
		assert.Contains(t, f.apply(object).stderr, `means "/spec/replicas"`)
		f.awaitCopy(cluster1, deployments, namespace, "dotted", hasReplicas(3))
	})

	t.Run("null survives in an override", func(t *testing.T) {
		f := f.in(t)
		object := federatedConfigMap(namespace, "nulled", "value", cluster1)
		f.create(federatedConfigMaps, override(object, cluster1, map[string]any{"op": "replace", "path": "/immutable", "value": nil}))
		stored := f.kubectl("get", "-n", namespace, "federatedconfigmap", "nulled", "-o", "json")
		var decoded struct {
			Spec struct {
				Overrides []struct{ ClusterOverrides []map[string]json.RawMessage }
			}
		}
		require.NoError(t, json.Unmarshal([]byte(stored), &decoded))
		require.Len(t, decoded.Spec.Overrides, 1)
		assert.Equal(t, "null", string(decoded.Spec.Overrides[0].ClusterOverrides[0]["value"]))
		f.awaitCopy(cluster1, configMaps, namespace, "nulled", hasValue("value"))
	})
}
