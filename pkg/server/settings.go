package server

import (
	"context"
	"fmt"
	"sync/atomic"

	"k8s.io/client-go/tools/cache"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/propagation"
)

// configName is the name of the KubeFedConfig in force.
const configName = "kubefed"

// settings follow the KubeFedConfig in force. Where there is none, defaults hold.
type settings struct {
	factory externalversions.SharedInformerFactory
	synced  cache.InformerSynced
	// inForce has defaults filled in, and is never changed.
	inForce atomic.Pointer[corev1beta1.KubeFedConfig]
}

func newSettings(federation versioned.Interface, namespace string) (*settings, error) {
	s := &settings{factory: externalversions.NewSharedInformerFactoryWithOptions(federation, 0, externalversions.WithNamespace(namespace))}
	s.apply(nil)
	registration, err := s.factory.Core().V1beta1().KubeFedConfigs().Informer().AddEventHandler(cache.FilteringResourceEventHandler{
		FilterFunc: func(obj any) bool {
			name, err := cache.DeletionHandlingObjectToName(obj)
			return err == nil && name.Name == configName
		},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    s.apply,
			UpdateFunc: func(_, obj any) { s.apply(obj) },
			DeleteFunc: func(any) { s.apply(nil) },
		},
	})
	if err != nil {
		return nil, fmt.Errorf("follow the KubeFedConfig: %w", err)
	}
	s.synced = registration.HasSynced
	return s, nil
}

// apply puts a stored configuration in force, or the defaults if it is nil.
func (s *settings) apply(stored any) {
	config := &corev1beta1.KubeFedConfig{Spec: corev1beta1.KubeFedConfigSpec{Scope: corev1beta1.ClusterScoped}}
	if stored, ok := stored.(*corev1beta1.KubeFedConfig); ok {
		config = stored.DeepCopy()
	}
	corev1beta1.SetDefaults_KubeFedConfig(config)
	s.inForce.Store(config)
}

// run follows the configuration until ctx ends.
func (s *settings) run(ctx context.Context) error {
	s.factory.StartWithContext(ctx)
	<-ctx.Done()
	s.factory.Shutdown()
	return nil
}

// wait waits until the configuration has been read for the first time.
func (s *settings) wait(ctx context.Context) error {
	if !cache.WaitForCacheSync(ctx.Done(), s.synced) {
		return fmt.Errorf("ended before the KubeFedConfig was read: %w", context.Cause(ctx))
	}
	return nil
}

func (s *settings) leaderElect() *corev1beta1.LeaderElectConfig {
	return s.inForce.Load().Spec.LeaderElect
}

func (s *settings) propagation() propagation.Settings {
	spec := &s.inForce.Load().Spec
	return propagation.Settings{
		AdoptResources: *spec.SyncController.AdoptResources == corev1beta1.AdoptResourcesEnabled,
		Namespaced:     spec.Scope == corev1beta1.NamespaceScoped,
	}
}
