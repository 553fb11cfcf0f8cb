package server

import (
	"context"
	"errors"
	"time"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/propagation"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
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
		UnreachableAfter:    s.UnreachableAfter(),
		GiveUpAfter:         s.GiveUpAfter(),
		Removals:            removals.Limits(s.Removals()),
	}
}

// lateSettings are the settings in force for what is configured before there is a
// server that has them.
type lateSettings struct {
	inForce *settings.InForce
}

// settingsLimit bounds the wait for settings that have not been read yet.
const settingsLimit = 5 * time.Second

// confined says whether the federation acts in the system namespace only.
func (l *lateSettings) confined(ctx context.Context) (bool, error) {
	if l.inForce == nil {
		return false, errors.New("the server is starting")
	}
	ctx, cancel := context.WithTimeout(ctx, settingsLimit)
	defer cancel()
	if err := l.inForce.Wait(ctx); err != nil {
		return false, err
	}
	return l.inForce.Get().Namespaced(), nil
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
