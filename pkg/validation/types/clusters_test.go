package types_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/pkg/validation/types"
)

func TestClusterWarnings(t *testing.T) {
	two := map[string]map[string]string{"c1": {"region": "eu"}, "c2": {"region": "eu", "gpu": "yes"}}
	selector := func(s string) string { return `{"template":{},"placement":{"clusterSelector":` + s + `}}` }
	for name, test := range map[string]struct {
		spec     string
		clusters map[string]map[string]string
		want     []string
	}{
		"clusters that there are":     {`{"template":{},"placement":{"clusters":[{"name":"c1"},{"name":"c2"}]},"overrides":[{"clusterName":"c1"}]}`, two, nil},
		"a cluster that there is not": {`{"template":{},"placement":{"clusters":[{"name":"c1"},{"name":"c3"}]}}`, two, []string{`spec.placement.clusters[1].name: there is no cluster "c3" now`}},
		"no clusters at all":          {selector(`{}`), map[string]map[string]string{}, []string{"spec.placement.clusterSelector: there are no clusters now"}},
		"some":                        {selector(`{"matchLabels":{"gpu":"yes"}}`), two, nil},
		"none":                        {selector(`{"matchLabels":{"gpu":"no"}}`), two, []string{"spec.placement.clusterSelector: selects none of the 2 clusters"}},
		"all":                         {selector(`{"matchLabels":{"region":"eu"}}`), two, []string{"spec.placement.clusterSelector: selects all 2 clusters"}},
		"all, as it says itself":      {selector(`{}`), two, nil},
		"a selector that is ignored":  {`{"template":{},"placement":{"clusters":[],"clusterSelector":{"matchLabels":{"a":"b"}}}}`, two, nil},
		"no placement":                {`{"template":{}}`, two, nil},
		"overrides": {`{"template":{},"overrides":[{"clusterName":"c3"},{"clusterSelector":{"matchLabels":{"region":"us"}}},{"name":"eu","clusterSelector":{"matchLabels":{"region":"eu"}}}]}`, two,
			[]string{`spec.overrides[0].clusterName: there is no cluster "c3" now`, "spec.overrides[1].clusterSelector: selects none of the 2 clusters"}},
	} {
		t.Run(name, func(t *testing.T) {
			obj := federated(t, deployments, test.spec)
			require.Empty(t, types.ValidateFederatedObject(obj, deployments))
			require.Equal(t, test.want, types.ClusterWarnings(obj, test.clusters))
		})
	}

	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprintf(`{"name":"c%d"}`, i+10))
	}
	warnings := types.ClusterWarnings(federated(t, deployments, `{"template":{},"placement":{"clusters":[`+strings.Join(many, ",")+`]}}`), two)
	require.Len(t, warnings, 11)
	require.Equal(t, "and 40 more of the kind", warnings[10])
}
