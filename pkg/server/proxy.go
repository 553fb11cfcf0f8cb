package server

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// credentials follow the Secrets of the system namespace in the host, on every
// replica, for requests to members in the name of users.
type credentials struct {
	factory   informers.SharedInformerFactory
	synced    cache.InformerSynced
	lister    corelisters.SecretNamespaceLister
	host      kubernetes.Interface
	namespace string
}

func newCredentials(host kubernetes.Interface, namespace string) *credentials {
	factory := informers.NewSharedInformerFactoryWithOptions(host, 0, informers.WithNamespace(namespace))
	secrets := factory.Core().V1().Secrets()
	return &credentials{
		factory: factory, synced: secrets.Informer().HasSynced, lister: secrets.Lister().Secrets(namespace),
		host: host, namespace: namespace,
	}
}

// run follows the Secrets until ctx ends.
func (c *credentials) run(ctx context.Context) error {
	c.factory.StartWithContext(ctx)
	<-ctx.Done()
	c.factory.Shutdown()
	return nil
}

// secret returns a Secret, nil when there is none. One that is not known yet is
// asked for.
func (c *credentials) secret(ctx context.Context, name string) (*corev1.Secret, error) {
	if c.synced() {
		if secret, err := c.lister.Get(name); err == nil {
			return secret, nil
		}
	}
	if name == "" {
		return nil, nil
	}
	secret, err := c.host.CoreV1().Secrets(c.namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	return secret, nil
}
