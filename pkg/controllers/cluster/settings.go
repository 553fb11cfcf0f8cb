package cluster

import (
	"time"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/health"
)

// probing says how members are probed.
type probing struct {
	period, timeout time.Duration
	thresholds      health.Thresholds
}

func probingOf(check *corev1beta1.ClusterHealthCheckConfig) probing {
	return probing{
		period:     check.Period.Duration,
		timeout:    check.Timeout.Duration,
		thresholds: health.Thresholds{Failure: *check.FailureThreshold, Success: *check.SuccessThreshold},
	}
}
