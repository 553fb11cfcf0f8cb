package cluster

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/health"
)

// The names of KubeFed, for its dashboards and alerts.
var (
	joinedClusters = metrics.NewGauge(&metrics.GaugeOpts{
		Name:           "joined_cluster_total",
		Help:           "How many KubeFedClusters there are.",
		StabilityLevel: metrics.ALPHA,
	})
	clustersByState = metrics.NewGaugeVec(&metrics.GaugeOpts{
		Name:           "kubefedcluster_total",
		Help:           "1 for the state that a KubeFedCluster is in: ready, notready or offline; 0 for the others.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"state", "cluster"})
	probedAt = metrics.NewGaugeVec(&metrics.GaugeOpts{
		Subsystem:      "federation_member",
		Name:           "last_probe_timestamp_seconds",
		Help:           "When the health of a member was last looked at, whatever was found, in seconds since 1970.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"cluster"})
	answeredAt = metrics.NewGaugeVec(&metrics.GaugeOpts{
		Subsystem:      "federation_member",
		Name:           "last_answer_timestamp_seconds",
		Help:           "When a member last answered that it is healthy, in seconds since 1970.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"cluster"})
	tokenExpires = metrics.NewGaugeVec(&metrics.GaugeOpts{
		Subsystem:      "federation_member",
		Name:           "token_expiration_timestamp_seconds",
		Help:           "When the token for a member ends, in seconds since 1970; absent for one that does not, or that is not understood.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"cluster"})
	credentialsAtRisk = metrics.NewGaugeVec(&metrics.GaugeOpts{
		Subsystem:      "federation_member",
		Name:           "credentials_at_risk",
		Help:           "1 for a member whose KubeFedCluster has the condition CredentialsAtRisk, 0 for one whose has not.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"cluster"})
	healthStatusSeconds = metrics.NewHistogram(&metrics.HistogramOpts{
		Name:           "cluster_health_status_duration_seconds",
		Help:           "Time that a probe of the health of a member took.",
		Buckets:        []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
		StabilityLevel: metrics.ALPHA,
	})
	connectionSeconds = metrics.NewHistogram(&metrics.HistogramOpts{
		Name:           "cluster_client_connection_duration_seconds",
		Help:           "Time that it took to take over the configuration of a member and make clients from it.",
		Buckets:        []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1},
		StabilityLevel: metrics.ALPHA,
	})
)

var registerMetrics = sync.OnceFunc(func() {
	legacyregistry.MustRegister(joinedClusters, clustersByState, probedAt, answeredAt, tokenExpires, credentialsAtRisk, healthStatusSeconds, connectionSeconds)
})

// states of kubefedcluster_total.
var states = []string{"ready", "notready", "offline"}

func stateOf(conditions []corev1beta1.ClusterCondition) string {
	state := "notready"
	for _, c := range conditions {
		switch {
		case c.Type == corev1beta1.ClusterReady && c.Status == corev1.ConditionTrue:
			return "ready"
		case c.Type == corev1beta1.ClusterOffline && c.Status == corev1.ConditionTrue:
			state = "offline"
		}
	}
	return state
}

func recordProbe(cluster string, found health.Result, now time.Time) {
	seconds := float64(now.UnixNano()) / float64(time.Second)
	probedAt.WithLabelValues(cluster).Set(seconds)
	if found == health.Healthy {
		answeredAt.WithLabelValues(cluster).Set(seconds)
	}
}

// recordCredentials takes the time at which the token ends, zero if that is not known.
func recordCredentials(cluster string, expires time.Time, atRisk bool) {
	if expires.IsZero() {
		tokenExpires.DeleteLabelValues(cluster)
	} else {
		tokenExpires.WithLabelValues(cluster).Set(float64(expires.Unix()))
	}
	risk := 0.0
	if atRisk {
		risk = 1
	}
	credentialsAtRisk.WithLabelValues(cluster).Set(risk)
}

func recordState(cluster string, conditions []corev1beta1.ClusterCondition) {
	now := stateOf(conditions)
	for _, state := range states {
		value := 0.0
		if state == now {
			value = 1
		}
		clustersByState.WithLabelValues(state, cluster).Set(value)
	}
}

func forgetState(cluster string) {
	for _, state := range states {
		clustersByState.DeleteLabelValues(state, cluster)
	}
	tokenExpires.DeleteLabelValues(cluster)
	credentialsAtRisk.DeleteLabelValues(cluster)
	probedAt.DeleteLabelValues(cluster)
	answeredAt.DeleteLabelValues(cluster)
}
