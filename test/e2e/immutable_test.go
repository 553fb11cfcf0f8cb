package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/test/env"
)

const recreateAnnotation = "kubefed.io/recreate-immutable"

// isAnother checks that an object is not the one with that UID.
func isAnother(uid types.UID) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		if object.GetUID() == uid {
			return fmt.Errorf("it is still the one with UID %s", uid)
		}
		return nil
	}
}

// TestImmutableFields changes what a member does not let change.
func TestImmutableFields(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1)
	claims := f.enableClaims()
	api, err := f.on(cluster1, core("services"), "default").Get(f.ctx(), "kubernetes", metav1.GetOptions{})
	require.NoError(t, err)
	address, _, _ := unstructured.NestedString(api.Object, "spec", "clusterIP")
	subnet := address[:strings.LastIndex(address, ".")]
	address = subnet + ".214"

	pod := func(image, label string) map[string]any {
		return map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"app": label}},
			"spec":     map[string]any{"restartPolicy": "Never", "containers": []any{map[string]any{"name": "main", "image": image}}},
		}
	}
	for _, test := range []struct {
		kind                string
		federated, resource schema.GroupVersionResource
		template            map[string]any
		change              string
		field               string
		value               string
		done                func(*unstructured.Unstructured) error
	}{
		{
			kind: "FederatedDeployment", federated: federatedDeployments, resource: deployments, value: "true", field: "spec.selector",
			template: federatedDeployment(namespace, "web", 1).Object["spec"].(map[string]any)["template"].(map[string]any),
			change:   `{"spec":{"selector":{"matchLabels":{"app":"other"}},"template":{"metadata":{"labels":{"app":"other"}}}}}`,
			done:     hasString("other", "spec", "selector", "matchLabels", "app"),
		},
		{
			kind: "FederatedJob", federated: federated("federatedjobs"), resource: schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"},
			template: map[string]any{"spec": map[string]any{"template": pod("nginx:1.27", "web")}}, value: "true", field: "spec.template",
			change: `{"spec":{"template":{"metadata":{"labels":{"app":"other"}}}}}`,
			done:   hasString("other", "spec", "template", "metadata", "labels", "app"),
		},
		{
			kind: "FederatedService", federated: federated("federatedservices"), resource: core("services"), value: "true", field: "spec.clusterIP",
			template: map[string]any{"spec": map[string]any{"clusterIP": subnet + ".213", "ports": []any{map[string]any{"port": int64(80)}}}},
			change:   fmt.Sprintf(`{"spec":{"clusterIP":%q}}`, address),
			done:     hasString(address, "spec", "clusterIP"),
		},
		{
			kind: "FederatedPersistentVolumeClaim", federated: claims, resource: core("persistentvolumeclaims"), value: "including-data", field: "spec",
			template: map[string]any{"spec": map[string]any{"accessModes": []any{"ReadWriteOnce"}, "volumeName": "one", "storageClassName": "",
				"resources": map[string]any{"requests": map[string]any{"storage": "1Gi"}}}},
			change: `{"spec":{"volumeName":"two"}}`,
			done:   hasString("two", "spec", "volumeName"),
		},
	} {
		t.Run(test.kind, func(t *testing.T) {
			f := f.in(t)
			f.create(test.federated, federatedObject(test.kind, namespace, "web", test.template, cluster1))
			f.awaitCopy(env.HostName, test.federated, namespace, "web", hasClusterStatus(cluster1, ""))
			before := f.get(cluster1, test.resource, namespace, "web")

			f.patch(env.HostName, test.federated, namespace, "web", `{"spec":{"template":`+test.change+`}}`)
			refused := f.awaitCopy(env.HostName, test.federated, namespace, "web", hasClusterStatus(cluster1, "UpdateFailed"),
				has("Stalled", "True", "CheckClusters"))
			_, message, _ := clusterStatus(refused, cluster1)
			assert.Contains(t, message, "refused: "+test.field)
			assert.Contains(t, message, recreateAnnotation+"="+test.value)
			assert.Equal(t, before.GetUID(), f.get(cluster1, test.resource, namespace, "web").GetUID(), "nothing is deleted unless it is asked for")

			if test.value != "true" {
				f.kubectl("annotate", "-n", namespace, test.federated.Resource, "web", recreateAnnotation+"=true")
				f.patch(env.HostName, test.federated, namespace, "web", `{"spec":{"template":{"metadata":{"labels":{"round":"two"}}}}}`)
				f.awaitCopy(env.HostName, test.federated, namespace, "web", hasClusterStatus(cluster1, "UpdateFailed"), has("Stalled", "True", ""))
				assert.Equal(t, before.GetUID(), f.get(cluster1, test.resource, namespace, "web").GetUID(), "data is not deleted for a mere true")
			}
			f.kubectl("annotate", "-n", namespace, test.federated.Resource, "web", "--overwrite", recreateAnnotation+"="+test.value)
			if test.resource.Resource == "persistentvolumeclaims" {
				// The controller that lets a claim go which nobody uses does not run in the environment.
				f.awaitCopy(cluster1, test.resource, namespace, "web", func(object *unstructured.Unstructured) error {
					if object.GetDeletionTimestamp() == nil {
						return fmt.Errorf("it is not being deleted")
					}
					return nil
				})
				f.patch(cluster1, test.resource, namespace, "web", `{"metadata":{"finalizers":null}}`)
			}
			f.awaitCopy(cluster1, test.resource, namespace, "web", isAnother(before.GetUID()), test.done)
			f.awaitCopy(env.HostName, test.federated, namespace, "web", hasClusterStatus(cluster1, ""))
			f.eventually("an event", func() error {
				list, err := f.host(events, namespace).List(f.ctx(), metav1.ListOptions{FieldSelector: "reason=RecreateInCluster,involvedObject.kind=" + test.kind})
				if err == nil && len(list.Items) == 0 {
					err = fmt.Errorf("there is none")
				}
				return err
			})
		})
	}
}

// enableClaims federates PersistentVolumeClaims for the time of a test.
func (f *federation) enableClaims() schema.GroupVersionResource {
	f.t.Helper()
	f.create(federatedTypeConfigs, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "FederatedTypeConfig",
		"metadata": map[string]any{"name": "persistentvolumeclaims", "namespace": env.SystemNamespace},
		"spec": map[string]any{
			"propagation":   "Enabled",
			"targetType":    map[string]any{"version": "v1", "kind": "PersistentVolumeClaim", "pluralName": "persistentvolumeclaims", "scope": "Namespaced"},
			"federatedType": map[string]any{"group": "types.kubefed.io", "version": "v1beta1", "kind": "FederatedPersistentVolumeClaim", "pluralName": "federatedpersistentvolumeclaims", "scope": "Namespaced"},
		},
	}})
	f.refreshRights()
	f.t.Cleanup(func() {
		f.kubectlAfter("annotate", "-n", env.SystemNamespace, "federatedtypeconfig", "persistentvolumeclaims", "core.kubefed.io/orphan-objects=true", "--overwrite")
		f.kubectlAfter("delete", "-n", env.SystemNamespace, "federatedtypeconfig", "persistentvolumeclaims", "--ignore-not-found")
	})
	resource := federated("federatedpersistentvolumeclaims")
	f.awaitCopy(env.HostName, federatedTypeConfigs, env.SystemNamespace, "persistentvolumeclaims", hasString("Running", "status", "propagationController"))
	f.eventually("the kind to be served through the host", func() error {
		_, err := f.host(resource, "default").List(f.ctx(), metav1.ListOptions{})
		return err
	})
	return resource
}
