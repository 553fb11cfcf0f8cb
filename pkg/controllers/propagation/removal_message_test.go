package propagation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func TestAPauseSaysWhoMayHaveCausedIt(t *testing.T) {
	since := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	paused := &typesv1beta1.PausedRemoval{Reason: typesv1beta1.ReasonEmptyPlacement, Clusters: []string{"c1", "c2"}, Since: metav1.NewTime(since), Hash: "0123456789abcdef"}
	message := func(change *typesv1beta1.LastChange) string {
		obj := &typesv1beta1.FederatedObject{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "web"}}
		obj.Status.LastChange = change
		return pausedMessage(&kind{name: "configmaps"}, obj, paused, &shipped)
	}
	require.NotContains(t, message(nil), "changed last")
	changed := func(user string, before time.Duration) string {
		return message(&typesv1beta1.LastChange{User: user, Time: metav1.NewTime(since.Add(-before))})
	}
	require.Contains(t, changed("alice", time.Second), `; the object was changed last by "alice" at 2026-05-04T03:02:00Z; to let go`)
	require.Contains(t, changed("alice", time.Hour), `; the object itself was changed last by "alice" at 2026-05-04T02:02:01Z, so see what else decides: labels of clusters`)
	long := changed("a\n"+strings.Repeat("b", 5000), 0)
	require.Less(t, len(long), 1000)
	require.NotContains(t, long, "\n")
}
