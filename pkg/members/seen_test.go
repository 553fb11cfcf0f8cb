package members_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

func TestWhenAMemberWasLastSeen(t *testing.T) {
	made, probed, seen := metav1.Unix(1000, 0), metav1.Unix(2000, 0), metav1.Unix(1500, 0)
	condition := func(status corev1.ConditionStatus) []corev1beta1.ClusterCondition {
		return []corev1beta1.ClusterCondition{{Type: corev1beta1.ClusterReady, Status: status, LastProbeTime: probed}}
	}
	for name, test := range map[string]struct {
		status corev1beta1.KubeFedClusterStatus
		want   metav1.Time
	}{
		"a new one":         {corev1beta1.KubeFedClusterStatus{}, made},
		"one never ready":   {corev1beta1.KubeFedClusterStatus{Conditions: condition(corev1.ConditionFalse)}, made},
		"one that is ready": {corev1beta1.KubeFedClusterStatus{Conditions: condition(corev1.ConditionTrue)}, probed},
		"one that was":      {corev1beta1.KubeFedClusterStatus{Conditions: condition(corev1.ConditionUnknown), LastSeenTime: &seen}, seen},
	} {
		t.Run(name, func(t *testing.T) {
			set := members.NewSet(t.Context(), members.Options{})
			t.Cleanup(set.Close)
			cluster := &corev1beta1.KubeFedCluster{ObjectMeta: metav1.ObjectMeta{Name: "one", CreationTimestamp: made}, Status: test.status}
			require.Error(t, set.Update(cluster, nil), "it has no Secret")
			member, ok := set.Get("one")
			require.True(t, ok)
			require.Equal(t, test.want.Time, member.LastSeen())
			set.SetSeen("one", time.Unix(3000, 0))
			require.Equal(t, time.Unix(3000, 0), member.LastSeen())
			require.Error(t, set.Update(cluster, nil))
			require.Equal(t, time.Unix(3000, 0), member.LastSeen(), "the status lags behind")
		})
	}
}
