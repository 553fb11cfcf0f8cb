package federatedtypes

import (
	"net/http"
	"strings"
	"testing"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

const webSpec = `
template:
  metadata: {labels: {app: web}}
  spec:
    replicas: 3
    selector: {matchLabels: {app: web}}
    template:
      metadata: {labels: {app: web}}
      spec:
        containers: [{name: web, image: "nginx:1.27"}]
placement: {clusters: [{name: cluster1}]}
`

func TestWrites(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, deployments, configMaps, secrets)

	t.Run("create keeps the user's intent and takes the object into care", func(t *testing.T) {
		obj := object(t, configMaps, "intent", `
template: {data: {leader: leia}}
placement: {clusters: []}
overrides: [{clusterName: a, clusterOverrides: [{path: data.leader, value: null}, {op: add, path: /data/x, value: "0"}]}]
`)
		obj.Object["status"] = map[string]any{"observedGeneration": int64(7)}
		created, err := objects(t, s, configMaps).Create(t.Context(), obj, metav1.CreateOptions{})
		require.NoError(t, err)
		require.Equal(t, []string{typesv1beta1.SyncFinalizer}, created.GetFinalizers())
		require.EqualValues(t, 1, created.GetGeneration())
		require.NotContains(t, at(t, created, "status"), "observedGeneration", "a user's status is not taken")
		status, err := kstatus.Compute(created)
		require.NoError(t, err)
		require.Equal(t, kstatus.InProgressStatus, status.Status, "nobody has looked at the object yet")
		stored, err := objects(t, s, configMaps).Get(t.Context(), "intent", metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, []any{}, at(t, stored, "spec", "placement", "clusters"))
		require.Equal(t, []any{
			map[string]any{"path": "data.leader", "value": nil},
			map[string]any{"op": "add", "path": "/data/x", "value": "0"},
		}, at(t, stored, "spec", "overrides").([]any)[0].(map[string]any)["clusterOverrides"])
	})

	t.Run("the generation counts changes of the spec only", func(t *testing.T) {
		created := create(t, s, configMaps, "counted", `{template: {data: {a: "1", b: "2"}}}`)
		labelled := created.DeepCopy()
		labelled.SetLabels(map[string]string{"x": "y"})
		labelled.SetFinalizers(nil)
		labelled, err := objects(t, s, configMaps).Update(t.Context(), labelled, metav1.UpdateOptions{})
		require.NoError(t, err)
		require.EqualValues(t, 1, labelled.GetGeneration())
		require.Equal(t, []string{typesv1beta1.SyncFinalizer}, labelled.GetFinalizers(), "the finalizer stays while the object is not being deleted")

		same := []byte(`{"spec":{"template":{"data":{"b":"2","a":"1"}}}}`)
		answer := request(t, s, http.MethodPatch, demoPath+"federatedconfigmaps/counted", "application/merge-patch+json", same)
		require.Equal(t, http.StatusOK, answer.code, "%s", answer.body)
		unchanged, err := objects(t, s, configMaps).Get(t.Context(), "counted", metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, labelled.GetResourceVersion(), unchanged.GetResourceVersion())

		changed := request(t, s, http.MethodPatch, demoPath+"federatedconfigmaps/counted", "application/merge-patch+json", []byte(`{"spec":{"template":{"data":{"a":null}}}}`))
		require.Equal(t, http.StatusOK, changed.code, "%s", changed.body)
		again, err := objects(t, s, configMaps).Get(t.Context(), "counted", metav1.GetOptions{})
		require.NoError(t, err)
		require.EqualValues(t, 2, again.GetGeneration())
	})

	t.Run("status is written through /status only, which writes nothing else", func(t *testing.T) {
		obj := create(t, s, configMaps, "reported", `{template: {data: {a: "1"}}}`)
		obj.Object["status"] = map[string]any{"observedGeneration": int64(1), "clusters": []any{map[string]any{"name": "a"}}}
		obj.SetLabels(map[string]string{"not": "here"})
		obj.Object["spec"] = map[string]any{"template": map[string]any{"data": map[string]any{"a": "2"}}}
		updated, err := objects(t, s, configMaps).UpdateStatus(t.Context(), obj, metav1.UpdateOptions{})
		require.NoError(t, err)
		require.Equal(t, "1", at(t, updated, "spec", "template", "data", "a"))
		require.Empty(t, updated.GetLabels())
		require.EqualValues(t, 1, updated.GetGeneration())

		updated.Object["status"] = map[string]any{"observedGeneration": int64(9)}
		updated, err = objects(t, s, configMaps).Update(t.Context(), updated, metav1.UpdateOptions{})
		require.NoError(t, err)
		require.EqualValues(t, 1, at(t, updated, "status", "observedGeneration"))
	})

	t.Run("values are checked by the target's schema", func(t *testing.T) {
		for _, test := range []struct{ name, spec, field, detail string }{
			{"wrong type", `{template: {spec: {replicas: many}}}`, "spec.template.spec.replicas", "must be of type integer, not string"},
			{"too large", `{template: {spec: {replicas: 3000000000}}}`, "spec.template.spec.replicas", "must fit into 32 bits"},
			{"in a list", `{template: {spec: {template: {spec: {containers: [{name: 1}]}}}}}`, "spec.template.spec.template.spec.containers[0].name", "must be of type string, not integer"},
			{"no key", `{template: {spec: {template: {spec: {containers: [{image: x}]}}}}}`, "spec.template.spec.template.spec.containers[0].name", "Required value"},
			{"no template", `{placement: {clusters: []}}`, "spec.template", ""},
		} {
			answer := request(t, s, http.MethodPost, demoPath+"federateddeployments", jsonType, encode(t, object(t, deployments, "wrong", test.spec)))
			require.Equal(t, http.StatusUnprocessableEntity, answer.code, "%s: %s", test.name, answer.body)
			require.Len(t, answer.status.Details.Causes, 1, test.name)
			require.Equal(t, test.field, answer.status.Details.Causes[0].Field, test.name)
			require.Contains(t, answer.status.Details.Causes[0].Message, test.detail, test.name)
		}
		bad := request(t, s, http.MethodPost, demoPath+"federatedsecrets", jsonType, encode(t, object(t, secrets, "bad", `{template: {data: {k: "%%"}}}`)))
		require.Equal(t, http.StatusUnprocessableEntity, bad.code)
		require.Contains(t, bad.status.Message, "must be base64")
	})

	t.Run("an object that is too large is refused with size and limit", func(t *testing.T) {
		for size, code := range map[int]int{1_600_000: http.StatusUnprocessableEntity, 2_500_000: http.StatusUnprocessableEntity, 4_000_000: http.StatusRequestEntityTooLarge} {
			obj := object(t, configMaps, "large", `{template: {data: {}}}`)
			at(t, obj, "spec", "template", "data").(map[string]any)["k"] = strings.Repeat("x", size)
			answer := request(t, s, http.MethodPost, demoPath+"federatedconfigmaps", jsonType, encode(t, obj))
			require.Equal(t, code, answer.code, "%s", answer.status.Message)
			require.Regexp(t, `\d{7}`, answer.status.Message)
		}
	})
}

func TestFieldValidation(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, deployments)
	const path = demoPath + "federateddeployments"
	typo := func(name string) []byte {
		return encode(t, object(t, deployments, name, `{template: {spec: {replica: 3, template: {spec: {containers: [{name: web, imagee: x}]}}}}, placment: {}}`))
	}

	t.Run("strict refuses", func(t *testing.T) {
		answer := request(t, s, http.MethodPost, path+"?fieldValidation=Strict", jsonType, typo("strict"))
		require.Equal(t, http.StatusBadRequest, answer.code, "%s", answer.body)
		require.Contains(t, answer.status.Message, `strict decoding error: unknown field "spec.placment", unknown field "spec.template.spec.replica", unknown field "spec.template.spec.template.spec.containers[0].imagee"`)
	})
	t.Run("strict refuses duplicates", func(t *testing.T) {
		body := `{"apiVersion":"types.kubefed.io/v1beta1","kind":"FederatedDeployment","metadata":{"name":"twice"},"spec":{"template":{"spec":{"replicas":1,"replicas":2}}}}`
		answer := request(t, s, http.MethodPost, path+"?fieldValidation=Strict", jsonType, []byte(body))
		require.Equal(t, http.StatusBadRequest, answer.code, "%s", answer.body)
		require.Contains(t, answer.status.Message, `duplicate field "spec.template.spec.replicas"`)
	})
	for mode, warnings := range map[string]int{"Warn": 3, "Ignore": 0} {
		t.Run(mode+" prunes", func(t *testing.T) {
			name := strings.ToLower(mode)
			answer := request(t, s, http.MethodPost, path+"?fieldValidation="+mode, jsonType, typo(name))
			require.Equal(t, http.StatusCreated, answer.code, "%s", answer.body)
			require.Len(t, answer.warnings, warnings, "%v", answer.warnings)
			stored, err := objects(t, s, deployments).Get(t.Context(), name, metav1.GetOptions{})
			require.NoError(t, err)
			require.Equal(t, map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "web"}}}}}, at(t, stored, "spec", "template", "spec"))
		})
	}
	t.Run("a merge patch is held to it too", func(t *testing.T) {
		create(t, s, deployments, "patched", webSpec)
		answer := request(t, s, http.MethodPatch, path+"/patched?fieldValidation=Strict", "application/merge-patch+json", []byte(`{"spec":{"template":{"spec":{"replica":1}}}}`))
		require.Equal(t, http.StatusUnprocessableEntity, answer.code, "%s", answer.body)
		require.Contains(t, answer.status.Message, `unknown field "spec.template.spec.replica"`)
	})
	t.Run("server-side apply refuses as a bad request", func(t *testing.T) {
		answer := request(t, s, http.MethodPatch, path+"/applied?fieldManager=me", "application/apply-patch+yaml", typo("applied"))
		require.Equal(t, http.StatusBadRequest, answer.code, "%s", answer.body)
		require.Contains(t, answer.status.Message, "field not declared in schema")
	})
	t.Run("a strategic merge patch is not supported", func(t *testing.T) {
		create(t, s, deployments, "strategic", webSpec)
		answer := request(t, s, http.MethodPatch, path+"/strategic", "application/strategic-merge-patch+json; charset=utf-8", []byte(`{"metadata":{"labels":{"a":"b"}}}`))
		require.Equal(t, http.StatusUnsupportedMediaType, answer.code, "%s", answer.body)
	})
}
