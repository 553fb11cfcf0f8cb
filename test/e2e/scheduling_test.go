package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubefederation/federation-apiserver/test/env"
)

var replicaSchedulingPreferences = schema.GroupVersionResource{
	Group: "scheduling.kubefed.io", Version: "v1alpha1", Resource: "replicaschedulingpreferences"}

// preference makes a ReplicaSchedulingPreference for a FederatedDeployment, with a spec in JSON.
func (f *federation) preference(namespace, name, spec string) {
	f.t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference",
		"metadata": map[string]any{"name": name, "namespace": namespace},
	}}
	var content map[string]any
	require.NoError(f.t, json.Unmarshal([]byte(spec), &content))
	content["targetKind"] = "FederatedDeployment"
	object.Object["spec"] = content
	f.create(replicaSchedulingPreferences, object)
}

// isPlanned checks that a federated object has a plan as KubeFed writes it: the clusters in its placement, those without
// replicas too, and an override of each.
func isPlanned(want map[string]int64) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		clusters, _, err := unstructured.NestedSlice(object.Object, "spec", "placement", "clusters")
		if err != nil {
			return err
		}
		var names []string
		for _, item := range clusters {
			names = append(names, item.(map[string]any)["name"].(string))
		}
		planned := map[string]int64{}
		overrides, _, err := unstructured.NestedSlice(object.Object, "spec", "overrides")
		if err != nil {
			return err
		}
		for _, item := range overrides {
			entry := item.(map[string]any)
			for _, change := range entry["clusterOverrides"].([]any) {
				if change := change.(map[string]any); change["path"] == "/spec/replicas" {
					planned[entry["clusterName"].(string)] = change["value"].(int64)
				}
			}
		}
		slices.Sort(names)
		if !maps.Equal(planned, want) || !slices.Equal(names, slices.Sorted(maps.Keys(want))) {
			return fmt.Errorf("clusters %v with replicas %v, not %v", names, planned, want)
		}
		return nil
	}
}

// runs checks what the status of a preference says of one cluster.
func runs(cluster string, planned, ready int64) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		clusters, _, _ := unstructured.NestedSlice(object.Object, "status", "clusters")
		for _, item := range clusters {
			entry := item.(map[string]any)
			if entry["name"] != cluster {
				continue
			}
			p, _, _ := unstructured.NestedInt64(entry, "planned")
			r, _, _ := unstructured.NestedInt64(entry, "ready")
			if p == planned && r == ready {
				return nil
			}
		}
		return fmt.Errorf("status.clusters is %v, without %d planned and %d ready in %s", clusters, planned, ready, cluster)
	}
}

func condition(kind, status, reason string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error { return hasCondition(object, kind, status, reason) }
}

// conditionMessage returns the message of a condition.
func conditionMessage(object *unstructured.Unstructured, kind string) string {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, item := range conditions {
		if entry, ok := item.(map[string]any); ok && entry["type"] == kind {
			message, _, _ := unstructured.NestedString(entry, "message")
			return message
		}
	}
	return ""
}

// TestReplicasAreScheduled has the cases of KubeFed's own end-to-end tests, whose objects have an empty list of clusters.
func TestReplicasAreScheduled(t *testing.T) {
	t.Parallel()
	shared := setup(t)
	for _, row := range []struct {
		name, spec string
		want       map[string]int64
	}{
		{"evenly without preferences", `{"totalReplicas": 6}`, map[string]int64{cluster1: 2, cluster2: 2, cluster3: 2}},
		{"by weight", fmt.Sprintf(`{"totalReplicas": 6, "clusters": {%q: {"weight": 2}, %q: {"weight": 1}}}`, cluster1, cluster2),
			map[string]int64{cluster1: 4, cluster2: 2, cluster3: 0}},
		{"minima first", fmt.Sprintf(`{"totalReplicas": 6, "clusters": {%q: {"weight": 2, "minReplicas": 3}, %q: {"weight": 1, "minReplicas": 3}}}`, cluster1, cluster2),
			map[string]int64{cluster1: 3, cluster2: 3, cluster3: 0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := shared.in(t)
			namespace := f.namespace(cluster1, cluster2, cluster3)
			f.create(federatedDeployments, federatedDeployment(namespace, "web", 1))
			f.preference(namespace, "web", row.spec)
			f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(row.want))
			checks := []func(*unstructured.Unstructured) error{condition("Scheduled", "True", "Scheduled"), condition("Unsatisfiable", "False", "Satisfiable")}
			for cluster, replicas := range row.want {
				f.awaitCopy(cluster, deployments, namespace, "web", hasReplicas(replicas))
				checks = append(checks, runs(cluster, replicas, replicas))
			}
			f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", checks...)
		})
	}
}

// TestSchedulingRespectsWhatTheUserSays: the user's placement bounds the plan, the user's overrides stay, and what was
// there before comes back, without a restart of anything.
func TestSchedulingRespectsWhatTheUserSays(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2, cluster3)
	object := override(federatedDeployment(namespace, "web", 1, cluster1, cluster2), cluster1,
		map[string]any{"path": "/spec/replicas", "value": int64(2)}, map[string]any{"path": "/metadata/labels/tier", "value": "gold"})
	f.create(federatedDeployments, object)
	for _, cluster := range []string{cluster1, cluster2} {
		f.awaitCopy(cluster, deployments, namespace, "web")
	}
	uid := f.get(cluster1, deployments, namespace, "web").GetUID()
	generation := f.get(cluster1, deployments, namespace, "web").GetGeneration()

	f.preference(namespace, "web", `{"totalReplicas": 10, "rebalance": true}`)
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(map[string]int64{cluster1: 5, cluster2: 5}))
	f.awaitCopy(cluster1, deployments, namespace, "web", hasReplicas(5))
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", runs(cluster1, 5, 5), runs(cluster2, 5, 5))
	f.requireAbsent(cluster3, deployments, namespace, "web")
	row := f.kubectl("-n", namespace, "get", "rsp", "web", "--no-headers")
	assert.Equal(t, []string{"web", "FederatedDeployment", "10", "10", "10", "True"}, strings.Fields(row)[:6])

	// A list that a user writes now is the user's too.
	f.patch(env.HostName, federatedDeployments, namespace, "web",
		fmt.Sprintf(`{"spec":{"placement":{"clusters":[{"name":%q},{"name":%q},{"name":%q}]}}}`, cluster1, cluster2, cluster3))
	f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", func(object *unstructured.Unstructured) error {
		return hasInt(10, "status", "ready")(object)
	}, func(object *unstructured.Unstructured) error {
		if clusters, _, _ := unstructured.NestedSlice(object.Object, "status", "clusters"); len(clusters) != 3 {
			return fmt.Errorf("status.clusters is %v", clusters)
		}
		return nil
	})
	f.awaitCopy(cluster3, deployments, namespace, "web")

	// kubectl delete waits for the finalizer.
	f.kubectl("-n", namespace, "delete", "rsp", "web", timeoutFlag)
	restored := f.get(env.HostName, federatedDeployments, namespace, "web")
	assert.NotContains(t, restored.GetAnnotations(), "kubefed.io/replica-scheduling")
	overrides, _, _ := unstructured.NestedSlice(restored.Object, "spec", "overrides")
	assert.Equal(t, []any{map[string]any{"clusterName": cluster1, "clusterOverrides": []any{
		map[string]any{"path": "/spec/replicas", "value": int64(2)}, map[string]any{"path": "/metadata/labels/tier", "value": "gold"}}}}, overrides)
	for cluster, replicas := range map[string]int64{cluster1: 2, cluster2: 1, cluster3: 1} {
		f.awaitCopy(cluster, deployments, namespace, "web", hasReplicas(replicas))
	}
	after := f.get(cluster1, deployments, namespace, "web")
	assert.Equal(t, uid, after.GetUID(), "the copy was made anew")
	revision, _, _ := unstructured.NestedString(after.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
	assert.Equal(t, "1", revision, "the pods were rolled; generation was %d, is %d", generation, after.GetGeneration())
}

// TestSchedulingIntersectsWithSelectors is KubeFed's intersectWithClusterSelector: selectors only, of the object and of
// its namespace.
func TestSchedulingIntersectsWithSelectors(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2, cluster3)
	object := federatedDeployment(namespace, "web", 1)
	region, _, _ := unstructured.NestedString(f.get(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster1).Object, "metadata", "labels", "zone")
	require.NotEmpty(t, region)
	object.Object["spec"].(map[string]any)["placement"].(map[string]any)["clusterSelector"] = map[string]any{"matchLabels": map[string]any{"zone": region}}
	f.create(federatedDeployments, object)
	f.preference(namespace, "web", `{"totalReplicas": 6, "intersectWithClusterSelector": true}`)
	want := map[string]int64{}
	list, err := f.host(env.KubeFedClusters, env.SystemNamespace).List(f.ctx(), metav1.ListOptions{LabelSelector: "zone=" + region})
	require.NoError(t, err)
	require.Less(t, len(list.Items), 3, "the selector has to leave a cluster out")
	for i := range list.Items {
		want[list.Items[i].GetName()] = int64(6 / len(list.Items))
	}
	f.awaitCopy(env.HostName, federatedDeployments, namespace, "web", isPlanned(want))
}

// TestSchedulingSaysWhatIsWrong follows the conditions, each from its cause to its end.
func TestSchedulingSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	f.preference(namespace, "web", fmt.Sprintf(`{"totalReplicas": 9, "clusters": {%q: {"minReplicas": 4}, %q: {"minReplicas": 8}}}`, cluster1, cluster2))
	await := func(checks ...func(*unstructured.Unstructured) error) *unstructured.Unstructured {
		t.Helper()
		return f.awaitCopy(env.HostName, replicaSchedulingPreferences, namespace, "web", checks...)
	}
	await(condition("Scheduled", "False", "TargetNotFound"))
	f.eventually("an event about the target", func() error {
		output := f.kubectl("-n", namespace, "get", "events", "--field-selector=involvedObject.kind=ReplicaSchedulingPreference,reason=TargetNotFound", "-o", "name")
		if output == "" {
			return fmt.Errorf("no event yet")
		}
		return nil
	})

	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1))
	object := await(condition("Scheduled", "True", "Scheduled"), condition("Unsatisfiable", "True", "MinimumAboveTotal"))
	assert.Equal(t, "minimum of 12 replicas, total is 9", conditionMessage(object, "Unsatisfiable"))
	f.patch(env.HostName, replicaSchedulingPreferences, namespace, "web", `{"spec":{"totalReplicas":12}}`)
	await(condition("Unsatisfiable", "False", "Satisfiable"))
	f.patch(env.HostName, replicaSchedulingPreferences, namespace, "web", fmt.Sprintf(`{"spec":{"clusters":{%q:{"maxReplicas":4},%q:null}}}`, cluster1, cluster2))
	object = await(condition("Unsatisfiable", "True", "LimitsBelowTotal"))
	assert.Equal(t, "maxima and weights leave room for 4 of 12", conditionMessage(object, "Unsatisfiable"))

	f.patch(env.HostName, federatedDeployments, namespace, "web", `{"spec":{"retainReplicas":true}}`)
	await(condition("Scheduled", "False", "ReplicasRetained"))
	f.patch(env.HostName, federatedDeployments, namespace, "web", `{"spec":{"retainReplicas":false}}`)
	await(condition("Scheduled", "True", "Scheduled"))
	f.patch(env.HostName, federatedDeployments, namespace, "web", `{"spec":{"placement":{"clusters":[{"name":"elsewhere"}]}}}`)
	await(condition("Scheduled", "False", "NoClusters"))
}

// TestSchedulingIsRefused checks what cannot be stored.
func TestSchedulingIsRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace()
	manifest := func(kind, clusters string) string {
		return fmt.Sprintf(`{"apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference",
			"metadata": {"name": "web", "namespace": %q}, "spec": {"targetKind": %q, "totalReplicas": 1, "clusters": %s}}`, namespace, kind, clusters)
	}
	for _, row := range []struct{ name, manifest, want string }{
		{"a kind without replicas", manifest("FederatedConfigMap", "{}"), `spec.targetKind: Unsupported value: "FederatedConfigMap"`},
		{"a kind that is not federated", manifest("FederatedStarship", "{}"), `spec.targetKind: Unsupported value: "FederatedStarship"`},
		{"a minimum above the maximum", manifest("FederatedDeployment", `{"a": {"minReplicas": 2, "maxReplicas": 1}}`), `spec.clusters[a].maxReplicas`},
		{"a negative weight", manifest("FederatedDeployment", `{"a": {"weight": -1}}`), `spec.clusters[a].weight`},
		{"an unknown field", manifest("FederatedDeployment", `{"a": {"replicas": 1}}`), `unknown field "spec.clusters.a.replicas"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			assert.Contains(t, f.in(t).refused(row.manifest, "apply", "-f", "-"), row.want)
		})
	}
	f.succeed(manifest("FederatedReplicaSet", `{"a": {"weight": 1}}`), "apply", "-f", "-")
	assert.Contains(t, f.refused(manifest("FederatedDeployment", "{}"), "apply", "-f", "-"), "spec.targetKind")
	result := f.succeed(manifest("FederatedReplicaSet", `{"A": {"weight": 1}}`), "apply", "-f", "-")
	assert.Contains(t, result.stderr, `taken for "a"`)
}

// TestWalkthroughReplicaScheduling applies the preferences of two articles as published. In one of them clusters are named
// in upper case, as no cluster can be.
func TestWalkthroughReplicaScheduling(t *testing.T) {
	for _, row := range []struct {
		name, manifest string
		members        map[string]string
		want           map[string]int64
	}{
		{"kubefed-stars", testdata("walkthroughs", "kubefed-stars", "4-replica-scheduling.yaml"),
			map[string]string{"a": cluster1, "b": cluster2}, map[string]int64{"a": 4, "b": 5}},
		{"kubefed-intro", testdata("walkthroughs", "kubefed-intro", "3-replica-scheduling.yaml"),
			map[string]string{"ap-northeast": cluster1, "us-east": cluster2, "us-west": cluster3}, map[string]int64{"ap-northeast": 3, "us-east": 6, "us-west": 6}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := setup(t)
			for name, cluster := range row.members {
				f.joinAs(name, cluster)
			}
			clusters := slices.Sorted(maps.Keys(row.members))
			_, err := f.host(namespaces, "").Create(f.ctx(), &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "test-ns"}}}, metav1.CreateOptions{})
			require.NoError(t, err)
			t.Cleanup(func() {
				if t.Failed() {
					f.dump("test-ns")
				}
				f.kubectlAfter("delete", "namespace", "test-ns", "--timeout=110s")
			})
			f.federateNamespace("test-ns", clusters...)
			f.create(federatedDeployments, federatedDeployment("test-ns", "test-deployment", 3, clusters...))
			f.kubectl("apply", "-f", row.manifest)
			f.kubectl("-n", "test-ns", "wait", "rsp/test-deployment", "--for=condition=Scheduled", timeoutFlag)
			f.awaitCopy(env.HostName, federatedDeployments, "test-ns", "test-deployment", isPlanned(row.want))
			for name, replicas := range row.want {
				f.awaitCopy(row.members[name], deployments, "test-ns", "test-deployment", hasReplicas(replicas), hasInt(replicas, "status", "readyReplicas"))
			}
		})
	}
}
