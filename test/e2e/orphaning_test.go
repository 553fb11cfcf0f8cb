package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// requireReleased checks that a copy is still there as before, and is nobody's.
func (f *federation) requireReleased(before *unstructured.Unstructured, cluster string) {
	f.t.Helper()
	after := f.get(cluster, configMaps, before.GetNamespace(), before.GetName())
	require.Equal(f.t, before.GetUID(), after.GetUID())
	require.Nil(f.t, after.GetDeletionTimestamp())
	require.NotContains(f.t, after.GetLabels(), "kubefed.io/managed")
	require.Equal(f.t, before.Object["data"], after.Object["data"])
}

// TestOrphaning keeps copies that are not wanted any more.
func TestOrphaning(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace(cluster1, cluster2)
	make := func(f *federation, name string) *unstructured.Unstructured {
		f.create(federatedConfigMaps, federatedConfigMap(namespace, name, "value", cluster1, cluster2))
		f.awaitReady(federatedConfigMaps, namespace, name)
		return f.get(cluster1, configMaps, namespace, name)
	}

	t.Run("by the annotation, on deletion", func(t *testing.T) {
		f := f.in(t)
		before := make(f, "deleted")
		f.kubectl("annotate", "-n", namespace, "federatedconfigmap", "deleted", "kubefed.io/orphan=true")
		f.kubectl("delete", "-n", namespace, "federatedconfigmap", "deleted", timeoutFlag)
		f.requireReleased(before, cluster1)
	})
	t.Run("by the annotation, when the placement excludes the cluster", func(t *testing.T) {
		f := f.in(t)
		before := make(f, "moved")
		f.kubectl("annotate", "-n", namespace, "federatedconfigmap", "moved", "kubefed.io/orphan=true")
		f.apply(federatedConfigMap(namespace, "moved", "value", cluster2))
		f.eventually("the copy to be released", func() error {
			_, _, named := clusterStatus(f.get(env.HostName, federatedConfigMaps, namespace, "moved"), cluster1)
			if named {
				return assert.AnError
			}
			return nil
		})
		f.requireReleased(before, cluster1)
		assert.NoError(t, isManaged(f.get(cluster2, configMaps, namespace, "moved")))
	})
	t.Run("by kubectl delete --cascade=orphan", func(t *testing.T) {
		f := f.in(t)
		before := make(f, "cascade")
		// The host's garbage collector takes its finalizer off.
		f.kubectl("delete", "-n", namespace, "federatedconfigmap", "cascade", "--cascade=orphan", timeoutFlag)
		f.requireReleased(before, cluster1)
	})
	t.Run("not by another cascade", func(t *testing.T) {
		f := f.in(t)
		for _, cascade := range []string{"background", "foreground"} {
			make(f, cascade)
			f.kubectl("delete", "-n", namespace, "federatedconfigmap", cascade, "--cascade="+cascade, timeoutFlag)
			f.requireAbsent(cluster1, configMaps, namespace, cascade)
		}
	})
}

// TestDeleteOptionsReachTheMembers deletes Deployments without what they have made: with the object, and with its place.
func TestDeleteOptionsReachTheMembers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1)
	options, err := json.Marshal(metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationOrphan)})
	require.NoError(t, err)
	for name, remove := range map[string]func(f *federation, name string){
		"deleted": func(f *federation, name string) {
			f.kubectl("delete", "-n", namespace, "federateddeployment", name, timeoutFlag)
		},
		"moved": func(f *federation, name string) {
			f.patch(env.HostName, federatedDeployments, namespace, name, `{"spec":{"placement":{"clusters":[]}}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			f.create(federatedDeployments, federatedDeployment(namespace, name, 1, cluster1))
			f.kubectl("--context", cluster1, "-n", namespace, "wait", "--for=create", "deployment/"+name, timeoutFlag)
			f.kubectl("--context", cluster1, "-n", namespace, "rollout", "status", "deployment/"+name, timeoutFlag)
			f.kubectl("annotate", "-n", namespace, "federateddeployment", name, "kubefed.io/deleteoption="+string(options))
			remove(f, name)
			f.awaitGone(cluster1, deployments, namespace, name)
			left := strings.Fields(f.kubectl("--context", cluster1, "-n", namespace, "get", "replicasets", "-l", "app="+name, "-o", "name"))
			assert.Len(t, left, 1, "the ReplicaSet is orphaned")
		})
	}

	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "value", cluster1))
	for _, bad := range []string{"{", `{"propagationPolicy":"Never"}`, `{"gracePeriodSeconds":-1}`, `{"gracePeriod":1}`} {
		refusal := f.refused("", "annotate", "-n", namespace, "federatedconfigmap", "settings", "kubefed.io/deleteoption="+bad)
		assert.Contains(t, refusal, "metadata.annotations[kubefed.io/deleteoption]")
	}
}

// TestLeftoversAreReleased takes the label off copies whose federated object does not exist, and leaves them otherwise.
func TestLeftoversAreReleased(t *testing.T) {
	f := setup(t)
	f.configure(quickHealthChecks)
	namespace := f.namespace(cluster1, cluster3)
	released := func(f *federation, cluster, name string) {
		copied := f.awaitCopy(cluster, configMaps, namespace, name, func(object *unstructured.Unstructured) error {
			if _, labelled := object.GetLabels()["kubefed.io/managed"]; labelled {
				return errors.New("it is labelled still")
			}
			return nil
		})
		assert.NoError(t, hasValue("value")(copied))
	}

	t.Run("that somebody labelled", func(t *testing.T) {
		f := f.in(t)
		leftover := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{"name": "labelled", "namespace": namespace, "labels": map[string]any{"kubefed.io/managed": "true"}},
			"data":     map[string]any{"key": "value"},
		}}
		_, err := f.on(cluster1, configMaps, namespace).Create(f.ctx(), leftover, metav1.CreateOptions{})
		require.NoError(t, err)
		released(f, cluster1, "labelled")
	})
	t.Run("whose object was forced away while the member was down", func(t *testing.T) {
		f := f.in(t)
		f.create(federatedConfigMaps, federatedConfigMap(namespace, "forced", "value", cluster1, cluster3))
		f.awaitReady(federatedConfigMaps, namespace, "forced")
		member := f.Member(cluster3)
		require.NoError(t, member.RefuseNetwork(f.ctx()))
		t.Cleanup(func() { require.NoError(t, member.RestoreNetwork(context.Background())) })
		f.remove(federatedConfigMaps, namespace, "forced")
		f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "forced", hasClusterStatus(cluster3, "WaitingForRemoval"))
		f.awaitGone(cluster1, configMaps, namespace, "forced")
		f.patch(env.HostName, federatedConfigMaps, namespace, "forced", `{"metadata":{"finalizers":null}}`)
		f.awaitGone(env.HostName, federatedConfigMaps, namespace, "forced")

		require.NoError(t, member.RestoreNetwork(f.ctx()))
		released(f, cluster3, "forced")
	})
}
