package schedulingtarget_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"

	"github.com/kubefederation/federation-apiserver/apis/scheduling"
	"github.com/kubefederation/federation-apiserver/pkg/admission/schedulingtarget"
)

type kinds []string

func (k kinds) ReplicatedKinds() ([]string, bool) { return k, k != nil }

func TestTargetKind(t *testing.T) {
	for name, row := range map[string]struct {
		kinds  kinds
		target string
		want   string
	}{
		"an enabled kind":             {kinds: kinds{"FederatedDeployment", "FederatedReplicaSet"}, target: "FederatedReplicaSet"},
		"another kind":                {kinds: kinds{"FederatedDeployment"}, target: "FederatedConfigMap", want: `supported values: "FederatedDeployment"`},
		"no such kind at all":         {kinds: kinds{}, target: "FederatedDeployment", want: "no type with replicas is federated"},
		"the kinds are not yet known": {target: "FederatedConfigMap"},
		"none: validation tells":      {kinds: kinds{}, target: ""},
	} {
		t.Run(name, func(t *testing.T) {
			plugin := schedulingtarget.New()
			require.Error(t, plugin.ValidateInitialization())
			schedulingtarget.Initializer{Kinds: row.kinds}.Initialize(plugin)
			require.NoError(t, plugin.ValidateInitialization())
			preference := &scheduling.ReplicaSchedulingPreference{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}}
			preference.Spec.TargetKind = row.target
			err := plugin.Validate(t.Context(), admission.NewAttributesRecord(preference, nil,
				scheduling.SchemeGroupVersion.WithKind("ReplicaSchedulingPreference"), "shop", "web",
				scheduling.SchemeGroupVersion.WithResource("replicaschedulingpreferences"), "", admission.Create, nil, false, nil), nil)
			if row.want == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, apierrors.IsInvalid(err), err)
			require.ErrorContains(t, err, "spec.targetKind")
			require.ErrorContains(t, err, row.want)
		})
	}
}
