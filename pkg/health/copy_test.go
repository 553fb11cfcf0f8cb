package health_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/health"
)

func object(t require.TestingT, text string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	require.NoError(t, u.UnmarshalJSON([]byte(text)))
	return u
}

func TestOfCopy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		object   string
		health   typesv1beta1.CopyHealth
		message  string
		replicas *typesv1beta1.ReplicaCounts
	}{
		"without a status": {object: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`, health: typesv1beta1.CopyCurrent},
		"just made": {
			object: `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","generation":1},"spec":{"replicas":3},"status":{}}`,
			health: typesv1beta1.CopyInProgress, message: "0/3", replicas: &typesv1beta1.ReplicaCounts{DesiredReplicas: 3},
		},
		"done": {
			object: `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","generation":1},"spec":{"replicas":2},"status":{"observedGeneration":1,
				"replicas":2,"readyReplicas":2,"availableReplicas":2,"updatedReplicas":2,"conditions":[{"type":"Available","status":"True"},{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}]}}`,
			health:   typesv1beta1.CopyCurrent,
			replicas: &typesv1beta1.ReplicaCounts{DesiredReplicas: 2, Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2, UpdatedReplicas: 2},
		},
		"given up": {
			object: `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","generation":1},"spec":{"replicas":2},"status":{"observedGeneration":1,
				"replicas":2,"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"too long"}]}}`,
			health: typesv1beta1.CopyFailed, message: "deadline", replicas: &typesv1beta1.ReplicaCounts{DesiredReplicas: 2, Replicas: 2},
		},
		"a failed job": {
			object: `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"a","generation":1},"spec":{"completions":1},"status":{"conditions":[{"type":"Failed","status":"True"}]}}`,
			health: typesv1beta1.CopyFailed, message: "Failed",
		},
		"a daemon set": {
			object: `{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"a","generation":2},"spec":{},"status":{"observedGeneration":2,
				"desiredNumberScheduled":3,"currentNumberScheduled":3,"updatedNumberScheduled":2,"numberReady":1,"numberAvailable":1}}`,
			health: typesv1beta1.CopyInProgress, message: "2/3",
			replicas: &typesv1beta1.ReplicaCounts{DesiredReplicas: 3, Replicas: 3, UpdatedReplicas: 2, ReadyReplicas: 1, AvailableReplicas: 1},
		},
		"of a kind of one's own, in conditions": {
			object: `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a","generation":1},"status":{"conditions":[{"type":"Ready","status":"False","message":"no paint"}]}}`,
			health: typesv1beta1.CopyInProgress, message: "no paint",
		},
		"going": {
			object: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","deletionTimestamp":"2026-01-01T00:00:00Z"}}`,
			health: typesv1beta1.CopyTerminating, message: "deletion",
		},
		"malformed": {
			object: `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a","generation":1},"status":{"observedGeneration":"one"}}`,
			health: typesv1beta1.CopyUnknown, message: "observedGeneration",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := health.OfCopy(object(t, test.object))
			require.Equal(t, test.health, got.Health, got.Message)
			require.Contains(t, got.Message, test.message)
			require.Equal(t, test.replicas != nil, got.HasReplicas)
			if test.replicas != nil {
				require.Equal(t, *test.replicas, got.Replicas)
			}
		})
	}
}

func TestOfCopyIsBoundedAndHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		message := rapid.StringN(0, 400, 1000).Draw(t, "message")
		quoted, err := json.Marshal(message)
		require.NoError(t, err)
		obj := object(t, `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a","generation":1},"status":{"conditions":[{"type":"Ready","status":"False","message":`+string(quoted)+`}]}}`)
		before := obj.DeepCopy()
		got := health.OfCopy(obj)
		require.LessOrEqual(t, len(got.Message), 200)
		require.True(t, strings.HasPrefix(message, strings.TrimSuffix(got.Message, "...")) || got.Message == message)
		require.Equal(t, before, obj)
	})
}
