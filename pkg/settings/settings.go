// Package settings follows the KubeFedConfig in force, the one named "kubefed" in
// the system namespace, and tells whoever asked when it changes. Nothing that it
// says needs a restart.
package settings

import (
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// ConfigName is the name of the KubeFedConfig in force.
const ConfigName = "kubefed"

// Settings are what a KubeFedConfig says, with the defaults filled in. A value
// never changes.
type Settings struct {
	spec  corev1beta1.KubeFedConfigSpec
	gates map[string]bool
}

// Of returns what config says; where there is none, config is nil and the
// defaults hold, with scope Cluster.
func Of(config *corev1beta1.KubeFedConfig) *Settings {
	c := &corev1beta1.KubeFedConfig{Spec: corev1beta1.KubeFedConfigSpec{Scope: corev1beta1.ClusterScoped}}
	if config != nil {
		c = config.DeepCopy()
	}
	corev1beta1.SetDefaults_KubeFedConfig(c)
	s := &Settings{spec: c.Spec, gates: make(map[string]bool, len(corev1beta1.KnownFeatureGates))}
	for name, mode := range corev1beta1.KnownFeatureGates {
		s.gates[name] = mode == corev1beta1.ConfigurationEnabled
	}
	for _, gate := range c.Spec.FeatureGates {
		s.gates[gate.Name] = gate.Configuration == corev1beta1.ConfigurationEnabled
	}
	return s
}

// Enabled says whether the feature gate with a name is on; one that does not
// exist is off.
func (s *Settings) Enabled(gate string) bool { return s.gates[gate] }

// Namespaced says that the control plane is confined to the system namespace.
func (s *Settings) Namespaced() bool { return s.spec.Scope == corev1beta1.NamespaceScoped }

// AdoptResources says whether objects that a member already has are taken over.
func (s *Settings) AdoptResources() bool {
	return *s.spec.SyncController.AdoptResources == corev1beta1.AdoptResourcesEnabled
}

// SyncWorkers is syncController.maxConcurrentReconciles.
func (s *Settings) SyncWorkers() int { return int(*s.spec.SyncController.MaxConcurrentReconciles) }

// AvailableDelay is how long a member that became ready is waited for before
// replicas are planned onto it again.
func (s *Settings) AvailableDelay() time.Duration {
	return s.spec.ControllerDuration.AvailableDelay.Duration
}

// UnavailableDelay is how long a member that became unready is waited for before
// its replicas are planned elsewhere.
func (s *Settings) UnavailableDelay() time.Duration {
	return s.spec.ControllerDuration.UnavailableDelay.Duration
}

// CacheSyncTimeout bounds the wait for a member's first list of a type.
func (s *Settings) CacheSyncTimeout() time.Duration {
	return s.spec.ControllerDuration.CacheSyncTimeout.Duration
}

// Defaults of removals. They are not filled into the stored configuration, which
// KubeFed's clients compare with what they wrote.
const (
	defaultUnreachableAfter = 15 * time.Minute
	defaultGiveUpAfter      = 30 * 24 * time.Hour
)

// UnreachableAfter is how long a member must not have been ready before deletions
// wait for it no longer; 0 means that they wait for ever.
func (s *Settings) UnreachableAfter() time.Duration {
	if r := s.spec.Removals; r != nil && r.UnreachableAfter != nil {
		return r.UnreachableAfter.Duration
	}
	return defaultUnreachableAfter
}

// GiveUpAfter is how long a PendingRemoval is kept; 0 means for ever.
func (s *Settings) GiveUpAfter() time.Duration {
	if r := s.spec.Removals; r != nil && r.GiveUpAfter != nil {
		return r.GiveUpAfter.Duration
	}
	return defaultGiveUpAfter
}

// Removals bound what is removed from members without having been deleted.
type Removals struct {
	Interval                   time.Duration
	ClustersPerObject, Objects intstr.IntOrString
	Confirm, ConfirmDeletion   []string
}

// Removals are spec.removals. They are not defaulted in what is stored, which
// clients of KubeFed compare with defaults of their own. The lists must not be
// changed.
func (s *Settings) Removals() Removals {
	r := Removals{Interval: 10 * time.Minute, ClustersPerObject: intstr.FromString("10%"), Objects: intstr.FromString("5%"), Confirm: confirmed}
	given := s.spec.Removals
	if given == nil {
		return r
	}
	if given.Interval != nil {
		r.Interval = given.Interval.Duration
	}
	if given.ClustersPerObject != nil {
		r.ClustersPerObject = *given.ClustersPerObject
	}
	if given.Objects != nil {
		r.Objects = *given.Objects
	}
	if given.Confirm != nil {
		r.Confirm = given.Confirm
	}
	r.ConfirmDeletion = given.ConfirmDeletion
	return r
}

// confirmed are the types with which the data of others, or other objects, go.
var confirmed = []string{"namespaces", "customresourcedefinitions.apiextensions.k8s.io", "persistentvolumeclaims"}

// ClusterHealthCheck says how members are probed; all fields are set. It must not
// be changed.
func (s *Settings) ClusterHealthCheck() *corev1beta1.ClusterHealthCheckConfig {
	return s.spec.ClusterHealthCheck
}

// LeaderElect has the timing of leader election; all fields are set. It must not
// be changed.
func (s *Settings) LeaderElect() *corev1beta1.LeaderElectConfig { return s.spec.LeaderElect }
