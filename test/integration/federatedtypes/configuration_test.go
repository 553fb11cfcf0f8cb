package federatedtypes

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

// configure puts a spec of the KubeFedConfig in force.
func configure(t *testing.T, s *typeserver.Server, spec string) {
	t.Helper()
	client := s.Federation.CoreV1beta1().KubeFedConfigs(typeserver.Namespace)
	if err := client.Delete(t.Context(), "kubefed", metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
		require.NoError(t, err)
	}
	config := &corev1beta1.KubeFedConfig{ObjectMeta: metav1.ObjectMeta{Name: "kubefed"}}
	require.NoError(t, json.Unmarshal([]byte(spec), &config.Spec))
	_, err := client.Create(t.Context(), config, metav1.CreateOptions{})
	require.NoError(t, err)
}

// awaitControllers waits until the status says this of the controllers of a type.
func awaitControllers(t *testing.T, s *typeserver.Server, name string, propagation, status corev1beta1.ControllerStatus) {
	t.Helper()
	require.Eventually(t, func() bool {
		config, err := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace).Get(t.Context(), name, metav1.GetOptions{})
		return err == nil && config.Status.ObservedGeneration == config.Generation && config.Status.PropagationController == propagation &&
			config.Status.StatusController != nil && *config.Status.StatusController == status
	}, patience, poll, "%s: never %s and %s", name, propagation, status)
}

func TestGatesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps)
	const running, notRunning = corev1beta1.ControllerStatusRunning, corev1beta1.ControllerStatusNotRunning
	awaitControllers(t, s, configMaps.Name, running, notRunning)
	create(t, s, configMaps, "kept", `{template: {data: {}}}`)

	configure(t, s, `{"scope":"Cluster","featureGates":[{"name":"PushReconciler","configuration":"Disabled"}]}`)
	awaitControllers(t, s, configMaps.Name, notRunning, notRunning)
	require.False(t, s.Propagation.Running(configMaps.Name))
	kept, err := objects(t, s, configMaps).Get(t.Context(), "kept", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{typesv1beta1.SyncFinalizer}, kept.GetFinalizers(), "it is propagated again later")

	configure(t, s, `{"scope":"Cluster","featureGates":[{"name":"RawResourceStatusCollection","configuration":"Enabled"}]}`)
	awaitControllers(t, s, configMaps.Name, running, notRunning)
	require.True(t, s.Propagation.Running(configMaps.Name))

	// Status is collected where the type asks for it too, for KubeFed's status type or for remoteStatus.
	patch := func(spec string) {
		_, err := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace).
			Patch(t.Context(), configMaps.Name, types.MergePatchType, []byte(`{"spec":`+spec+`}`), metav1.PatchOptions{})
		require.NoError(t, err)
	}
	patch(`{"statusCollection":"Enabled"}`)
	awaitControllers(t, s, configMaps.Name, running, running)
	configure(t, s, `{"scope":"Cluster"}`)
	awaitControllers(t, s, configMaps.Name, running, notRunning)
	patch(`{"statusType":{"group":"core.kubefed.io","version":"v1alpha1","kind":"FederatedServiceStatus","pluralName":"federatedservicestatuses","scope":"Namespaced"}}`)
	awaitControllers(t, s, configMaps.Name, running, running)
	patch(`{"propagation":"Disabled"}`)
	awaitControllers(t, s, configMaps.Name, notRunning, notRunning)
}

func TestANamespacedControlPlaneRefusesClusterScopedTypes(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	namespaces := typeConfig("namespaces", "", "v1", "Namespace", "namespaces")
	namespaces.Spec.TargetType.Scope = corev1beta1.ClusterScoped
	volumes := typeConfig("persistentvolumes", "", "v1", "PersistentVolume", "persistentvolumes")
	volumes.Spec.TargetType.Scope, volumes.Spec.FederatedType.Scope = corev1beta1.ClusterScoped, corev1beta1.ClusterScoped
	enable(t, s, configMaps, namespaces, volumes)
	served := func() int {
		return request(t, s, http.MethodGet, groupVersionPath+"/federatedpersistentvolumes", jsonType, nil).code
	}
	require.Equal(t, http.StatusOK, served())

	configure(t, s, `{"scope":"Namespaced"}`)
	condition := waitCondition(t, s, volumes.Name, corev1beta1.FederatedTypeServed, metav1.ConditionFalse, "OutOfScope")
	require.Contains(t, condition.Message, "PersistentVolume is not namespaced")
	awaitControllers(t, s, volumes.Name, corev1beta1.ControllerStatusNotRunning, corev1beta1.ControllerStatusNotRunning)
	require.Equal(t, http.StatusNotFound, served())
	for _, name := range []string{"configmaps", "namespaces"} {
		awaitControllers(t, s, name, corev1beta1.ControllerStatusRunning, corev1beta1.ControllerStatusNotRunning)
	}

	configure(t, s, `{"scope":"Cluster"}`)
	waitCondition(t, s, volumes.Name, corev1beta1.FederatedTypeServed, metav1.ConditionTrue, "")
	require.Equal(t, http.StatusOK, served())
}

// chartManifest is what KubeFed's chart makes with its default values.
const chartManifest = `
apiVersion: core.kubefed.io/v1beta1
kind: KubeFedConfig
metadata:
  name: kubefed
  namespace: kube-federation-system
spec:
  scope: Cluster
  controllerDuration: {availableDelay: 20s, unavailableDelay: 60s, cacheSyncTimeout: 5m}
  leaderElect: {leaseDuration: 15s, renewDeadline: 10s, retryPeriod: 5s, resourceLock: configmaps}
  clusterHealthCheck: {period: 10s, failureThreshold: 3, successThreshold: 1, timeout: 3s}
  syncController: {maxConcurrentReconciles: 1, adoptResources: Enabled}
  statusController: {maxConcurrentReconciles: 1}
  featureGates:
  - {name: PushReconciler, configuration: "Enabled"}
  - {name: RawResourceStatusCollection, configuration: "Disabled"}
  - {name: SchedulerPreferences, configuration: "Enabled"}
`

func TestConfigurationOfKubeFedsChart(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	const path = "/apis/core.kubefed.io/v1beta1/namespaces/kube-federation-system/kubefedconfigs"
	created := request(t, s, http.MethodPost, path+"?fieldValidation=Strict", "application/yaml", []byte(chartManifest))
	require.Equal(t, http.StatusCreated, created.code, "%s", created.body)
	applied := request(t, s, http.MethodPatch, path+"/kubefed?fieldManager=helm&force=true&fieldValidation=Strict", "application/apply-patch+yaml", []byte(chartManifest))
	require.Equal(t, http.StatusOK, applied.code, "%s", applied.body)
	var config corev1beta1.KubeFedConfig
	require.NoError(t, json.Unmarshal(applied.body, &config))
	require.EqualValues(t, 1, config.Generation, "nothing is defaulted away")

	mergePatch := func(spec string) answer {
		return request(t, s, http.MethodPatch, path+"/kubefed", "application/merge-patch+json", []byte(`{"spec":`+spec+`}`))
	}
	refused := mergePatch(`{"scope":"Namespaced"}`)
	require.Equal(t, http.StatusUnprocessableEntity, refused.code)
	require.Contains(t, refused.status.Message, "spec.scope")
	refused = mergePatch(`{"featureGates":[{"name":"PushReconciler","configuration":"Sometimes"}]}`)
	require.Equal(t, http.StatusUnprocessableEntity, refused.code)
	require.Contains(t, refused.status.Message, "spec.featureGates[0].configuration")
	require.Equal(t, http.StatusOK, mergePatch(`{"featureGates":[{"name":"FederatedIngress","configuration":"Disabled"}]}`).code)
}
