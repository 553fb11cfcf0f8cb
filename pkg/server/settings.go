package server

import (
	"context"
	"fmt"

	"k8s.io/client-go/tools/cache"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
	corelisters "github.com/kubefederation/federation-apiserver/generated/listers/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/propagation"
)

// configName is the name of the KubeFedConfig in force.
const configName = "kubefed"

// settings follow the KubeFedConfig in force. Where there is none, defaults hold.
type settings struct {
	factory externalversions.SharedInformerFactory
	synced  cache.InformerSynced
	configs corelisters.KubeFedConfigNamespaceLister
}

func newSettings(federation versioned.Interface, namespace string) *settings {
	factory := externalversions.NewSharedInformerFactoryWithOptions(federation, 0, externalversions.WithNamespace(namespace))
	informer := factory.Core().V1beta1().KubeFedConfigs()
	return &settings{
		factory: factory,
		synced:  informer.Informer().HasSynced,
		configs: informer.Lister().KubeFedConfigs(namespace),
	}
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

// current returns a copy of the configuration in force, with defaults.
func (s *settings) current() *corev1beta1.KubeFedConfig {
	config := &corev1beta1.KubeFedConfig{Spec: corev1beta1.KubeFedConfigSpec{Scope: corev1beta1.ClusterScoped}}
	// A lister's only error is that there is none.
	if stored, err := s.configs.Get(configName); err == nil {
		config = stored.DeepCopy()
	}
	corev1beta1.SetDefaults_KubeFedConfig(config)
	return config
}

func (s *settings) leaderElect() *corev1beta1.LeaderElectConfig {
	return s.current().Spec.LeaderElect
}

func (s *settings) propagation() propagation.Settings {
	spec := s.current().Spec
	return propagation.Settings{
		AdoptResources: *spec.SyncController.AdoptResources == corev1beta1.AdoptResourcesEnabled,
		Namespaced:     spec.Scope == corev1beta1.NamespaceScoped,
	}
}
