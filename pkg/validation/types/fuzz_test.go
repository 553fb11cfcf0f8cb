package types_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
	"github.com/kubefederation/federation-apiserver/pkg/validation/types"
)

// FuzzFederatedObject validates any object. What is sound is rendered for each cluster
// that it names, is still sound when it is written again, and can be warned of.
func FuzzFederatedObject(f *testing.F) {
	for _, seed := range []string{
		`{"metadata":{"name":"web","namespace":"shop"},"spec":{"template":{"spec":{"replicas":1}},"placement":{"clusters":[{"name":"a"}]},"overrides":[{"clusterName":"a","clusterOverrides":[{"path":"/spec/replicas","value":2}]}]}}`,
		`{"metadata":{"name":"web","namespace":"shop","finalizers":["x"],"annotations":{"kubefed.io/deleteoption":"{\"gracePeriodSeconds\":-1}","kubefed.io/recreate-immutable":"x"}},"spec":{"template":{"metadata":{"labels":{"a":1},"namespace":null}},"placement":{"clusterSelector":{"matchExpressions":[{"key":"a","operator":"In"}]}}}}`,
		`{"metadata":{"name":"web","namespace":"shop"},"spec":{"template":{},"overrides":[{"clusterSelector":{},"name":"n","clusterOverrides":[{"op":"add","path":"/a","value":[]},{"op":"add","path":"/a/-","value":1}]},{"clusterSelector":{"matchLabels":{"x":"y"}}},{"clusterName":"a","clusterOverrides":[{"op":"remove","path":"/a/0"}]}]}}`,
		`{"spec":{"template":[1]},"status":{"observedGeneration":-1,"conditions":[{"type":""}],"clusters":[{"name":"a"},{"name":"a"}]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		obj := &typesv1beta1.FederatedObject{}
		if json.Unmarshal(data, obj) != nil {
			return
		}
		before := obj.DeepCopy()
		errs := types.ValidateFederatedObject(obj, deployments)
		for _, err := range errs {
			require.NotEmpty(t, err.Field, "%v", err)
		}
		types.ValidateFederatedObjectStatusUpdate(obj, obj)
		require.Equal(t, before, obj, "validation changes nothing")
		if len(errs) > 0 {
			return
		}
		require.Empty(t, types.ValidateFederatedObjectUpdate(obj, before, deployments))
		types.Warnings(obj, deployments)
		types.ClusterWarnings(obj, map[string]map[string]string{"a": {"x": "y"}})
		target := overrides.Target{APIVersion: deployments.APIVersion, Kind: deployments.Kind, Namespace: obj.Namespace, Name: obj.Name}
		for _, entry := range obj.Spec.Overrides {
			// With labels that no selector expects, a named entry stands alone.
			if entry.ClusterSelector == nil && !hasSelectors(obj) {
				_, err := overrides.Render(obj, target, overrides.Cluster{Name: entry.ClusterName}, false)
				require.NoError(t, err, "what is sound can be rendered")
			}
		}
	})
}

func hasSelectors(obj *typesv1beta1.FederatedObject) bool {
	for _, entry := range obj.Spec.Overrides {
		if entry.ClusterSelector != nil {
			return true
		}
	}
	return false
}
