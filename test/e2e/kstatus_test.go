package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubefederation/federation-apiserver/test/env"
)

var (
	preferences       = schema.GroupVersionResource{Group: "scheduling.kubefed.io", Version: "v1alpha1", Resource: "replicaschedulingpreferences"}
	serviceDNSRecords = schema.GroupVersionResource{Group: "multiclusterdns.kubefed.io", Version: "v1alpha1", Resource: "servicednsrecords"}
)

// requireSeen checks what kstatus (Helm, Flux) and Argo CD say of an object.
func (f *federation) requireSeen(object *unstructured.Unstructured, kstatus status.Status, argo string) {
	f.t.Helper()
	found, err := status.Compute(object)
	require.NoError(f.t, err)
	health, message := f.argoHealth(object)
	require.Equal(f.t, []string{string(kstatus), argo}, []string{string(found.Status), health}, "%s (%s)\n%v", found.Message, message, object.Object["status"])
	require.NotEmpty(f.t, message)
}

// TestPhasesOfFederatedObjects takes objects into every phase, and asks the libraries of those who wait for objects.
func TestPhasesOfFederatedObjects(t *testing.T) {
	f := setup(t)
	f.configure(quickHealthChecks)
	namespace := f.namespace(cluster1, cluster2, cluster3)
	t.Run("new, current, changed", func(t *testing.T) {
		f := f.in(t)
		f.requireSeen(f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1)), status.InProgressStatus, "Progressing")
		f.requireSeen(f.awaitReady(federatedDeployments, namespace, "web"), status.CurrentStatus, "Healthy")
		changed := f.patch(env.HostName, federatedDeployments, namespace, "web", `{"spec":{"template":{"spec":{"replicas":2}}}}`)
		f.requireSeen(changed, status.InProgressStatus, "Progressing")
		f.requireSeen(f.awaitReady(federatedDeployments, namespace, "web"), status.CurrentStatus, "Healthy")
	})
	t.Run("copies that are not ready", func(t *testing.T) {
		f := f.in(t)
		object := federatedDeployment(namespace, "homeless", 1, cluster1)
		require.NoError(t, unstructured.SetNestedField(object.Object, map[string]any{"no": "such-node"}, "spec", "template", "spec", "template", "spec", "nodeSelector"))
		f.create(federatedDeployments, object)
		waiting := f.awaitCopy(env.HostName, federatedDeployments, namespace, "homeless", func(o *unstructured.Unstructured) error {
			return hasCondition(o, "Ready", "False", "CopiesNotReady")
		})
		f.requireSeen(waiting, status.InProgressStatus, "Progressing")
	})
	t.Run("a member refuses it", func(t *testing.T) {
		f := f.in(t)
		f.create(federatedDeployments, override(federatedDeployment(namespace, "refused", 1, cluster1, cluster2), cluster2,
			map[string]any{"path": "/spec/replicas", "value": int64(-1)}))
		failed := f.awaitCopy(env.HostName, federatedDeployments, namespace, "refused", func(o *unstructured.Unstructured) error {
			return hasCondition(o, "Stalled", "True", "")
		})
		f.requireSeen(failed, status.FailedStatus, "Degraded")
	})
	t.Run("being deleted", func(t *testing.T) {
		f := f.in(t)
		f.create(federatedConfigMaps, federatedConfigMap(namespace, "held", "value", cluster1))
		f.awaitReady(federatedConfigMaps, namespace, "held")
		f.patch(cluster1, configMaps, namespace, "held", `{"metadata":{"finalizers":["example.com/hold"]}}`)
		f.remove(federatedConfigMaps, namespace, "held")
		f.requireSeen(f.get(env.HostName, federatedConfigMaps, namespace, "held"), status.TerminatingStatus, "Progressing")
		f.patch(cluster1, configMaps, namespace, "held", `{"metadata":{"finalizers":null}}`)
		f.awaitGone(env.HostName, federatedConfigMaps, namespace, "held")
	})
	t.Run("a member that cannot be reached", func(t *testing.T) {
		f := f.in(t)
		f.create(federatedConfigMaps, federatedConfigMap(namespace, "split", "1", cluster1, cluster3))
		f.awaitReady(federatedConfigMaps, namespace, "split")
		member := f.Member(cluster3)
		require.NoError(t, member.RefuseNetwork(f.ctx()))
		t.Cleanup(func() { require.NoError(t, member.RestoreNetwork(context.Background())) })
		down := f.awaitCopy(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster3, isOffline)
		f.requireSeen(down, status.InProgressStatus, "Degraded")
		f.patch(env.HostName, federatedConfigMaps, namespace, "split", `{"spec":{"template":{"data":{"key":"2"}}}}`)
		waiting := f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "split", hasClusterStatus(cluster3, "ClusterNotReady"))
		f.requireSeen(waiting, status.InProgressStatus, "Progressing")
		require.NoError(t, member.RestoreNetwork(f.ctx()))
		f.requireSeen(f.awaitReady(federatedConfigMaps, namespace, "split"), status.CurrentStatus, "Healthy")
		back := f.awaitCopy(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster3, func(o *unstructured.Unstructured) error {
			return hasClusterCondition(o, "Ready", "True")
		})
		f.requireSeen(back, status.CurrentStatus, "Healthy")
	})
}

// TestPhasesOfOtherKinds does so with the kinds beside the federated ones.
func TestPhasesOfOtherKinds(t *testing.T) {
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	t.Run("KubeFedCluster", func(t *testing.T) {
		f := f.in(t)
		created := f.create(env.KubeFedClusters, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster",
			"metadata": map[string]any{"name": "unknown", "namespace": env.SystemNamespace},
			"spec":     map[string]any{"apiEndpoint": "https://127.0.0.1:1", "secretRef": map[string]any{"name": "no-such-secret"}},
		}})
		t.Cleanup(func() {
			err := f.host(env.KubeFedClusters, env.SystemNamespace).Delete(context.Background(), "unknown", metav1.DeleteOptions{})
			assert.True(t, err == nil || apierrors.IsNotFound(err), "%v", err)
		})
		f.requireSeen(created, status.InProgressStatus, "Progressing")
		malformed := f.awaitCopy(env.HostName, env.KubeFedClusters, env.SystemNamespace, "unknown", func(o *unstructured.Unstructured) error {
			return hasClusterCondition(o, "Ready", "False")
		})
		f.requireSeen(malformed, status.InProgressStatus, "Degraded")
		f.requireSeen(f.get(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster1), status.CurrentStatus, "Healthy")
	})
	t.Run("FederatedTypeConfig", func(t *testing.T) {
		f := f.in(t)
		served := f.get(env.HostName, federatedTypeConfigs, env.SystemNamespace, "configmaps")
		f.requireSeen(served, status.CurrentStatus, "Healthy")
		// The federated type is taken.
		rival := &unstructured.Unstructured{Object: map[string]any{"apiVersion": served.GetAPIVersion(), "kind": served.GetKind(), "spec": served.Object["spec"]}}
		rival.SetName("limitranges")
		rival.SetNamespace(env.SystemNamespace)
		require.NoError(t, unstructured.SetNestedStringMap(rival.Object, map[string]string{"version": "v1", "kind": "LimitRange", "pluralName": "limitranges", "scope": "Namespaced"}, "spec", "targetType"))
		t.Cleanup(func() {
			err := f.host(federatedTypeConfigs, env.SystemNamespace).Delete(context.Background(), "limitranges", metav1.DeleteOptions{})
			assert.True(t, err == nil || apierrors.IsNotFound(err), "%v", err)
		})
		f.requireSeen(f.create(federatedTypeConfigs, rival), status.InProgressStatus, "Progressing")
		refused := f.awaitCopy(env.HostName, federatedTypeConfigs, env.SystemNamespace, "limitranges", func(o *unstructured.Unstructured) error {
			return hasCondition(o, "Ready", "False", "Conflict")
		})
		f.requireSeen(refused, status.InProgressStatus, "Degraded")
	})
	t.Run("ReplicaSchedulingPreference", func(t *testing.T) {
		f := f.in(t)
		created := f.create(preferences, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference",
			"metadata": map[string]any{"name": "web", "namespace": namespace},
			"spec":     map[string]any{"targetKind": "FederatedDeployment", "totalReplicas": int64(2)},
		}})
		f.requireSeen(created, status.InProgressStatus, "Progressing")
		waiting := f.awaitCopy(env.HostName, preferences, namespace, "web", func(o *unstructured.Unstructured) error {
			return hasCondition(o, "Ready", "False", "TargetNotFound")
		})
		f.requireSeen(waiting, status.InProgressStatus, "Progressing")
		f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1))
		f.requireSeen(f.awaitReady(preferences, namespace, "web"), status.CurrentStatus, "Healthy")
		f.patch(env.HostName, preferences, namespace, "web", `{"spec":{"clusters":{"cluster1":{"minReplicas":5}}}}`)
		unsatisfiable := f.awaitCopy(env.HostName, preferences, namespace, "web", func(o *unstructured.Unstructured) error {
			return hasCondition(o, "Ready", "False", "MinimumAboveTotal")
		})
		f.requireSeen(unsatisfiable, status.InProgressStatus, "Degraded")
	})
	t.Run("ServiceDNSRecord", func(t *testing.T) {
		f := f.in(t)
		created := f.create(serviceDNSRecords, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "multiclusterdns.kubefed.io/v1alpha1", "kind": "ServiceDNSRecord",
			"metadata": map[string]any{"name": "web", "namespace": namespace},
			"spec":     map[string]any{"domainRef": "no-such-domain", "recordTTL": int64(60)},
		}})
		f.requireSeen(created, status.InProgressStatus, "Progressing")
		waiting := f.awaitCopy(env.HostName, serviceDNSRecords, namespace, "web", func(o *unstructured.Unstructured) error {
			return hasCondition(o, "Ready", "False", "DomainNotFound")
		})
		f.requireSeen(waiting, status.InProgressStatus, "Progressing")
	})
	t.Run("a type that is not propagated", func(t *testing.T) {
		f := f.in(t)
		config := "serviceaccounts"
		f.patch(env.HostName, federatedTypeConfigs, env.SystemNamespace, config, `{"spec":{"propagation":"Disabled"}}`)
		t.Cleanup(func() {
			f.kubectlAfter("patch", "-n", env.SystemNamespace, "federatedtypeconfig", config, "--type=merge", "-p", `{"spec":{"propagation":"Enabled"}}`)
		})
		idle := f.awaitCopy(env.HostName, federatedTypeConfigs, env.SystemNamespace, config, hasString("NotRunning", "status", "propagationController"), isReady)
		f.requireSeen(idle, status.CurrentStatus, "Healthy")
		created := f.create(federated("federatedserviceaccounts"), federatedObject("FederatedServiceAccount", namespace, "idle", map[string]any{}, cluster1))
		f.requireSeen(created, status.CurrentStatus, "Healthy")
	})
}

// TestWaitIsNotFooledByAStaleCondition: kubectl wait must not take the word of before a change for that of after.
func TestWaitIsNotFooledByAStaleCondition(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1)
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1))
	f.awaitReady(federatedDeployments, namespace, "web")
	for round := range 2 {
		replicas := int64(2 + round)
		f.patch(env.HostName, federatedDeployments, namespace, "web", fmt.Sprintf(`{"spec":{"template":{"spec":{"replicas":%d}}}}`, replicas))
		f.kubectl("wait", "-n", namespace, "federateddeployment/web", "--for=condition=Ready", timeoutFlag)
		deployed := f.get(cluster1, deployments, namespace, "web")
		require.NoError(t, hasInt(replicas, "status", "readyReplicas")(deployed))
	}
}
