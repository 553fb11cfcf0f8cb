package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/health"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

func TestOnlyWhatSaysSomethingNewIsWritten(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 300_000_000, time.UTC)
	status := func() *corev1beta1.KubeFedClusterStatus {
		s := health.Next(health.State{}, health.Probe{Result: health.Healthy}, health.Thresholds{}, metav1.NewTime(begin))
		return &corev1beta1.KubeFedClusterStatus{Conditions: s.Conditions, KubernetesVersion: "v1.37.1", Zones: []string{"a"}}
	}
	// What is stored has seconds only.
	stored := status()
	whole := metav1.NewTime(begin.Truncate(time.Second))
	stored.Conditions[0].LastProbeTime, stored.Conditions[0].LastTransitionTime = whole, &whole

	tests := []struct {
		name   string
		change func(s *corev1beta1.KubeFedClusterStatus)
		want   bool
	}{
		{"nothing", func(*corev1beta1.KubeFedClusterStatus) {}, false},
		{"a probe", func(s *corev1beta1.KubeFedClusterStatus) {
			s.Conditions[0].LastProbeTime = metav1.NewTime(begin.Add(probeTimeResolution - time.Second))
		}, false},
		{"a probe after long", func(s *corev1beta1.KubeFedClusterStatus) {
			s.Conditions[0].LastProbeTime = metav1.NewTime(begin.Add(probeTimeResolution))
		}, true},
		{"the message", func(s *corev1beta1.KubeFedClusterStatus) {
			message := "another"
			s.Conditions[0].Message = &message
		}, true},
		{"the status", func(s *corev1beta1.KubeFedClusterStatus) { s.Conditions[0].Status = corev1.ConditionFalse }, true},
		{"the version", func(s *corev1beta1.KubeFedClusterStatus) { s.KubernetesVersion = "v1.38.0" }, true},
		{"the zones", func(s *corev1beta1.KubeFedClusterStatus) { s.Zones = []string{"a", "b"} }, true},
		{"a first region", func(s *corev1beta1.KubeFedClusterStatus) {
			region := "eu"
			s.Region = &region
		}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			next := status()
			test.change(next)
			require.Equal(t, test.want, worthWriting(stored, next))
		})
	}
	require.True(t, worthWriting(&corev1beta1.KubeFedClusterStatus{}, status()))
}

func TestOfASecretOnlyTheTokenIsKept(t *testing.T) {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "a", ResourceVersion: "7", Labels: map[string]string{"a": "b"}},
		Data:       map[string][]byte{members.TokenKey: []byte("t"), "password": []byte("p")},
	}
	kept, err := tokenOnly(secret)
	require.NoError(t, err)
	require.Equal(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "a", ResourceVersion: "7"},
		Data:       map[string][]byte{members.TokenKey: []byte("t")},
	}, kept)
}

func TestOptionsAreRequired(t *testing.T) {
	_, err := New(Options{})
	require.ErrorContains(t, err, "the system namespace must be given")
	_, err = New(Options{Namespace: "system"})
	require.ErrorContains(t, err, "must be given")
}
