package v1beta1_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// withDefaults decodes a manifest and fills in the defaults that are registered
// for its type.
func withDefaults(t *testing.T, object runtime.Object, manifest string) string {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1beta1.AddToScheme(scheme))
	require.NoError(t, json.Unmarshal([]byte(manifest), object))
	scheme.Default(object)
	once, err := json.Marshal(object)
	require.NoError(t, err)
	scheme.Default(object)
	twice, err := json.Marshal(object)
	require.NoError(t, err)
	require.Equal(t, string(once), string(twice), "defaults are filled in once")
	return string(once)
}

func TestDefaultsOfKubeFedConfig(t *testing.T) {
	for name, test := range map[string]struct{ given, want string }{
		"everything but the scope": {
			`{"spec":{"scope":"Cluster"}}`,
			`{"metadata":{},"spec":{"scope":"Cluster",
				"controllerDuration":{"availableDelay":"20s","unavailableDelay":"1m0s","cacheSyncTimeout":"5m0s"},
				"leaderElect":{"leaseDuration":"15s","renewDeadline":"10s","retryPeriod":"5s","resourceLock":"configmaps"},
				"featureGates":[{"name":"PushReconciler","configuration":"Enabled"},
					{"name":"RawResourceStatusCollection","configuration":"Disabled"},
					{"name":"SchedulerPreferences","configuration":"Enabled"}],
				"clusterHealthCheck":{"period":"10s","failureThreshold":3,"successThreshold":1,"timeout":"3s"},
				"syncController":{"maxConcurrentReconciles":1,"adoptResources":"Enabled"},
				"statusController":{"maxConcurrentReconciles":1}}}`,
		},
		"what is given stays, what is missing beside it comes": {
			`{"spec":{"scope":"Namespaced",
				"controllerDuration":{"availableDelay":"1s"},
				"leaderElect":{"leaseDuration":"0s","resourceLock":"endpoints"},
				"featureGates":[{"name":"SchedulerPreferences","configuration":"Disabled"},{"name":"Other","configuration":"Enabled"}],
				"clusterHealthCheck":{"failureThreshold":0},
				"syncController":{"adoptResources":"Disabled"},
				"statusController":{"maxConcurrentReconciles":9}}}`,
			`{"metadata":{},"spec":{"scope":"Namespaced",
				"controllerDuration":{"availableDelay":"1s","unavailableDelay":"1m0s","cacheSyncTimeout":"5m0s"},
				"leaderElect":{"leaseDuration":"0s","renewDeadline":"10s","retryPeriod":"5s","resourceLock":"endpoints"},
				"featureGates":[{"name":"Other","configuration":"Enabled"},
					{"name":"PushReconciler","configuration":"Enabled"},
					{"name":"RawResourceStatusCollection","configuration":"Disabled"},
					{"name":"SchedulerPreferences","configuration":"Disabled"}],
				"clusterHealthCheck":{"period":"10s","failureThreshold":0,"successThreshold":1,"timeout":"3s"},
				"syncController":{"maxConcurrentReconciles":1,"adoptResources":"Disabled"},
				"statusController":{"maxConcurrentReconciles":9}}}`,
		},
		"a gate for DNS stays where it is given": {
			`{"spec":{"scope":"Cluster","featureGates":[{"name":"FederatedIngress","configuration":"Disabled"}]}}`,
			`{"metadata":{},"spec":{"scope":"Cluster",
				"controllerDuration":{"availableDelay":"20s","unavailableDelay":"1m0s","cacheSyncTimeout":"5m0s"},
				"leaderElect":{"leaseDuration":"15s","renewDeadline":"10s","retryPeriod":"5s","resourceLock":"configmaps"},
				"featureGates":[{"name":"FederatedIngress","configuration":"Disabled"},
					{"name":"PushReconciler","configuration":"Enabled"},
					{"name":"RawResourceStatusCollection","configuration":"Disabled"},
					{"name":"SchedulerPreferences","configuration":"Enabled"}],
				"clusterHealthCheck":{"period":"10s","failureThreshold":3,"successThreshold":1,"timeout":"3s"},
				"syncController":{"maxConcurrentReconciles":1,"adoptResources":"Enabled"},
				"statusController":{"maxConcurrentReconciles":1}}}`,
		},
		"the scope has none": {
			`{"spec":{"featureGates":[{"name":"A","configuration":"x"},{"name":"A","configuration":"w"}]}}`,
			`{"metadata":{},"spec":{"scope":"",
				"controllerDuration":{"availableDelay":"20s","unavailableDelay":"1m0s","cacheSyncTimeout":"5m0s"},
				"leaderElect":{"leaseDuration":"15s","renewDeadline":"10s","retryPeriod":"5s","resourceLock":"configmaps"},
				"featureGates":[{"name":"A","configuration":"x"},{"name":"A","configuration":"w"},
					{"name":"PushReconciler","configuration":"Enabled"},
					{"name":"RawResourceStatusCollection","configuration":"Disabled"},
					{"name":"SchedulerPreferences","configuration":"Enabled"}],
				"clusterHealthCheck":{"period":"10s","failureThreshold":3,"successThreshold":1,"timeout":"3s"},
				"syncController":{"maxConcurrentReconciles":1,"adoptResources":"Enabled"},
				"statusController":{"maxConcurrentReconciles":1}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.JSONEq(t, test.want, withDefaults(t, &v1beta1.KubeFedConfig{}, test.given))
		})
	}
}

func TestDefaultsOfFederatedTypeConfig(t *testing.T) {
	for name, test := range map[string]struct{ given, want string }{
		"from the name of a grouped target": {
			`{"metadata":{"name":"deployments.apps"},"spec":{"targetType":{"version":"v1","kind":"Deployment","scope":"Namespaced"},"propagation":"Enabled",
				"federatedType":{"group":"types.kubefed.io","version":"v1beta1","kind":"FederatedDeployment","scope":"Namespaced"},
				"statusType":{"version":"","kind":"FederatedDeploymentStatus","pluralName":"","scope":"Namespaced"}}}`,
			`{"metadata":{"name":"deployments.apps"},"spec":{"targetType":{"group":"apps","version":"v1","kind":"Deployment","pluralName":"deployments","scope":"Namespaced"},"propagation":"Enabled",
				"federatedType":{"group":"types.kubefed.io","version":"v1beta1","kind":"FederatedDeployment","pluralName":"federateddeployments","scope":"Namespaced"},
				"statusType":{"group":"types.kubefed.io","version":"v1beta1","kind":"FederatedDeploymentStatus","pluralName":"federateddeploymentstatuses","scope":"Namespaced"}},
				"status":{"observedGeneration":0,"propagationController":""}}`,
		},
		"from the name of a core target": {
			`{"metadata":{"name":"namespaces"},"spec":{"targetType":{"version":"v1","kind":"Namespace","scope":"Cluster"},"propagation":"Enabled",
				"federatedType":{"group":"types.kubefed.io","version":"v1beta1","kind":"FederatedNamespace","scope":"Namespaced"}}}`,
			`{"metadata":{"name":"namespaces"},"spec":{"targetType":{"version":"v1","kind":"Namespace","pluralName":"namespaces","scope":"Cluster"},"propagation":"Enabled",
				"federatedType":{"group":"types.kubefed.io","version":"v1beta1","kind":"FederatedNamespace","pluralName":"federatednamespaces","scope":"Namespaced"}},
				"status":{"observedGeneration":0,"propagationController":""}}`,
		},
		"what is given stays": {
			`{"metadata":{"name":"deployments.apps"},"spec":{"targetType":{"group":"g","version":"v1","kind":"Deployment","pluralName":"p","scope":"Namespaced"},"propagation":"Enabled",
				"federatedType":{"group":"a.b","version":"v1","kind":"K","pluralName":"q","scope":"Namespaced"},
				"statusType":{"group":"c.d","version":"v2","kind":"S","pluralName":"r","scope":"Namespaced"}}}`,
			`{"metadata":{"name":"deployments.apps"},"spec":{"targetType":{"group":"g","version":"v1","kind":"Deployment","pluralName":"p","scope":"Namespaced"},"propagation":"Enabled",
				"federatedType":{"group":"a.b","version":"v1","kind":"K","pluralName":"q","scope":"Namespaced"},
				"statusType":{"group":"c.d","version":"v2","kind":"S","pluralName":"r","scope":"Namespaced"}},
				"status":{"observedGeneration":0,"propagationController":""}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.JSONEq(t, test.want, withDefaults(t, &v1beta1.FederatedTypeConfig{}, test.given))
		})
	}
}

func TestPluralsOfFederatedKinds(t *testing.T) {
	for kind, want := range map[string]string{
		"FederatedDeployment": "federateddeployments", "FederatedIngress": "federatedingresses", "FederatedProxy": "federatedproxies",
		"FederatedBox": "federatedboxes", "FederatedBranch": "federatedbranches", "FederatedMesh": "federatedmeshes",
		"FederatedBuzz": "federatedbuzzes", "FederatedPhoto": "federatedphotoes", "": "",
	} {
		config := &v1beta1.FederatedTypeConfig{}
		config.Spec.FederatedType.Kind = kind
		v1beta1.SetDefaults_FederatedTypeConfig(config)
		require.Equal(t, want, config.Spec.FederatedType.PluralName, "kind %q", kind)
	}
}
