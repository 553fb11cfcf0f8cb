package diff

import (
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
	"github.com/kubefederation/federation-apiserver/pkg/cli/plan"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

func TestClientSidePatch(t *testing.T) {
	wanted := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"kept": "new"}}}
	live := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{overrides.LastAppliedAnnotation: `{"spec":{"kept":"old","gone":"x"}}`}},
		"spec":     map[string]any{"kept": "old", "gone": "x", "others": "y"},
	}}
	patch, err := clientSidePatch(wanted, live)
	require.NoError(t, err)
	record := `"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"spec\":{\"kept\":\"new\"}}"}}`
	require.JSONEq(t, `{`+record+`,"spec":{"kept":"new","gone":null}}`, string(patch), "what others have set stays")

	live.SetAnnotations(map[string]string{overrides.LastAppliedAnnotation: `{"metadata":{"annotations":{}},"spec":{}}`, "kubefed.io/orphan": "true"})
	patch, err = clientSidePatch(wanted, live)
	require.NoError(t, err)
	require.JSONEq(t, `{`+record+`,"spec":{"kept":"new"}}`, string(patch), "nothing is known to have gone, annotations of others least of all")
}

func TestIsNamespaceMissing(t *testing.T) {
	missing := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop")
	require.True(t, isNamespaceMissing(missing, "shop"))
	require.False(t, isNamespaceMissing(missing, "other"))
	require.False(t, isNamespaceMissing(apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, "shop"), "shop"))
	require.False(t, isNamespaceMissing(nil, "shop"))
}

func planOf(clusters ...plan.Cluster) *plan.Plan {
	return &plan.Plan{Input: plan.Input{Object: &typesv1beta1.FederatedObject{}}, Clusters: clusters}
}

func cluster(name, json string) plan.Cluster {
	c := plan.Cluster{Name: name, Selected: json != ""}
	if c.Selected {
		c.Rendered = &overrides.Rendered{JSON: []byte(json)}
	}
	return c
}

func TestCompare(t *testing.T) {
	before := planOf(cluster("a", `{"x":1}`), cluster("b", `{"x":1}`), cluster("c", `{"x":1}`), cluster("d", `{"x":1}`), cluster("e", ""))
	after := planOf(cluster("a", `{"x":1}`), cluster("b", `{"x":2}`), cluster("c", `{"x":2}`), cluster("d", ""), cluster("e", `{"x":1}`))
	differences, err := compare(before, after, false)
	require.NoError(t, err)
	require.Equal(t, []difference{
		{changed, []string{"b", "c"}, "--- now\n+++ after\n@@ -1 +1 @@\n-x: 1\n+x: 2\n"},
		{removed, []string{"d"}, "--- now\n+++ after\n@@ -1 +0,0 @@\n-x: 1\n"},
		{added, []string{"e"}, "--- now\n+++ after\n@@ -0,0 +1 @@\n+x: 1\n"},
	}, differences)
	require.Equal(t, "# Thing x: changed in b, c\n--- now\n+++ after\n@@ -1 +1 @@\n-x: 1\n+x: 2\n", differences[0].text("Thing x", output.Palette{}))

	differences, err = compare(nil, after, false)
	require.NoError(t, err)
	require.Len(t, differences, 2, "a and e get the one, b and c the other")

	broken := planOf(plan.Cluster{Name: "a", Selected: true, Err: &overrides.ApplyError{Cluster: "a", Index: -1, Err: apierrors.NewBadRequest("no")}})
	_, err = compare(before, broken, false)
	require.ErrorContains(t, err, "for cluster a: ")
}
