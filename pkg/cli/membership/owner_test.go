package membership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kubefederation/federation-apiserver/pkg/identity"
)

// A member is taken over for a federation, and never just set free: the one that
// writes there would not notice.
func TestAMemberIsTakenOverForSomebody(t *testing.T) {
	m := Membership{Cluster: "one", Namespace: "system"}
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: identity.MemberLease}}
	identity.TakeOver(lease, "former", time.Now())
	delete(lease.Annotations, identity.TakenOverAnnotation)
	member := fake.NewClientset(lease)
	holder := func() string {
		t.Helper()
		stored, err := member.CoordinationV1().Leases("system").Get(t.Context(), identity.MemberLease, metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, *stored.Spec.HolderIdentity != "former", stored.Annotations[identity.TakenOverAnnotation] == "true")
		return *stored.Spec.HolderIdentity
	}
	require.ErrorContains(t, m.TakeOver(t.Context(), member, nil), `there is no Lease "federation-hub"`)
	require.Equal(t, "former", holder())
	require.NoError(t, m.TakeOver(t.Context(), member, &identity.Mark{HubID: "next"}))
	require.Equal(t, "next", holder())
	require.NoError(t, m.TakeOver(t.Context(), fake.NewClientset(), &identity.Mark{HubID: "next"}), "nobody has it")
}
