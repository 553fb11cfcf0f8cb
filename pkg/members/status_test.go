package members_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

func (f *fixture) deployment(name string, replicas int) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"apps/v1","kind":"Deployment",
		"metadata":{"name":%q,"namespace":%q,"labels":{"kubefed.io/managed":"true"}},
		"spec":{"replicas":%d,"selector":{"matchLabels":{"app":%[1]q}},
			"template":{"metadata":{"labels":{"app":%[1]q}},"spec":{"containers":[{"name":"web","image":"nginx","ports":[{"containerPort":80},{"containerPort":443}]}]}}}}`,
		name, f.namespace, replicas)
}

func TestStatusIsObservedWhereItIsAskedFor(t *testing.T) {
	f := newFixture(t, members.Options{})
	apps := f.member.Observe(deployments, true, members.Statuses)
	f.synced(apps)
	told := make(chan types.NamespacedName, 1000)
	apps.AddEventHandler(func(types.NamespacedName) {}, func(key types.NamespacedName) { told <- key })
	// await waits to be told of a status until one is as wanted.
	await := func(wanted func(*members.Status) bool) *members.Status {
		t.Helper()
		for {
			select {
			case <-told:
				if o, found := apps.Get(f.key("web")); found && o.Status != nil && wanted(o.Status) {
					return o.Status
				}
			case <-time.After(patience):
				o, found := apps.Get(f.key("web"))
				require.Fail(t, "not told", "last: %v %+v", found, o.Status)
			}
		}
	}

	made, err := apps.Apply(f, f.key("web"), f.deployment("web", 2))
	require.NoError(t, err)
	require.NotNil(t, made.Status, "the answer to a write has the status")
	require.Equal(t, typesv1beta1.CopyInProgress, made.Status.Health)
	require.NotEmpty(t, made.Status.Message)
	done := await(func(s *members.Status) bool { return s.Health == typesv1beta1.CopyCurrent })
	require.Equal(t, typesv1beta1.ReplicaCounts{DesiredReplicas: 2, Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2, UpdatedReplicas: 2}, done.Replicas)
	require.Empty(t, done.Message)
	require.Empty(t, done.Raw, "the status itself was not asked for")

	known, _ := apps.Get(f.key("web"))
	require.Equal(t, made.Owned, known.Owned, "a status is no drift")
	require.NoError(t, apps.HandOverReplicas(f, f.key("web")))
	known, _ = apps.Get(f.key("web"))
	require.NotNil(t, known.Status, "what an answer leaves out is as it was")

	// As metadata alone, the copy is the same.
	f.member.Observe(deployments, true, members.Metadata)
	require.Eventually(t, func() bool {
		o, found := apps.Get(f.key("web"))
		return found && o.Status == nil
	}, patience, 10*time.Millisecond)
	plain, _ := apps.Get(f.key("web"))
	require.Equal(t, made.Owned, plain.Owned, "a fingerprint does not depend on how much is observed")

	f.member.Observe(deployments, true, members.RawStatuses)
	raw := await(func(s *members.Status) bool { return s.Raw != "" })
	var status struct {
		ReadyReplicas int
		Conditions    []metav1.Condition
	}
	require.NoError(t, json.Unmarshal([]byte(raw.Raw), &status))
	require.Equal(t, 2, status.ReadyReplicas)
	require.NotEmpty(t, status.Conditions)
	state, err := apps.State()
	require.NoError(t, err)
	require.Equal(t, members.Synced, state)
}
