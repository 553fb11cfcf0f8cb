package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// TestDriftIsRepaired changes copies in a member by hand.
func TestDriftIsRepaired(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace(cluster1, cluster2)
	f.apply(federatedDeployment(namespace, "web", 1, cluster1, cluster2))
	f.apply(federatedConfigMap(namespace, "settings", "ours", cluster1, cluster2))
	f.awaitReady(federatedDeployments, namespace, "web")
	f.awaitReady(federatedConfigMaps, namespace, "settings")
	inMember := func(args ...string) []string {
		return append([]string{"--context", cluster1, "-n", namespace}, args...)
	}

	t.Run("a field that was changed", func(t *testing.T) {
		f := f.in(t)
		before := f.get(cluster1, deployments, namespace, "web")
		f.kubectl(inMember("scale", "deployment/web", "--replicas=5")...)
		f.awaitCopy(cluster1, deployments, namespace, "web", hasReplicas(1), isNot(before))
		f.kubectl(inMember("set", "image", "deployment/web", "main=nginx:0.1")...)
		after := f.awaitCopy(cluster1, deployments, namespace, "web", hasImage("nginx:1.27"))
		assert.Equal(t, before.GetUID(), after.GetUID(), "the copy is repaired in place")
	})

	t.Run("a field that was taken away", func(t *testing.T) {
		f := f.in(t)
		f.kubectl(inMember("patch", "configmap", "settings", "--type=json", `-p=[{"op":"remove","path":"/data/key"}]`)...)
		f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("ours"))
	})

	t.Run("the label by which the federation knows its copies", func(t *testing.T) {
		f := f.in(t)
		f.kubectl(inMember("label", "configmap", "settings", "kubefed.io/managed-")...)
		f.awaitCopy(cluster1, configMaps, namespace, "settings", isManaged)
	})

	t.Run("a copy that was deleted", func(t *testing.T) {
		f := f.in(t)
		before := f.get(cluster1, configMaps, namespace, "settings")
		f.kubectl(inMember("delete", "configmap", "settings")...)
		after := f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("ours"))
		assert.NotEqual(t, before.GetUID(), after.GetUID())
		f.awaitReady(federatedConfigMaps, namespace, "settings")
	})

	t.Run("what others own stays", func(t *testing.T) {
		f := f.in(t)
		f.kubectl(inMember("annotate", "configmap", "settings", "example.com/note=mine")...)
		f.patch(cluster1, configMaps, namespace, "settings", `{"data":{"extra":"theirs"}}`)
		f.apply(federatedConfigMap(namespace, "settings", "changed", cluster1, cluster2))
		settings := f.awaitCopy(cluster1, configMaps, namespace, "settings", hasValue("changed"))
		assert.Equal(t, "mine", settings.GetAnnotations()["example.com/note"])
		assert.NoError(t, hasString("theirs", "data", "extra")(settings))
	})

	t.Run("replicas that an autoscaler owns stay", func(t *testing.T) {
		f := f.in(t)
		object := federatedDeployment(namespace, "scaled", 2, cluster1, cluster2)
		object.Object["spec"].(map[string]any)["retainReplicas"] = true
		f.apply(object)
		f.awaitCopy(cluster1, deployments, namespace, "scaled", hasReplicas(2))
		f.awaitReady(federatedDeployments, namespace, "scaled")
		f.kubectl(inMember("scale", "deployment/scaled", "--replicas=4")...)
		// The next change of the template shows that the federation has seen the copy since.
		f.patch(env.HostName, federatedDeployments, namespace, "scaled", `{"spec":{"template":{"metadata":{"labels":{"round":"two"}}}}}`)
		f.awaitCopy(cluster1, deployments, namespace, "scaled", hasString("two", "metadata", "labels", "round"), hasReplicas(4))
		f.awaitCopy(cluster2, deployments, namespace, "scaled", hasString("two", "metadata", "labels", "round"), hasReplicas(2))
	})

	t.Run("annotations of the template arrive", func(t *testing.T) {
		f := f.in(t)
		f.patch(env.HostName, federatedConfigMaps, namespace, "settings", `{"spec":{"template":{"metadata":{"annotations":{"example.com/from":"template"}}}}}`)
		settings := f.awaitCopy(cluster1, configMaps, namespace, "settings", hasString("template", "metadata", "annotations", "example.com/from"))
		assert.Equal(t, "mine", settings.GetAnnotations()["example.com/note"])
	})
}

func isManaged(object *unstructured.Unstructured) error {
	return hasString("true", "metadata", "labels", "kubefed.io/managed")(object)
}

// isNot checks that an object was written since.
func isNot(before *unstructured.Unstructured) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		if object.GetGeneration() == before.GetGeneration() {
			return fmt.Errorf("generation is still %d", before.GetGeneration())
		}
		return nil
	}
}

func hasImage(image string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		containers, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
		if err != nil {
			return err
		}
		if found := containers[0].(map[string]any)["image"]; found != image {
			return fmt.Errorf("the image is %v, not %s", found, image)
		}
		return nil
	}
}
