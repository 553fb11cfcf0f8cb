package types_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
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

func TestWideningWarnings(t *testing.T) {
	two := map[string]map[string]string{"c1": {"region": "eu"}, "c2": {"region": "us"}}
	for name, test := range map[string]struct {
		old, now string
		want     []string
	}{
		"the list is taken away":     {`{"clusters":[{"name":"c1"},{"name":"gone"}],"clusterSelector":{}}`, `{"clusterSelector":{}}`, []string{"spec.placement.clusterSelector: selects all 2 clusters, where 1 were selected before"}},
		"an empty list, too":         {`{"clusters":[],"clusterSelector":{}}`, `{"clusterSelector":{"matchLabels":{}}}`, []string{"spec.placement.clusterSelector: selects all 2 clusters, where 0 were selected before"}},
		"the labels are taken away":  {`{"clusterSelector":{"matchLabels":{"region":"eu"}}}`, `{"clusterSelector":{}}`, []string{"spec.placement.clusterSelector: selects all 2 clusters, where 1 were selected before"}},
		"nothing was selected":       {`{}`, `{"clusterSelector":{}}`, []string{"spec.placement.clusterSelector: selects all 2 clusters, where 0 were selected before"}},
		"all were selected before":   {`{"clusters":[{"name":"c1"},{"name":"c2"}]}`, `{"clusterSelector":{}}`, nil},
		"some are selected":          {`{}`, `{"clusterSelector":{"matchLabels":{"region":"eu"}}}`, nil},
		"the list still decides":     {`{"clusters":[]}`, `{"clusters":[{"name":"c1"}],"clusterSelector":{}}`, nil},
		"nothing is selected at all": {`{"clusterSelector":{}}`, `{}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			object := func(placement string) *typesv1beta1.FederatedObject {
				return federated(t, deployments, `{"template":{},"placement":`+placement+`}`)
			}
			require.Equal(t, test.want, types.WideningWarnings(object(test.now), object(test.old), two))
		})
	}
}

func TestApprovalsOfRemovals(t *testing.T) {
	const hash, path = "0123456789abcdef", "metadata.annotations[kubefed.io/approve-removal]"
	object := func(approval string) *typesv1beta1.FederatedObject {
		obj := federated(t, deployments, `{"template":{}}`)
		if approval != "" {
			obj.Annotations = map[string]string{typesv1beta1.ApproveRemovalAnnotation: approval}
		}
		return obj
	}
	for _, approval := range []string{"true", "0123456789ABCDEF", " " + hash, hash + "0"} {
		errs := types.ValidateFederatedObject(object(approval), deployments)
		require.Len(t, errs, 1, approval)
		require.Equal(t, path, errs[0].Field)
		require.Contains(t, errs[0].Detail, "must be the hash in status.pausedRemoval")
		require.Len(t, types.ValidateFederatedObjectUpdate(object(approval), object(""), deployments), 1)
		require.Empty(t, types.ValidateFederatedObjectUpdate(object(approval), object(approval), deployments), "what is stored may stay")
	}
	require.Empty(t, types.ValidateFederatedObject(object(hash), deployments))

	require.Equal(t, []string{path + ": approves nothing, as no removal is paused"}, types.ApprovalWarnings(object(hash), nil))
	paused := object(hash)
	paused.Status.PausedRemoval = &typesv1beta1.PausedRemoval{Hash: hash}
	require.Empty(t, types.ApprovalWarnings(paused, object("")))
	paused.Status.PausedRemoval.Hash = "another"
	require.Equal(t, []string{path + ": approves nothing, as what is paused has the hash another"}, types.ApprovalWarnings(paused, object("")))
	require.Empty(t, types.ApprovalWarnings(paused, object(hash)), "it was told when it was given")
	require.Empty(t, types.ApprovalWarnings(object(""), object(hash)))
}
