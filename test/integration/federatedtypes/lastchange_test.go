package federatedtypes

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

// asTester is a client of a user, whose requests have an audit id.
func asTester(t *testing.T, s *typeserver.Server, auditID string) dynamic.ResourceInterface {
	t.Helper()
	config := rest.AnonymousClientConfig(s.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			req.Header.Set("Audit-ID", auditID)
			return next.RoundTrip(req)
		})
	})
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	return client.Resource(typesv1beta1.SchemeGroupVersion.WithResource("federatedconfigmaps")).Namespace("demo")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestLastChange(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps)
	kind, ok := s.Types.Kind("federatedconfigmaps")
	require.True(t, ok)
	forged := map[string]any{"lastChange": map[string]any{"user": "mallory", "time": "2001-01-01T00:00:00Z", "generation": int64(1)}}
	recorded := func(obj *unstructured.Unstructured) map[string]any {
		t.Helper()
		change, ok := at(t, obj, "status", "lastChange").(map[string]any)
		require.True(t, ok)
		return change
	}
	requireBy := func(obj *unstructured.Unstructured, auditID string, generation int) {
		t.Helper()
		change := recorded(obj)
		require.Equal(t, "tester", change["user"])
		require.Equal(t, "tester-uid", change["uid"])
		require.Equal(t, auditID, change["auditID"])
		require.EqualValues(t, generation, change["generation"])
		require.NotEmpty(t, change["time"])
	}

	obj := object(t, configMaps, "ours", `{template: {data: {a: "1"}}}`)
	obj.Object["status"] = forged
	created, err := asTester(t, s, "created").Create(t.Context(), obj, metav1.CreateOptions{})
	require.NoError(t, err)
	requireBy(created, "created", 1)

	labelled := created.DeepCopy()
	labelled.SetLabels(map[string]string{"x": "y"})
	labelled.Object["status"] = forged
	labelled, err = asTester(t, s, "labelled").Update(t.Context(), labelled, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.Equal(t, recorded(created), recorded(labelled), "metadata is not what is asked for")
	same, err := asTester(t, s, "same").Update(t.Context(), labelled, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.Equal(t, labelled.GetResourceVersion(), same.GetResourceVersion(), "a write that changes nothing is none")

	reported := same.DeepCopy()
	reported.Object["status"] = map[string]any{"observedGeneration": int64(1), "lastChange": forged["lastChange"]}
	reported, err = asTester(t, s, "reported").UpdateStatus(t.Context(), reported, metav1.UpdateOptions{FieldManager: "reporter"})
	require.NoError(t, err)
	require.EqualValues(t, 1, at(t, reported, "status", "observedGeneration"))
	requireBy(reported, "created", 1)
	applied, err := asTester(t, s, "applied").ApplyStatus(t.Context(), "ours", &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": obj.GetAPIVersion(), "kind": obj.GetKind(), "metadata": map[string]any{"name": "ours"}, "status": forged,
	}}, metav1.ApplyOptions{FieldManager: "applier", Force: true})
	require.NoError(t, err)
	requireBy(applied, "created", 1)
	for _, entry := range applied.GetManagedFields() {
		require.NotContains(t, string(entry.FieldsV1.GetRawBytes()), "lastChange", "it is nobody's field")
	}

	stored, err := kind.Get(t.Context(), "demo", "ours")
	require.NoError(t, err)
	stored = stored.DeepCopy()
	stored.Status = typesv1beta1.FederatedObjectStatus{ObservedGeneration: 7}
	written, err := kind.UpdateStatus(t.Context(), stored)
	require.NoError(t, err)
	require.Equal(t, "created", written.Status.LastChange.AuditID, "whatever the process itself reports")

	// Neither is it a client's to say what may be removed.
	stored = written.DeepCopy()
	paused := &typesv1beta1.PausedRemoval{Reason: typesv1beta1.ReasonEmptyPlacement, Clusters: []string{"c1"}, Since: metav1.Now().Rfc3339Copy(), Hash: "0123456789abcdef"}
	stored.Status.PausedRemoval = paused
	written, err = kind.UpdateStatus(t.Context(), stored)
	require.NoError(t, err)
	require.NotNil(t, written.Status.PausedRemoval)
	_, err = asTester(t, s, "approved").Patch(t.Context(), "ours", types.MergePatchType,
		[]byte(`{"status":{"pausedRemoval":null,"approvedRemovals":["c1"],"recentRemovals":[{"name":"c1","time":"2001-01-01T00:00:00Z"}],"observedGeneration":8}}`), metav1.PatchOptions{}, "status")
	require.NoError(t, err)
	written, err = kind.Get(t.Context(), "demo", "ours")
	require.NoError(t, err)
	require.EqualValues(t, 8, written.Status.ObservedGeneration)
	require.Equal(t, paused.Hash, written.Status.PausedRemoval.Hash)
	require.Empty(t, written.Status.ApprovedRemovals)
	require.Empty(t, written.Status.RecentRemovals)

	patch := func(client dynamic.ResourceInterface, body string) *unstructured.Unstructured {
		t.Helper()
		patched, err := client.Patch(t.Context(), "ours", types.MergePatchType, []byte(body), metav1.PatchOptions{})
		require.NoError(t, err)
		return patched
	}
	changed := patch(asTester(t, s, "changed"), `{"spec":{"template":{"data":{"a":"2"}}}}`)
	requireBy(changed, "changed", 2)

	scheduled := patch(objects(t, s, configMaps), `{"spec":{"placement":{"clusters":[]}}}`)
	require.EqualValues(t, 3, scheduled.GetGeneration())
	requireBy(scheduled, "changed", 2)

	require.NoError(t, asTester(t, s, "deleted").Delete(t.Context(), "ours", metav1.DeleteOptions{}))
	deleted, err := objects(t, s, configMaps).Get(t.Context(), "ours", metav1.GetOptions{})
	require.NoError(t, err)
	require.NotNil(t, deleted.GetDeletionTimestamp())
	require.EqualValues(t, 4, deleted.GetGeneration())
	requireBy(deleted, "deleted", 4)

	own := create(t, s, configMaps, "own", `{template: {data: {}}}`)
	require.NotContains(t, at(t, own, "status"), "lastChange", "the server itself is nobody's author")
}
