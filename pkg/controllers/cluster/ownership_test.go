package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
)

// A member that starts refuses everything for a moment. It is no less another
// hub's than it was, and neither it is in another process.
func TestARefusalSaysNothingOfTheOwner(t *testing.T) {
	for _, found := range []identity.Finding{identity.Owned, identity.NotOwner, identity.TakenOver, identity.OwnershipUnknown} {
		for _, before := range []identity.Finding{identity.Owned, identity.NotOwner, identity.TakenOver, identity.OwnershipUnknown} {
			refused := found == identity.OwnershipUnknown && (before == identity.NotOwner || before == identity.TakenOver)
			require.Equal(t, !refused, outweighs(found, before), "%q after %q", found, before)
		}
	}
	p := newProber(nil, &corev1beta1.KubeFedCluster{}, origin{})
	require.Equal(t, identity.Owned, p.finding)
	cluster := &corev1beta1.KubeFedCluster{}
	cluster.Status.Conditions = []corev1beta1.ClusterCondition{
		{Type: corev1beta1.ClusterNotOwned, Status: corev1.ConditionTrue, Reason: ptr.To(corev1beta1.ReasonNotOwner), Message: ptr.To("another's")}}
	p = newProber(nil, cluster, origin{})
	require.Equal(t, identity.NotOwner, p.finding)
	require.Equal(t, "another's", p.ownerMessage)
}
