package placement_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

var registered = []placement.Cluster{
	{Name: "a", Labels: map[string]string{"region": "eu", "tier": "prod"}},
	{Name: "b", Labels: map[string]string{"region": "us"}},
	{Name: "c"},
}

func names(clusters ...string) []typesv1beta1.ClusterReference {
	references := []typesv1beta1.ClusterReference{}
	for _, name := range clusters {
		references = append(references, typesv1beta1.ClusterReference{Name: name})
	}
	return references
}

func matchLabels(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func matchExpression(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
}

func TestSelect(t *testing.T) {
	for name, test := range map[string]struct {
		placement typesv1beta1.Placement
		want      []string
	}{
		"neither":                           {typesv1beta1.Placement{}, nil},
		"empty selector":                    {typesv1beta1.Placement{ClusterSelector: &metav1.LabelSelector{}}, []string{"a", "b", "c"}},
		"empty matchLabels":                 {typesv1beta1.Placement{ClusterSelector: &metav1.LabelSelector{MatchLabels: map[string]string{}}}, []string{"a", "b", "c"}},
		"labels":                            {typesv1beta1.Placement{ClusterSelector: matchLabels("region", "eu")}, []string{"a"}},
		"labels that match none":            {typesv1beta1.Placement{ClusterSelector: matchLabels("region", "mars")}, nil},
		"expression In":                     {typesv1beta1.Placement{ClusterSelector: matchExpression("region", metav1.LabelSelectorOpIn, "eu", "us")}, []string{"a", "b"}},
		"expression NotIn also without key": {typesv1beta1.Placement{ClusterSelector: matchExpression("region", metav1.LabelSelectorOpNotIn, "eu")}, []string{"b", "c"}},
		"expression DoesNotExist":           {typesv1beta1.Placement{ClusterSelector: matchExpression("region", metav1.LabelSelectorOpDoesNotExist)}, []string{"c"}},
		"empty list":                        {typesv1beta1.Placement{Clusters: names()}, nil},
		"empty list beats selector":         {typesv1beta1.Placement{Clusters: names(), ClusterSelector: &metav1.LabelSelector{}}, nil},
		"list":                              {typesv1beta1.Placement{Clusters: names("c", "a")}, []string{"a", "c"}},
		"list beats selector":               {typesv1beta1.Placement{Clusters: names("c"), ClusterSelector: matchLabels("region", "eu")}, []string{"c"}},
		"list beats invalid selector":       {typesv1beta1.Placement{Clusters: names("c"), ClusterSelector: matchExpression("region", "Near")}, []string{"c"}},
		"unknown names are left out":        {typesv1beta1.Placement{Clusters: names("c", "unknown")}, []string{"c"}},
		"the same name twice":               {typesv1beta1.Placement{Clusters: names("c", "c")}, []string{"c"}},
	} {
		t.Run(name, func(t *testing.T) {
			selected, err := placement.Select(test.placement, registered)
			require.NoError(t, err)
			require.ElementsMatch(t, test.want, selected.UnsortedList())
		})
	}
}

func TestSelectRefusesInvalidSelector(t *testing.T) {
	for name, selector := range map[string]*metav1.LabelSelector{
		"operator":        matchExpression("region", "Near", "eu"),
		"In without list": matchExpression("region", metav1.LabelSelectorOpIn),
		"key":             matchLabels("a b", "c"),
	} {
		t.Run(name, func(t *testing.T) {
			selected, err := placement.Select(typesv1beta1.Placement{ClusterSelector: selector}, registered)
			require.ErrorContains(t, err, "invalid clusterSelector")
			require.Nil(t, selected, "an error must not look like an empty selection")
		})
	}
}

func TestDecide(t *testing.T) {
	ab := typesv1beta1.Placement{Clusters: names("a", "b")}
	bc := typesv1beta1.Placement{Clusters: names("b", "c")}
	for name, test := range map[string]struct {
		namespaced   bool
		namespace    *typesv1beta1.Placement
		want         []string
		notFederated bool
	}{
		"cluster-scoped": {false, nil, []string{"a", "b"}, false},
		"cluster-scoped has no use for a namespace":       {false, &bc, []string{"a", "b"}, false},
		"namespaced without a FederatedNamespace":         {true, nil, nil, true},
		"namespaced is cut down to its namespace":         {true, &bc, []string{"b"}, false},
		"namespaced in a namespace without a placement":   {true, &typesv1beta1.Placement{}, nil, false},
		"namespaced in a namespace that goes everywhere":  {true, &typesv1beta1.Placement{ClusterSelector: &metav1.LabelSelector{}}, []string{"a", "b"}, false},
		"namespaced in a namespace with an unknown place": {true, &typesv1beta1.Placement{Clusters: names("unknown", "a")}, []string{"a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			decision, err := placement.Decide(ab, test.namespaced, test.namespace, registered)
			require.NoError(t, err)
			require.ElementsMatch(t, test.want, decision.Clusters.UnsortedList())
			require.NotNil(t, decision.Clusters)
			require.Equal(t, test.notFederated, decision.NamespaceNotFederated)
		})
	}
}

func TestDecideRefusesInvalidPlacements(t *testing.T) {
	valid := typesv1beta1.Placement{Clusters: names("a")}
	invalid := typesv1beta1.Placement{ClusterSelector: matchExpression("region", "Near")}

	_, err := placement.Decide(invalid, true, nil, registered)
	require.ErrorContains(t, err, "placement: invalid clusterSelector", "an invalid placement is not hidden by a missing namespace")
	_, err = placement.Decide(valid, true, &invalid, registered)
	require.ErrorContains(t, err, "placement of the FederatedNamespace: invalid clusterSelector")
	_, err = placement.Decide(valid, false, &invalid, registered)
	require.NoError(t, err, "a cluster-scoped target has no namespace to be invalid")
}

// genPlacement draws placements over the labels and names of genClusters.
func genPlacement(t *rapid.T, label string) typesv1beta1.Placement {
	var p typesv1beta1.Placement
	if rapid.Bool().Draw(t, label+" has a list") {
		p.Clusters = names(rapid.SliceOfN(rapid.SampledFrom([]string{"m0", "m1", "m2", "m3", "other"}), 0, 4).Draw(t, label+" list")...)
	}
	switch rapid.IntRange(0, 3).Draw(t, label+" selector") {
	case 1:
		p.ClusterSelector = &metav1.LabelSelector{}
	case 2:
		p.ClusterSelector = matchLabels("k", rapid.SampledFrom([]string{"0", "1"}).Draw(t, label+" value"))
	case 3:
		p.ClusterSelector = matchExpression("k", metav1.LabelSelectorOpExists)
	}
	return p
}

func genClusters(t *rapid.T) []placement.Cluster {
	clusters := make([]placement.Cluster, rapid.IntRange(0, 4).Draw(t, "clusters"))
	for i := range clusters {
		clusters[i].Name = fmt.Sprintf("m%d", i)
		if rapid.Bool().Draw(t, "labelled") {
			clusters[i].Labels = map[string]string{"k": rapid.SampledFrom([]string{"0", "1"}).Draw(t, "label")}
		}
	}
	return clusters
}

func TestDecisionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clusters := genClusters(t)
		all := sets.New[string]()
		for _, cluster := range clusters {
			all.Insert(cluster.Name)
		}
		object, namespace := genPlacement(t, "object"), genPlacement(t, "namespace")

		alone, err := placement.Decide(object, false, nil, clusters)
		require.NoError(t, err)
		require.True(t, all.IsSuperset(alone.Clusters), "only registered clusters are selected")

		within, err := placement.Decide(object, true, &namespace, clusters)
		require.NoError(t, err)
		require.True(t, alone.Clusters.IsSuperset(within.Clusters), "a namespace can only take clusters away")

		swapped, err := placement.Decide(namespace, true, &object, clusters)
		require.NoError(t, err)
		require.Equal(t, within.Clusters, swapped.Clusters, "an intersection does not depend on the order")
		require.Equal(t, alone.Clusters, within.Own, "what the object asks for itself is told")

		again, err := placement.Decide(object, true, &object, clusters)
		require.NoError(t, err)
		require.Equal(t, alone.Clusters, again.Clusters, "a namespace with the same placement changes nothing")
	})
}
