package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// TestStatusesAreWrittenInTurns checks that no more statuses than a number are written
// at a time, and that what says nothing but that there was a probe does not wait.
func TestStatusesAreWrittenInTurns(t *testing.T) {
	at := func(ready corev1.ConditionStatus, minute int) *corev1beta1.KubeFedClusterStatus {
		return &corev1beta1.KubeFedClusterStatus{Conditions: []corev1beta1.ClusterCondition{{
			Type: corev1beta1.ClusterReady, Status: ready, LastProbeTime: metav1.Unix(int64(minute)*60, 0)}}}
	}
	ready, probed, lost := at(corev1.ConditionTrue, 1), at(corev1.ConditionTrue, 2), at(corev1.ConditionFalse, 2)
	require.True(t, worthWriting(ready, probed))

	turns := newTurns(2)
	first, ok, err := turns.take(t.Context(), ready, probed)
	require.NoError(t, err)
	require.True(t, ok)
	second, ok, err := turns.take(t.Context(), ready, lost)
	require.NoError(t, err)
	require.True(t, ok)

	_, ok, err = turns.take(t.Context(), ready, probed)
	require.NoError(t, err, "it is said with another probe")
	require.False(t, ok)
	ended, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, ok, err = turns.take(ended, ready, lost)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, ok)

	waiting := make(chan bool)
	go func() {
		done, ok, err := turns.take(t.Context(), ready, lost)
		if ok {
			done()
		}
		waiting <- ok && err == nil
	}()
	first()
	require.True(t, <-waiting, "news waits for its turn")
	second()
	_, ok, _ = turns.take(t.Context(), ready, probed)
	require.True(t, ok)
}
