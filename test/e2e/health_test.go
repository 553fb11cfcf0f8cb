package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// hasKstatus checks what tools that follow kstatus make of an object.
func hasKstatus(want status.Status) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		result, err := status.Compute(object)
		if err == nil && result.Status != want {
			err = fmt.Errorf("it is %s (%s), not %s", result.Status, result.Message, want)
		}
		return err
	}
}

func hasHealth(cluster, want string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		clusters, _, err := unstructured.NestedSlice(object.Object, "status", "clusters")
		for _, item := range clusters {
			if entry, ok := item.(map[string]any); ok && entry["name"] == cluster && entry["health"] == want {
				return nil
			}
		}
		return fmt.Errorf("%s is not %s: %v %w", cluster, want, clusters, err)
	}
}

func has(kind, status, reason string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error { return hasCondition(object, kind, status, reason) }
}

func TestReadyMeansThatTheCopiesAre(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace(cluster1, cluster2)

	object := federatedDeployment(namespace, "web", 2, cluster1, cluster2)
	pod := []string{"spec", "template", "spec", "template", "spec", "nodeSelector"}
	require.NoError(t, unstructured.SetNestedStringMap(object.Object, map[string]string{"no": "such-node"}, pod...))
	object = override(object, cluster2,
		map[string]any{"path": "/spec/replicas", "value": int64(3)},
		map[string]any{"op": "remove", "path": "/spec/template/spec/nodeSelector"})
	f.create(federatedDeployments, object)
	waiting := f.awaitCopy(env.HostName, federatedDeployments, namespace, "web",
		has("Propagation", "True", ""), has("Ready", "False", "CopiesNotReady"), hasHealth(cluster1, "InProgress"), hasHealth(cluster2, "Current"),
		hasKstatus(status.InProgressStatus), hasInt(5, "status", "desiredReplicas"), hasInt(3, "status", "readyReplicas"), hasInt(5, "status", "replicas"))
	_, message, _ := clusterStatus(waiting, cluster1)
	assert.Contains(t, message, "0/2")
	assert.Regexp(t, `\nweb +False +2/2 +3/5 +\S+\n$`, f.kubectl("get", "-n", namespace, "fdeploy"))
	assert.Equal(t, "5", f.kubectl("get", "-n", namespace, "fdeploy", "web", "--subresource=scale", "-o", "jsonpath={.status.replicas}"))

	f.patch(env.HostName, federatedDeployments, namespace, "web", `{"spec":{"template":{"spec":{"template":{"spec":{"nodeSelector":null}}}},
		"overrides":[{"clusterName":"cluster2","clusterOverrides":[{"path":"/spec/replicas","value":3}]}]}}`)
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isReady, hasKstatus(status.CurrentStatus),
		hasHealth(cluster1, "Current"), hasHealth(cluster2, "Current"), hasInt(5, "status", "readyReplicas"), hasInt(5, "status", "updatedReplicas"))
	assert.Regexp(t, `\nweb +True +2/2 +5/5 +\S+\n$`, f.kubectl("get", "-n", namespace, "fdeploy"))

	// A type without a status is ready when it is there, and costs no more writes than without all this.
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "1", cluster1, cluster2))
	f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "settings", isReady, hasKstatus(status.CurrentStatus), hasHealth(cluster1, "Current"))
	assert.Regexp(t, `^NAME +READY +CLUSTERS +AGE\nsettings +True +2/2 +\S+\n$`, f.kubectl("get", "-n", namespace, "fcm"))
}

func TestRemoteStatusIsCollectedWhereItIsAskedFor(t *testing.T) {
	f := setup(t)
	f.quiet()
	f.configure(`{"featureGates":[{"name":"RawResourceStatusCollection","configuration":"Enabled"}]}`)
	for _, config := range []string{"deployments.apps", "configmaps"} {
		f.patch(env.HostName, federatedTypeConfigs, env.SystemNamespace, config, `{"spec":{"statusCollection":"Enabled"}}`)
		t.Cleanup(func() {
			f.kubectlAfter("patch", "-n", env.SystemNamespace, "federatedtypeconfig", config, "--type=merge", "-p", `{"spec":{"statusCollection":null}}`)
		})
	}
	namespace := f.namespace(cluster1, cluster2)
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 2, cluster1, cluster2))
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "settings", "1", cluster1, cluster2))
	f.awaitCopy(env.HostName, federatedConfigMaps, namespace, "settings", has("Propagation", "True", ""), isReady)

	asInMember := func(cluster string) func(*unstructured.Unstructured) error {
		return func(object *unstructured.Unstructured) error {
			live, err := f.on(cluster, deployments, namespace).Get(f.ctx(), "web", metav1.GetOptions{})
			if err != nil {
				return err
			}
			want, err := json.Marshal(live.Object["status"])
			if err != nil {
				return err
			}
			clusters, _, _ := unstructured.NestedSlice(object.Object, "status", "clusters")
			for _, item := range clusters {
				if entry := item.(map[string]any); entry["name"] == cluster {
					got, err := json.Marshal(entry["remoteStatus"])
					if err != nil || string(got) != string(want) {
						return fmt.Errorf("the remoteStatus of %s is %s, not %s: %w", cluster, got, want, err)
					}
					return nil
				}
			}
			return fmt.Errorf("%s has no entry", cluster)
		}
	}
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", has("Propagation", "True", ""), isReady,
		hasInt(4, "status", "readyReplicas"), asInMember(cluster1), asInMember(cluster2))

	f.patch(env.HostName, kubeFedConfigs, env.SystemNamespace, "kubefed", `{"spec":{"featureGates":[{"name":"RawResourceStatusCollection","configuration":"Disabled"}]}}`)
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isReady, func(object *unstructured.Unstructured) error {
		clusters, _, err := unstructured.NestedSlice(object.Object, "status", "clusters")
		for _, item := range clusters {
			if entry := item.(map[string]any); entry["remoteStatus"] != nil {
				return fmt.Errorf("%v still has its remoteStatus", entry["name"])
			}
		}
		return err
	})
}
