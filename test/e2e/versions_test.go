package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubefederation/federation-apiserver/test/env"
)

const gadgetGroup = "versions.example.com"

var crds = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

func gadgets(version string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: gadgetGroup, Version: version, Resource: "gadgets"}
}

// gadgetCRD serves versions, the last of which is stored.
func gadgetCRD(versions ...string) *unstructured.Unstructured {
	var list []any
	for i, version := range versions {
		list = append(list, map[string]any{
			"name": version, "served": true, "storage": i == len(versions)-1,
			"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "properties": map[string]any{
				"spec": map[string]any{"type": "object", "properties": map[string]any{"size": map[string]any{"type": "integer"}}}}}},
		})
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "gadgets." + gadgetGroup},
		"spec": map[string]any{
			"group": gadgetGroup, "scope": "Namespaced", "versions": list,
			"names": map[string]any{"kind": "Gadget", "plural": "gadgets", "singular": "gadget"},
		},
	}}
}

// TestMembersServeOtherVersions federates a type in a version that one member does not serve.
func TestMembersServeOtherVersions(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	name := "gadgets." + gadgetGroup
	for cluster, versions := range map[string][]string{env.HostName: {"v1", "v2"}, cluster1: {"v1", "v2"}, cluster2: {"v1"}} {
		f.succeed(f.manifest(gadgetCRD(versions...)), "--context", cluster, "create", "-f", "-")
		t.Cleanup(func() { f.kubectlAfter("--context", cluster, "delete", "crd", name, "--wait=false") })
		f.kubectl("--context", cluster, "wait", "--for=condition=Established", "crd/"+name, timeoutFlag)
	}
	f.create(federatedTypeConfigs, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "FederatedTypeConfig",
		"metadata": map[string]any{"name": name, "namespace": env.SystemNamespace},
		"spec": map[string]any{
			"propagation":   "Enabled",
			"targetType":    map[string]any{"group": gadgetGroup, "version": "v2", "kind": "Gadget", "pluralName": "gadgets", "scope": "Namespaced"},
			"federatedType": map[string]any{"group": "types.kubefed.io", "version": "v1beta1", "kind": "FederatedGadget", "pluralName": "federatedgadgets", "scope": "Namespaced"},
		},
	}})
	f.refreshRights()
	t.Cleanup(func() {
		f.kubectlAfter("annotate", "-n", env.SystemNamespace, "federatedtypeconfig", name, "core.kubefed.io/orphan-objects=true", "--overwrite")
		f.kubectlAfter("delete", "-n", env.SystemNamespace, "federatedtypeconfig", name, "--ignore-not-found")
	})
	federatedGadgets := federated("federatedgadgets")
	f.eventually("the kind to be served through the host", func() error {
		_, err := f.host(federatedGadgets, namespace).List(f.ctx(), metav1.ListOptions{})
		return err
	})

	f.create(federatedGadgets, federatedObject("FederatedGadget", namespace, "radio", map[string]any{"spec": map[string]any{"size": int64(3)}}, cluster1, cluster2))
	// A member's discovery has a type a moment after the type is established.
	f.awaitCopy(env.HostName, federatedGadgets, namespace, "radio", hasClusterStatus(cluster1, ""), hasClusterStatus(cluster2, "TypeNotAvailable"), func(object *unstructured.Unstructured) error {
		const want = "the cluster serves gadgets.versions.example.com in v1, not in v2: an override of /apiVersion for the cluster selects one that it serves"
		if _, message, _ := clusterStatus(object, cluster2); message != want {
			return fmt.Errorf("it says %q", message)
		}
		return nil
	})
	assert.NoError(t, hasInt(3, "spec", "size")(f.get(cluster1, gadgets("v2"), namespace, "radio")))
	f.requireAbsent(cluster2, gadgets("v1"), namespace, "radio")

	f.patch(env.HostName, federatedGadgets, namespace, "radio", fmt.Sprintf(
		`{"spec":{"overrides":[{"clusterName":"cluster2","clusterOverrides":[{"path":"/apiVersion","value":%q},{"path":"/spec/size","value":5}]}]}}`, gadgetGroup+"/v1"))
	f.awaitCopy(cluster2, gadgets("v1"), namespace, "radio", hasInt(5, "spec", "size"))
	f.awaitReady(federatedGadgets, namespace, "radio")

	// What happens to it is seen, and put back.
	f.patch(cluster2, gadgets("v1"), namespace, "radio", `{"spec":{"size":7}}`)
	f.awaitCopy(cluster2, gadgets("v1"), namespace, "radio", hasInt(5, "spec", "size"))

	// A member that begins to serve the version is written to in it.
	f.patch(env.HostName, federatedGadgets, namespace, "radio", `{"spec":{"overrides":null}}`)
	f.awaitCopy(env.HostName, federatedGadgets, namespace, "radio", hasClusterStatus(cluster2, "TypeNotAvailable"))
	f.eventually("the second version", func() error {
		next := gadgetCRD("v1", "v2")
		next.SetResourceVersion(f.get(cluster2, crds, "", name).GetResourceVersion())
		_, err := f.on(cluster2, crds, "").Update(f.ctx(), next, metav1.UpdateOptions{})
		return err
	})
	f.awaitCopy(cluster2, gadgets("v1"), namespace, "radio", hasInt(3, "spec", "size"))
	f.awaitReady(federatedGadgets, namespace, "radio")

	f.kubectl("delete", "-n", namespace, "federatedgadget", "radio", timeoutFlag)
	f.requireAbsent(cluster1, gadgets("v2"), namespace, "radio")
	f.requireAbsent(cluster2, gadgets("v1"), namespace, "radio")
}
