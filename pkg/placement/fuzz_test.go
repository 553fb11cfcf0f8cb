package placement_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// FuzzSelect evaluates any placement: it selects registered clusters, the same ones
// in whatever order they come, and what the selector that Kubernetes itself parses
// out of the text matches.
func FuzzSelect(f *testing.F) {
	for _, seed := range [][2]string{
		{`{}`, `{}`},
		{`{"clusters":[]}`, `{"a":"b"}`},
		{`{"clusters":[{"name":"one"},{"name":"none"}],"clusterSelector":{"matchLabels":{"a b":"c"}}}`, `{}`},
		{`{"clusterSelector":{}}`, `{"region":"eu"}`},
		{`{"clusterSelector":{"matchLabels":{"region":"eu"},"matchExpressions":[{"key":"zone","operator":"NotIn","values":["a",""]},{"key":"x","operator":"DoesNotExist"}]}}`, `{"region":"eu","zone":"b"}`},
		{`{"clusterSelector":{"matchExpressions":[{"key":"a","operator":"In"}]}}`, `{"a":""}`},
		{`{"clusterSelector":{"matchExpressions":[{"key":"a","operator":"Gt","values":["1"]}]}}`, `{"a":"2"}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, labelled string) {
		var p typesv1beta1.Placement
		labels := map[string]string{}
		if json.Unmarshal([]byte(text), &p) != nil || json.Unmarshal([]byte(labelled), &labels) != nil {
			return
		}
		clusters := []placement.Cluster{{Name: "one", Labels: labels}, {Name: "two"}, {Name: "three", Labels: map[string]string{"region": "eu"}}}
		selected, err := placement.Select(p, clusters)
		if err != nil {
			require.Nil(t, p.Clusters, "a list does not look at the selector")
			_, invalid := metav1.LabelSelectorAsSelector(p.ClusterSelector)
			require.Error(t, invalid)
			return
		}
		for name := range selected {
			require.Contains(t, []string{"one", "two", "three"}, name)
		}
		clusters[0], clusters[2] = clusters[2], clusters[0]
		again, err := placement.Select(p, clusters)
		require.NoError(t, err)
		require.Equal(t, selected, again)
		if p.Clusters == nil && p.ClusterSelector == nil {
			require.Empty(t, selected, "absence selects nothing")
		}
		decided, err := placement.Decide(p, true, nil, clusters)
		require.NoError(t, err)
		require.Empty(t, decided.Clusters)
		require.True(t, decided.NamespaceNotFederated)
	})
}
