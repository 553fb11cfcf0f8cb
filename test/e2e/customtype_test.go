package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/test/env"
)

var (
	widgets          = schema.GroupVersionResource{Group: "e2e.example.com", Version: "v1", Resource: "widgets"}
	federatedWidgets = federated("federatedwidgets")
)

// TestCustomResourceIsFederatedAtRunTime takes a type that nobody knew when the server was started.
func TestCustomResourceIsFederatedAtRunTime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	crd, config := testdata("widgets", "crd.yaml"), testdata("widgets", "type.yaml")
	namespace := f.namespace(cluster1, cluster2, cluster3)
	// cluster3 does not have the type.
	for _, cluster := range []string{env.HostName, cluster1, cluster2} {
		f.kubectl("--context", cluster, "create", "-f", crd)
		t.Cleanup(func() {
			f.kubectlAfter("--context", cluster, "delete", "-f", crd, "--wait=false")
		})
		f.kubectl("--context", cluster, "wait", "--for=condition=Established", "crd/widgets.e2e.example.com", timeoutFlag)
	}

	f.kubectl("create", "-f", config)
	t.Cleanup(func() {
		f.kubectlAfter("delete", "-f", config, "--ignore-not-found")
	})
	enabled := time.Now()
	f.refreshRights()
	f.eventually("kubectl explain", func() error {
		if r := f.run("", "kubectl", "explain", "federatedwidgets.spec.template.spec.size"); r.err != nil || !strings.Contains(r.stdout, "in pixels") {
			return fmt.Errorf("%w: %s%s", r.err, r.stdout, r.stderr)
		}
		return nil
	})
	t.Logf("kubectl explained the new kind after %s", time.Since(enabled).Round(time.Millisecond))
	f.awaitCopy(env.HostName, federatedTypeConfigs, env.SystemNamespace, "widgets.e2e.example.com",
		hasString("Running", "status", "propagationController"))

	widget := func(fields map[string]any) *unstructured.Unstructured {
		return federatedObject("FederatedWidget", namespace, "gadget", map[string]any{"spec": fields}, cluster1, cluster2, cluster3)
	}
	complaint := f.refused(f.manifest(widget(map[string]any{"sise": 3})), "create", "-f", "-")
	assert.Contains(t, complaint, `unknown field "spec.template.spec.sise"`)
	complaint = f.refused(f.manifest(widget(map[string]any{"size": "three"})), "create", "-f", "-", "--validate=ignore")
	assert.Contains(t, complaint, "spec.template.spec.size")

	object := widget(map[string]any{"size": int64(3), "colours": []any{"red"}})
	f.apply(override(object, cluster2, map[string]any{"path": "/spec/size", "value": int64(5)}))
	f.awaitCopy(cluster1, widgets, namespace, "gadget", hasInt(3, "spec", "size"))
	f.awaitCopy(cluster2, widgets, namespace, "gadget", hasInt(5, "spec", "size"))
	f.awaitCopy(env.HostName, federatedWidgets, namespace, "gadget",
		hasClusterStatus(cluster1, ""), hasClusterStatus(cluster2, ""), hasClusterStatus(cluster3, "TypeNotAvailable"))

	t.Run("a member that gets the type later gets the object", func(t *testing.T) {
		f := f.in(t)
		f.kubectl("--context", cluster3, "create", "-f", crd)
		f.awaitCopy(cluster3, widgets, namespace, "gadget", hasInt(3, "spec", "size"))
		f.awaitReady(federatedWidgets, namespace, "gadget")
	})
	t.Cleanup(func() {
		f.kubectlAfter("--context", cluster3, "delete", "-f", crd, "--wait=false", "--ignore-not-found")
	})

	t.Run("propagation can be switched off and on", func(t *testing.T) {
		f := f.in(t)
		switchTo := func(mode, controller string) {
			f.patch(env.HostName, federatedTypeConfigs, env.SystemNamespace, "widgets.e2e.example.com", `{"spec":{"propagation":"`+mode+`"}}`)
			f.awaitCopy(env.HostName, federatedTypeConfigs, env.SystemNamespace, "widgets.e2e.example.com",
				hasString(controller, "status", "propagationController"))
		}
		switchTo("Disabled", "NotRunning")
		f.patch(env.HostName, federatedWidgets, namespace, "gadget", `{"spec":{"template":{"spec":{"size":4}}}}`)
		f.kubectl("explain", "federatedwidgets.spec.template.spec.size")
		assert.NoError(t, hasInt(3, "spec", "size")(f.get(cluster1, widgets, namespace, "gadget")))
		switchTo("Enabled", "Running")
		f.awaitCopy(cluster1, widgets, namespace, "gadget", hasInt(4, "spec", "size"))
	})

	t.Run("the schema can change", func(t *testing.T) {
		f := f.in(t)
		watch, err := f.host(federatedWidgets, namespace).Watch(f.ctx(), metav1.ListOptions{})
		require.NoError(t, err)
		defer watch.Stop()
		for _, cluster := range []string{env.HostName, cluster1, cluster2, cluster3} {
			f.kubectl("--context", cluster, "patch", "-f", crd, "--type=json",
				`-p=[{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/depth","value":{"type":"integer"}}]`)
		}
		f.eventually("the new field", func() error {
			_, err := f.host(federatedWidgets, namespace).Patch(f.ctx(), "gadget", types.MergePatchType,
				[]byte(`{"spec":{"template":{"spec":{"depth":7}}}}`), metav1.PatchOptions{FieldValidation: metav1.FieldValidationStrict})
			return err
		})
		f.awaitCopy(cluster1, widgets, namespace, "gadget", hasInt(7, "spec", "depth"))
		for event := range watch.ResultChan() {
			object, ok := event.Object.(*unstructured.Unstructured)
			require.True(t, ok, "%v", event)
			if hasInt(7, "spec", "template", "spec", "depth")(object) == nil {
				return
			}
		}
		require.Fail(t, "the watch has ended")
	})

	t.Run("objects outlive a type config that is deleted on purpose", func(t *testing.T) {
		f := f.in(t)
		before := f.get(env.HostName, federatedWidgets, namespace, "gadget")
		there := f.get(cluster1, widgets, namespace, "gadget")
		f.kubectl("annotate", "-f", config, "core.kubefed.io/orphan-objects=true")
		f.kubectl("delete", "-f", config, timeoutFlag)
		f.kubectl("create", "-f", config)
		after := f.awaitReady(federatedWidgets, namespace, "gadget")
		assert.Equal(t, before.GetUID(), after.GetUID())
		assert.Equal(t, there.GetUID(), f.get(cluster1, widgets, namespace, "gadget").GetUID())
		// The host learns a moment later that the kind is there again.
		f.eventually("kubectl to know the kind again", func() error {
			r := f.run("", "kubectl", "get", "-n", namespace, "federatedwidget", "gadget")
			return r.err
		})
	})

	complaint = f.refused("", "delete", "-f", config)
	assert.Regexp(t, `\b1\b.*(federatedwidgets|FederatedWidget)`, complaint, "the refusal has the count")
	f.get(cluster1, widgets, namespace, "gadget")

	f.kubectl("delete", "-n", namespace, "federatedwidget", "gadget", timeoutFlag)
	f.requireAbsent(cluster1, widgets, namespace, "gadget")
	f.requireAbsent(cluster2, widgets, namespace, "gadget")
	f.kubectl("delete", "-f", config, timeoutFlag)
	f.eventually("the kind to disappear from discovery", func() error {
		if kinds := f.kubectl("api-resources", "--api-group=types.kubefed.io"); strings.Contains(kinds, "FederatedWidget") {
			return fmt.Errorf("still served: %s", kinds)
		}
		return nil
	})
	// Another test's kubectl may have kept an older answer of discovery meanwhile.
	f.eventually("kubectl not to know the kind", func() error {
		f.kubectl("api-resources", "--api-group=types.kubefed.io")
		if complaint := f.refused("", "get", "federatedwidgets", "-n", namespace); !strings.Contains(complaint, "doesn't have a resource type") {
			return fmt.Errorf("it says %s", complaint)
		}
		return nil
	})
}
