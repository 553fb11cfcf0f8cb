package federatedtypes

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

const sidecarSpec = `
template:
  spec:
    template:
      spec:
        containers: [{name: proxy, image: "envoy:1"}]
`

func containers(t *testing.T, obj *unstructured.Unstructured) map[string]string {
	t.Helper()
	images := map[string]string{}
	for _, item := range at(t, obj, "spec", "template", "spec", "template", "spec", "containers").([]any) {
		container := item.(map[string]any)
		images[container["name"].(string)] = container["image"].(string)
	}
	return images
}

func TestServerSideApply(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, deployments, configMaps)

	t.Run("containers of the template are merged by name, and leave with their manager", func(t *testing.T) {
		apply(t, s, deployments, "team", "merged", webSpec)
		merged := apply(t, s, deployments, "mesh", "merged", sidecarSpec)
		require.Equal(t, map[string]string{"web": "nginx:1.27", "proxy": "envoy:1"}, containers(t, merged))
		require.EqualValues(t, 2, merged.GetGeneration())

		again := apply(t, s, deployments, "mesh", "merged", sidecarSpec)
		require.Equal(t, merged.GetResourceVersion(), again.GetResourceVersion(), "applying the same writes nothing")

		left := apply(t, s, deployments, "mesh", "merged", `{template: {metadata: {labels: {mesh: "no"}}}}`)
		require.Equal(t, map[string]string{"web": "nginx:1.27"}, containers(t, left))
	})

	t.Run("a conflict names the manager and the field", func(t *testing.T) {
		apply(t, s, deployments, "team", "contested", webSpec)
		other := object(t, deployments, "contested", `{template: {spec: {replicas: 5}}}`)
		_, err := objects(t, s, deployments).Apply(t.Context(), "contested", other, metav1.ApplyOptions{FieldManager: "autoscaler"})
		require.True(t, apierrors.IsConflict(err), "%v", err)
		require.ErrorContains(t, err, `conflict with "team"`)
		require.ErrorContains(t, err, ".spec.template.spec.replicas")
	})

	t.Run("applying what was posted in another order writes nothing but who owns it", func(t *testing.T) {
		create(t, s, configMaps, "ordered", `{template: {kind: ConfigMap, data: {z: "1", a: "2"}}, placement: {clusters: []}}`)
		first := apply(t, s, configMaps, "me", "ordered", `{template: {data: {a: "2", z: "1"}, kind: ConfigMap}, placement: {clusters: []}}`)
		require.EqualValues(t, 1, first.GetGeneration())
		second := apply(t, s, configMaps, "me", "ordered", `{template: {data: {a: "2", z: "1"}, kind: ConfigMap}, placement: {clusters: []}}`)
		require.Equal(t, first.GetResourceVersion(), second.GetResourceVersion())
		require.Equal(t, []any{}, at(t, second, "spec", "placement", "clusters"))
	})

	t.Run("null values of overrides and empty placements are kept", func(t *testing.T) {
		const spec = `
template: {data: {a: "1"}}
placement: {clusters: []}
overrides: [{clusterName: one, clusterOverrides: [{path: /data/a, value: null}]}]
`
		apply(t, s, configMaps, "me", "nulls", spec)
		applied := apply(t, s, configMaps, "other", "nulls", `{template: {data: {b: "1"}}}`)
		require.Equal(t, []any{}, at(t, applied, "spec", "placement", "clusters"))
		overrides := at(t, applied, "spec", "overrides").([]any)[0].(map[string]any)["clusterOverrides"].([]any)
		require.Equal(t, map[string]any{"path": "/data/a", "value": nil}, overrides[0])
	})
}

// overridesOf are the entries of spec.overrides by what tells them apart.
func overridesOf(t *testing.T, obj *unstructured.Unstructured) []string {
	t.Helper()
	var keys []string
	list, _, err := unstructured.NestedSlice(obj.Object, "spec", "overrides")
	require.NoError(t, err)
	for _, item := range list {
		cluster, _, _ := unstructured.NestedString(item.(map[string]any), "clusterName")
		name, _, _ := unstructured.NestedString(item.(map[string]any), "name")
		keys = append(keys, cluster+"/"+name)
	}
	return keys
}

func TestServerSideApplyOfOverrides(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps)
	entries := func(list string) string { return "{template: {data: {a: '1'}}, overrides: [" + list + "]}" }
	const (
		one  = `{clusterName: one, clusterOverrides: [{path: /data/a, value: "2"}]}`
		two  = `{clusterName: two, clusterOverrides: [{path: /data/a, value: "3"}]}`
		all  = `{clusterSelector: {}, clusterOverrides: [{path: /data/a, value: "4"}]}`
		eu   = `{name: eu, clusterSelector: {matchLabels: {region: eu}}, clusterOverrides: [{path: /data/a, value: "5"}]}`
		eu6  = `{name: eu, clusterSelector: {matchLabels: {region: eu}}, clusterOverrides: [{path: /data/a, value: "6"}]}`
		usa  = `{name: us, clusterSelector: {matchLabels: {region: us}}}`
		none = `{template: {data: {a: '1'}}}`
	)

	t.Run("entries of several managers are merged, and leave with them", func(t *testing.T) {
		apply(t, s, configMaps, "a", "merged", entries(one+","+eu))
		merged := apply(t, s, configMaps, "b", "merged", "{overrides: ["+two+","+all+","+usa+"]}")
		require.ElementsMatch(t, []string{"one/", "/eu", "two/", "/", "/us"}, overridesOf(t, merged))
		changed := apply(t, s, configMaps, "a", "merged", entries(one+","+eu6))
		require.ElementsMatch(t, []string{"one/", "/eu", "two/", "/", "/us"}, overridesOf(t, changed))
		require.Contains(t, string(encode(t, changed)), `"value":"6"`)
		left := apply(t, s, configMaps, "b", "merged", "{overrides: ["+usa+"]}")
		require.ElementsMatch(t, []string{"one/", "/eu", "/us"}, overridesOf(t, left))
		require.Equal(t, []string{"/us"}, overridesOf(t, apply(t, s, configMaps, "a", "merged", none)))
	})
	t.Run("the order of who applies the list is its order", func(t *testing.T) {
		first := apply(t, s, configMaps, "a", "ordered", entries(all+","+eu+","+one))
		require.Equal(t, []string{"/", "/eu", "one/"}, overridesOf(t, first))
		turned := apply(t, s, configMaps, "a", "ordered", entries(one+","+eu+","+all))
		require.Equal(t, []string{"one/", "/eu", "/"}, overridesOf(t, turned))
	})
	t.Run("a conflict names the entry", func(t *testing.T) {
		apply(t, s, configMaps, "a", "contested", entries(eu))
		_, err := objects(t, s, configMaps).Apply(t.Context(), "contested", object(t, configMaps, "contested", "{overrides: ["+eu6+"]}"), metav1.ApplyOptions{FieldManager: "b"})
		require.True(t, apierrors.IsConflict(err), "%v", err)
		require.ErrorContains(t, err, `.spec.overrides[clusterName="",name="eu"].clusterOverrides`)
	})
	t.Run("entries that nothing tells apart are refused", func(t *testing.T) {
		for _, list := range []string{all + "," + all, eu + "," + eu6, one + "," + one} {
			_, err := objects(t, s, configMaps).Apply(t.Context(), "twice", object(t, configMaps, "twice", entries(list)), metav1.ApplyOptions{FieldManager: "a"})
			require.ErrorContains(t, err, "duplicate entries for key", list)
		}
	})
	t.Run("what was posted is taken over by apply", func(t *testing.T) {
		create(t, s, configMaps, "posted", entries(one+","+eu))
		taken := apply(t, s, configMaps, "a", "posted", entries(one+","+eu))
		require.Equal(t, []string{"one/", "/eu"}, overridesOf(t, taken))
		require.EqualValues(t, 1, taken.GetGeneration())
	})
}

func TestAtomicTemplate(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	config := deployments.DeepCopy()
	ownership := corev1beta1.TemplateOwnershipAtomic
	config.Spec.TemplateOwnership = &ownership
	enable(t, s, config)

	apply(t, s, config, "team", "whole", webSpec)
	_, err := objects(t, s, config).Apply(t.Context(), "whole", object(t, config, "whole", sidecarSpec), metav1.ApplyOptions{FieldManager: "mesh"})
	require.True(t, apierrors.IsConflict(err), "who applies a template owns the whole of it: %v", err)

	answer := request(t, s, http.MethodPatch, demoPath+"federateddeployments/typo?fieldManager=me", "application/apply-patch+yaml",
		encode(t, object(t, config, "typo", `{template: {spec: {replica: 1}}}`)))
	require.Equal(t, http.StatusBadRequest, answer.code, "%s", answer.body)
	require.Contains(t, answer.status.Message, ".spec.template.spec.replica: field not declared in schema")

	t.Run("ownership becomes granular without a restart", func(t *testing.T) {
		client := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace)
		require.Eventually(t, func() bool {
			current, err := client.Get(t.Context(), config.Name, metav1.GetOptions{})
			require.NoError(t, err)
			current.Spec.TemplateOwnership = nil
			_, err = client.Update(t.Context(), current, metav1.UpdateOptions{})
			return err == nil
		}, patience, poll)
		require.Eventually(t, func() bool {
			merged, err := objects(t, s, config).Apply(t.Context(), "whole", object(t, config, "whole", sidecarSpec), metav1.ApplyOptions{FieldManager: "mesh"})
			return err == nil && len(containers(t, merged)) == 2
		}, patience, poll)
	})
}

func TestScale(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, deployments, configMaps)
	client := objects(t, s, deployments)
	apply(t, s, deployments, "team", "web", webSpec)

	scaleOf := func() *autoscalingv1.Scale {
		raw, err := client.Get(t.Context(), "web", metav1.GetOptions{}, "scale")
		require.NoError(t, err)
		require.Equal(t, "autoscaling/v1", raw.GetAPIVersion())
		scale := &autoscalingv1.Scale{}
		require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(raw.Object, scale))
		return scale
	}
	require.EqualValues(t, 3, scaleOf().Spec.Replicas)
	require.Equal(t, "app=web", scaleOf().Status.Selector)

	stored, err := client.Get(t.Context(), "web", metav1.GetOptions{})
	require.NoError(t, err)
	stored.Object["status"] = map[string]any{"replicas": int64(7), "desiredReplicas": int64(9), "readyReplicas": int64(5)}
	_, err = client.UpdateStatus(t.Context(), stored, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 7, scaleOf().Status.Replicas)

	answer := request(t, s, http.MethodPatch, demoPath+"federateddeployments/web/scale?fieldManager=autoscaler", "application/merge-patch+json", []byte(`{"spec":{"replicas":6}}`))
	require.Equal(t, http.StatusOK, answer.code, "%s", answer.body)
	require.EqualValues(t, 6, scaleOf().Spec.Replicas)
	scaled, err := client.Get(t.Context(), "web", metav1.GetOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 6, at(t, scaled, "spec", "template", "spec", "replicas"))
	require.EqualValues(t, 2, scaled.GetGeneration())

	t.Run("who scales owns the replicas of the template", func(t *testing.T) {
		_, err := client.Apply(t.Context(), "web", object(t, deployments, "web", webSpec), metav1.ApplyOptions{FieldManager: "team"})
		require.True(t, apierrors.IsConflict(err), "%v", err)
		require.ErrorContains(t, err, `conflict with "autoscaler"`)
	})
	t.Run("bad scales are refused", func(t *testing.T) {
		negative := request(t, s, http.MethodPatch, demoPath+"federateddeployments/web/scale", "application/merge-patch+json", []byte(`{"spec":{"replicas":-1}}`))
		require.Equal(t, http.StatusUnprocessableEntity, negative.code)
		missing := request(t, s, http.MethodPatch, demoPath+"federateddeployments/nobody/scale", "application/merge-patch+json", []byte(`{"spec":{"replicas":1}}`))
		require.Equal(t, http.StatusNotFound, missing.code)
	})
	t.Run("a kind without replicas has no scale", func(t *testing.T) {
		create(t, s, configMaps, "plain", `{template: {data: {}}}`)
		require.Equal(t, http.StatusNotFound, request(t, s, http.MethodGet, demoPath+"federatedconfigmaps/plain/scale", jsonType, nil).code)
	})
}
