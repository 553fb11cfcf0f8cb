package recovery_test

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubefederation/federation-apiserver/pkg/identity"
)

// Who confirms a store reads and patches one Lease. The role for that, to be bound
// in the system namespace, gives this and nothing else.
func TestTheRoleGivesWhatTheCommandNeeds(t *testing.T) {
	raw, err := os.ReadFile("../../../deploy/base/roles.yaml")
	require.NoError(t, err)
	for document := range bytes.SplitSeq(raw, []byte("\n---\n")) {
		role := &rbacv1.ClusterRole{}
		require.NoError(t, yaml.UnmarshalStrict(document, role))
		if role.Name != "federation-recovery" {
			for _, rule := range role.Rules {
				if slices.Contains(rule.APIGroups, "coordination.k8s.io") {
					require.Equal(t, []string{"get"}, rule.Verbs, "%s confirms a store", role.Name)
				}
			}
			continue
		}
		require.Empty(t, role.Labels, "it is part of no other role")
		require.Equal(t, []rbacv1.PolicyRule{{
			APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, ResourceNames: []string{identity.HostLease}, Verbs: []string{"get", "patch"},
		}}, role.Rules)
		return
	}
	require.Fail(t, "there is no such role")
}
