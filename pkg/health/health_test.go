package health_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/health"
)

func at(second int) metav1.Time {
	return metav1.NewTime(time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC))
}

// summary shows the conditions as "Type=Status Reason: message", in their order.
func summary(s health.State) []string {
	var lines []string
	for _, c := range s.Conditions {
		lines = append(lines, fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, *c.Reason, *c.Message))
	}
	return lines
}

func TestConditionsOfAProbe(t *testing.T) {
	tests := []struct {
		probe health.Probe
		want  []string
		ready bool
	}{
		{health.Probe{Result: health.Healthy}, []string{
			"Ready=True ClusterReady: /healthz responded with ok",
		}, true},
		{health.Probe{Result: health.Unhealthy, Detail: "500 Internal Server Error"}, []string{
			"Ready=False ClusterNotReady: /healthz responded without ok: 500 Internal Server Error",
			"Offline=False ClusterReachable: cluster is reachable",
		}, false},
		{health.Probe{Result: health.Unreachable, Detail: "connection refused"}, []string{
			"Ready=Unknown ClusterNotReachable: cluster is not reachable: connection refused",
			"Offline=True ClusterNotReachable: cluster is not reachable: connection refused",
		}, false},
		{health.Probe{Result: health.Malformed, Detail: "no token"}, []string{
			"Ready=False ClusterConfigMalformed: cluster's configuration may be malformed: no token",
			"ConfigMalformed=True ClusterConfigMalformed: cluster's configuration may be malformed: no token",
		}, false},
	}
	for _, test := range tests {
		s := health.Next(health.State{}, test.probe, health.Thresholds{Failure: 3, Success: 3}, at(0))
		require.Equal(t, test.want, summary(s), "the first probe decides")
		require.Equal(t, test.ready, s.Ready())
	}
}

func TestThresholdsCountConsecutiveProbes(t *testing.T) {
	// In the probes "+" is good, "-" unreachable, "u" unhealthy, "m" malformed and
	// "r" a restart; in the states "R" is ready and "." not.
	tests := []struct {
		name             string
		failure, success int64
		probes, states   string
	}{
		{"one failure does not count", 3, 1, "+-+--+", "RRRRRR"},
		{"three in a row do", 3, 1, "+---", "RRR."},
		{"however long it was ready", 3, 1, "++++++++--+---", "RRRRRRRRRRRRR."},
		{"one success suffices", 3, 1, "-+", ".R"},
		{"two successes are needed", 1, 2, "-+-++", "....R"},
		{"failures of different kinds", 3, 1, "+-u-", "RRR."},
		{"a malformed configuration at once", 3, 1, "+m", "R."},
		{"and back with the threshold", 3, 2, "+m++", "R..R"},
		{"a restart believes the next probe", 3, 3, "+r-r+", "RR..R"},
		{"thresholds below one are one", 0, -1, "+-+", "R.R"},
	}
	results := map[rune]health.Result{'+': health.Healthy, '-': health.Unreachable, 'u': health.Unhealthy, 'm': health.Malformed}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s health.State
			states := ""
			for i, probe := range test.probes {
				if probe == 'r' {
					s = s.Restart()
				} else {
					s = health.Next(s, health.Probe{Result: results[probe]}, health.Thresholds{Failure: test.failure, Success: test.success}, at(i))
				}
				if s.Ready() {
					states += "R"
				} else {
					states += "."
				}
			}
			require.Equal(t, test.states, states)
		})
	}
}

func TestTimesOfConditions(t *testing.T) {
	thresholds := health.Thresholds{Failure: 2, Success: 1}
	s := health.Next(health.State{}, health.Probe{Result: health.Healthy}, thresholds, at(0))
	s = health.Next(s, health.Probe{Result: health.Healthy}, thresholds, at(10))
	require.Equal(t, at(10), s.Conditions[0].LastProbeTime)
	require.Equal(t, at(0), *s.Conditions[0].LastTransitionTime)
	before := slices.Clone(s.Conditions)
	held := health.Next(s, health.Probe{Result: health.Unreachable}, thresholds, at(20))
	require.Equal(t, before, s.Conditions, "the state before is left alone")
	require.Equal(t, at(20), held.Conditions[0].LastProbeTime)
	require.Equal(t, corev1.ConditionTrue, held.Conditions[0].Status)
	s = health.Next(held, health.Probe{Result: health.Unreachable}, thresholds, at(30))
	require.Equal(t, at(30), *s.Conditions[0].LastTransitionTime)
	s = health.Next(s, health.Probe{Result: health.Unreachable, Detail: "another reason"}, thresholds, at(40))
	require.Equal(t, at(30), *s.Conditions[0].LastTransitionTime, "the same status for another reason")
	require.Contains(t, *s.Conditions[0].Message, "another reason")
}

func TestReadinessIsThatOfALongEnoughRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		thresholds := health.Thresholds{
			Failure: rapid.Int64Range(1, 4).Draw(t, "failure"),
			Success: rapid.Int64Range(1, 4).Draw(t, "success"),
		}
		probes := rapid.SliceOfN(rapid.SampledFrom([]health.Result{health.Healthy, health.Unhealthy, health.Unreachable}), 1, 30).Draw(t, "probes")
		var s health.State
		ready, row := probes[0] == health.Healthy, int64(0)
		seen := metav1.Time{}
		for i, result := range probes {
			was := s.Ready()
			s = health.Next(s, health.Probe{Result: result}, thresholds, at(i))
			good := result == health.Healthy
			if good == ready {
				row = 0
			} else {
				row++
				if good && row >= thresholds.Success || !good && row >= thresholds.Failure {
					ready, row = good, 0
				}
			}
			require.Equal(t, ready, s.Ready())
			if good && ready {
				seen = at(i)
			}
			require.Equal(t, seen, s.Seen, "when it was last found ready, which does not move while it is not")
			require.Equal(t, seen, s.Restart().Seen)
			if i > 0 && was != s.Ready() {
				require.Equal(t, at(i), *s.Conditions[0].LastTransitionTime)
			}
			types := []corev1beta1.ClusterConditionType{}
			for _, c := range s.Conditions {
				types = append(types, c.Type)
				require.Equal(t, at(i), c.LastProbeTime)
				require.False(t, c.LastTransitionTime.After(at(i).Time))
			}
			order := []corev1beta1.ClusterConditionType{corev1beta1.ClusterReady, corev1beta1.ClusterOffline, corev1beta1.ClusterConfigMalformed}
			require.True(t, slices.IsSortedFunc(types, func(a, b corev1beta1.ClusterConditionType) int {
				return slices.Index(order, a) - slices.Index(order, b)
			}))
		}
	})
}
