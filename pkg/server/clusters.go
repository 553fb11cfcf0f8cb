package server

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
	listers "github.com/kubefederation/federation-apiserver/generated/listers/core/v1beta1"
)

// knownClusters follow the KubeFedClusters, on every replica, for what is told to
// users about them.
type knownClusters struct {
	factory externalversions.SharedInformerFactory
	synced  cache.InformerSynced
	lister  listers.KubeFedClusterNamespaceLister
}

// newKnownClusters follows the clusters of the system namespace as soon as it runs.
// loopback reaches this server.
func newKnownClusters(loopback *rest.Config, namespace string) (*knownClusters, error) {
	federation, err := versioned.NewForConfig(rest.AddUserAgent(rest.CopyConfig(loopback), "federation-clusters"))
	if err != nil {
		return nil, fmt.Errorf("client of this server: %w", err)
	}
	factory := externalversions.NewSharedInformerFactoryWithOptions(federation, 0, externalversions.WithNamespace(namespace))
	informer := factory.Core().V1beta1().KubeFedClusters()
	return &knownClusters{factory: factory, synced: informer.Informer().HasSynced, lister: informer.Lister().KubeFedClusters(namespace)}, nil
}

// run follows the clusters until ctx ends.
func (c *knownClusters) run(ctx context.Context) error {
	c.factory.StartWithContext(ctx)
	<-ctx.Done()
	c.factory.Shutdown()
	return nil
}

// labels returns the labels of all clusters by name, nil while they are not known.
func (c *knownClusters) labels() map[string]map[string]string {
	if !c.synced() {
		return nil
	}
	clusters, err := c.lister.List(labels.Everything())
	if err != nil {
		return nil // a lister of a local cache has no errors
	}
	byName := make(map[string]map[string]string, len(clusters))
	for _, cluster := range clusters {
		byName[cluster.Name] = cluster.Labels
	}
	return byName
}
