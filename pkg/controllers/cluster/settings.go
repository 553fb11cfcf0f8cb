package cluster

import (
	"time"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/health"
)

// configName is the name of the KubeFedConfig in force.
const configName = "kubefed"

// settings say how members are probed.
type settings struct {
	period, timeout time.Duration
	thresholds      health.Thresholds
}

// settingsOf reads them from the configuration in force; nil means the defaults.
func settingsOf(config *corev1beta1.KubeFedConfig) settings {
	c := &corev1beta1.KubeFedConfig{}
	if config != nil {
		c = config.DeepCopy()
	}
	corev1beta1.SetDefaults_KubeFedConfig(c)
	check := c.Spec.ClusterHealthCheck
	return settings{
		period:     check.Period.Duration,
		timeout:    check.Timeout.Duration,
		thresholds: health.Thresholds{Failure: *check.FailureThreshold, Success: *check.SuccessThreshold},
	}
}
