package server

import (
	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/propagation"
	"github.com/kubefederation/federation-apiserver/pkg/settings"
)

// propagationSettings are what of the settings in force is for the propagation.
func propagationSettings(s *settings.Settings) propagation.Settings {
	return propagation.Settings{
		AdoptResources:      s.AdoptResources(),
		Namespaced:          s.Namespaced(),
		RawStatusCollection: s.Enabled(corev1beta1.RawResourceStatusCollection),
		ObjectWorkers:       s.SyncWorkers(),
		CacheSyncTimeout:    s.CacheSyncTimeout(),
	}
}

// confinedTo returns the system namespace while the control plane is confined to
// it, and nothing otherwise.
func confinedTo(inForce *settings.InForce, namespace string) func() string {
	return func() string {
		if inForce.Get().Namespaced() {
			return namespace
		}
		return ""
	}
}
