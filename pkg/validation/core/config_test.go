package core_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

// newConfig is a configuration with all defaults.
func newConfig(t *testing.T) *core.KubeFedConfig {
	return decode[*core.KubeFedConfig](t, `{"apiVersion":"core.kubefed.io/v1beta1","kind":"KubeFedConfig",
		"metadata":{"name":"kubefed","namespace":"kube-federation-system"},"spec":{"scope":"Cluster"}}`)
}

func pointer[T any](value T) *T { return &value }

func seconds(n float64) *metav1.Duration {
	return &metav1.Duration{Duration: time.Duration(n * float64(time.Second))}
}

func TestValidateKubeFedConfig(t *testing.T) {
	requireFaults(t, validation.ValidateKubeFedConfig(newConfig(t)))

	tests := map[string]struct {
		change func(*core.KubeFedConfigSpec)
		want   []fault
	}{
		"namespaced":           {func(s *core.KubeFedConfigSpec) { s.Scope = core.NamespaceScoped }, nil},
		"no scope":             {func(s *core.KubeFedConfigSpec) { s.Scope = "" }, []fault{{field.ErrorTypeRequired, "spec.scope", "Cluster, Namespaced"}}},
		"scope":                {func(s *core.KubeFedConfigSpec) { s.Scope = "World" }, []fault{{field.ErrorTypeNotSupported, "spec.scope", `"Cluster", "Namespaced"`}}},
		"no durations":         {func(s *core.KubeFedConfigSpec) { s.ControllerDuration = nil }, []fault{{field.ErrorTypeRequired, "spec.controllerDuration", ""}}},
		"no election":          {func(s *core.KubeFedConfigSpec) { s.LeaderElect = nil }, []fault{{field.ErrorTypeRequired, "spec.leaderElect", ""}}},
		"no health check":      {func(s *core.KubeFedConfigSpec) { s.ClusterHealthCheck = nil }, []fault{{field.ErrorTypeRequired, "spec.clusterHealthCheck", ""}}},
		"no sync controller":   {func(s *core.KubeFedConfigSpec) { s.SyncController = nil }, []fault{{field.ErrorTypeRequired, "spec.syncController", ""}}},
		"no status controller": {func(s *core.KubeFedConfigSpec) { s.StatusController = nil }, []fault{{field.ErrorTypeRequired, "spec.statusController", ""}}},
		"lease = renew":        {func(s *core.KubeFedConfigSpec) { s.LeaderElect.LeaseDuration = seconds(10) }, []fault{{field.ErrorTypeInvalid, "spec.leaderElect.leaseDuration", "should be greater than renewDeadline"}}},
		"renew = retry*1.2":    {func(s *core.KubeFedConfigSpec) { s.LeaderElect.RenewDeadline = seconds(6) }, []fault{{field.ErrorTypeInvalid, "spec.leaderElect.renewDeadline", "should be greater than retryPeriod*1.2"}}},
		"renew > retry*1.2":    {func(s *core.KubeFedConfigSpec) { s.LeaderElect.RenewDeadline = seconds(6.001) }, nil},
		"no lock":              {func(s *core.KubeFedConfigSpec) { s.LeaderElect.ResourceLock = nil }, []fault{{field.ErrorTypeRequired, "spec.leaderElect.resourceLock", "configmaps, endpoints"}}},
		"lock":                 {func(s *core.KubeFedConfigSpec) { s.LeaderElect.ResourceLock = pointer(core.ResourceLockType("leases")) }, []fault{{field.ErrorTypeNotSupported, "spec.leaderElect.resourceLock", `"configmaps", "endpoints"`}}},
		"other lock":           {func(s *core.KubeFedConfigSpec) { s.LeaderElect.ResourceLock = pointer(core.EndpointsResourceLock) }, nil},
		"gate name":            {func(s *core.KubeFedConfigSpec) { s.FeatureGates[1].Name = "Magic" }, []fault{{field.ErrorTypeNotSupported, "spec.featureGates[1].name", "PushReconciler"}}},
		"gate without name":    {func(s *core.KubeFedConfigSpec) { s.FeatureGates[1].Name = "" }, []fault{{field.ErrorTypeRequired, "spec.featureGates[1].name", "PushReconciler"}}},
		"gate twice":           {func(s *core.KubeFedConfigSpec) { s.FeatureGates[1] = s.FeatureGates[0] }, []fault{{field.ErrorTypeDuplicate, "spec.featureGates[1].name", "PushReconciler"}}},
		"gate mode":            {func(s *core.KubeFedConfigSpec) { s.FeatureGates[0].Configuration = "On" }, []fault{{field.ErrorTypeNotSupported, "spec.featureGates[0].configuration", `"Disabled", "Enabled"`}}},
		"no adoption":          {func(s *core.KubeFedConfigSpec) { s.SyncController.AdoptResources = nil }, []fault{{field.ErrorTypeRequired, "spec.syncController.adoptResources", "Enabled"}}},
		"adoption": {func(s *core.KubeFedConfigSpec) {
			s.SyncController.AdoptResources = pointer(core.ResourceAdoption("Maybe"))
		}, []fault{{field.ErrorTypeNotSupported, "spec.syncController.adoptResources", `"Disabled", "Enabled"`}}},
		"removals": {func(s *core.KubeFedConfigSpec) {
			s.Removals = &core.RemovalsConfig{
				Interval: seconds(1), ClustersPerObject: pointer(intstr.FromString("100%")), Objects: pointer(intstr.FromInt32(0)),
				Confirm: []string{}, ConfirmDeletion: []string{"*", "deployments.apps"},
			}
		}, nil},
		"removals, nothing given": {func(s *core.KubeFedConfigSpec) { s.Removals = &core.RemovalsConfig{} }, nil},
		"removals, all wrong": {func(s *core.KubeFedConfigSpec) {
			s.Removals = &core.RemovalsConfig{
				Interval: seconds(0), ClustersPerObject: pointer(intstr.FromString("10")), Objects: pointer(intstr.FromInt32(-1)),
				Confirm: []string{"configmaps", "Config Maps", "configmaps"}, ConfirmDeletion: []string{""},
			}
		}, []fault{
			{field.ErrorTypeInvalid, "spec.removals.interval", "should be greater than 0"},
			{field.ErrorTypeInvalid, "spec.removals.clustersPerObject", "must be a number, or a percentage from 0% to 100%"},
			{field.ErrorTypeInvalid, "spec.removals.objects", "must not be negative"},
			{field.ErrorTypeInvalid, "spec.removals.confirm[1]", "must be the name of a FederatedTypeConfig"},
			{field.ErrorTypeDuplicate, "spec.removals.confirm[2]", "configmaps"},
			{field.ErrorTypeInvalid, "spec.removals.confirmDeletion[0]", "must be the name of a FederatedTypeConfig"},
		}},
		"no adoption at all": {func(s *core.KubeFedConfigSpec) {
			s.SyncController.AdoptResources = pointer(core.AdoptResourcesDisabled)
		}, nil},
	}
	for path, duration := range map[string]func(*core.KubeFedConfigSpec) **metav1.Duration{
		"spec.controllerDuration.availableDelay":   func(s *core.KubeFedConfigSpec) **metav1.Duration { return &s.ControllerDuration.AvailableDelay },
		"spec.controllerDuration.unavailableDelay": func(s *core.KubeFedConfigSpec) **metav1.Duration { return &s.ControllerDuration.UnavailableDelay },
		"spec.controllerDuration.cacheSyncTimeout": func(s *core.KubeFedConfigSpec) **metav1.Duration { return &s.ControllerDuration.CacheSyncTimeout },
		"spec.leaderElect.leaseDuration":           func(s *core.KubeFedConfigSpec) **metav1.Duration { return &s.LeaderElect.LeaseDuration },
		"spec.leaderElect.renewDeadline":           func(s *core.KubeFedConfigSpec) **metav1.Duration { return &s.LeaderElect.RenewDeadline },
		"spec.leaderElect.retryPeriod":             func(s *core.KubeFedConfigSpec) **metav1.Duration { return &s.LeaderElect.RetryPeriod },
		"spec.clusterHealthCheck.period":           func(s *core.KubeFedConfigSpec) **metav1.Duration { return &s.ClusterHealthCheck.Period },
		"spec.clusterHealthCheck.timeout":          func(s *core.KubeFedConfigSpec) **metav1.Duration { return &s.ClusterHealthCheck.Timeout },
	} {
		tests[path+" absent"] = struct {
			change func(*core.KubeFedConfigSpec)
			want   []fault
		}{func(s *core.KubeFedConfigSpec) { *duration(s) = nil }, []fault{{field.ErrorTypeRequired, path, "should be greater than 0"}}}
		tests[path+" zero"] = struct {
			change func(*core.KubeFedConfigSpec)
			want   []fault
		}{func(s *core.KubeFedConfigSpec) { *duration(s) = seconds(0) }, []fault{{field.ErrorTypeInvalid, path, "should be greater than 0"}}}
		tests[path+" negative"] = struct {
			change func(*core.KubeFedConfigSpec)
			want   []fault
		}{func(s *core.KubeFedConfigSpec) { *duration(s) = seconds(-1) }, []fault{{field.ErrorTypeInvalid, path, "should be greater than 0"}}}
	}
	for path, number := range map[string]func(*core.KubeFedConfigSpec) **int64{
		"spec.clusterHealthCheck.failureThreshold":      func(s *core.KubeFedConfigSpec) **int64 { return &s.ClusterHealthCheck.FailureThreshold },
		"spec.clusterHealthCheck.successThreshold":      func(s *core.KubeFedConfigSpec) **int64 { return &s.ClusterHealthCheck.SuccessThreshold },
		"spec.syncController.maxConcurrentReconciles":   func(s *core.KubeFedConfigSpec) **int64 { return &s.SyncController.MaxConcurrentReconciles },
		"spec.statusController.maxConcurrentReconciles": func(s *core.KubeFedConfigSpec) **int64 { return &s.StatusController.MaxConcurrentReconciles },
	} {
		tests[path+" absent"] = struct {
			change func(*core.KubeFedConfigSpec)
			want   []fault
		}{func(s *core.KubeFedConfigSpec) { *number(s) = nil }, []fault{{field.ErrorTypeRequired, path, "should be greater than 0"}}}
		tests[path+" zero"] = struct {
			change func(*core.KubeFedConfigSpec)
			want   []fault
		}{func(s *core.KubeFedConfigSpec) { *number(s) = pointer[int64](0) }, []fault{{field.ErrorTypeInvalid, path, "should be greater than 0"}}}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			test.change(&config.Spec)
			requireFaults(t, validation.ValidateKubeFedConfig(config), test.want...)
		})
	}
}

func TestValidateKubeFedConfigUpdate(t *testing.T) {
	old := newConfig(t)
	requireFaults(t, validation.ValidateKubeFedConfigUpdate(old.DeepCopy(), old))

	moved := old.DeepCopy()
	moved.Spec.Scope = core.NamespaceScoped
	requireFaults(t, validation.ValidateKubeFedConfigUpdate(moved, old), fault{field.ErrorTypeInvalid, "spec.scope", "field is immutable"})

	changed := old.DeepCopy()
	changed.Spec.ClusterHealthCheck.Period = seconds(0)
	requireFaults(t, validation.ValidateKubeFedConfigUpdate(changed, old), fault{field.ErrorTypeInvalid, "spec.clusterHealthCheck.period", "should be greater than 0"})
}
