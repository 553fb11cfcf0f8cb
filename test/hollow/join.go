package hollow

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	federation "github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
)

// Join makes the member a KubeFedCluster under its own name, in the namespace of
// the federation in a host. In the member it makes that namespace, where the
// federation keeps a Lease; rights are not asked for.
func (m *Member) Join(ctx context.Context, host *rest.Config, namespace string, labels map[string]string) error {
	hostClient, err := kubernetes.NewForConfig(host)
	if err != nil {
		return fmt.Errorf("client of the host: %w", err)
	}
	federationClient, err := federation.NewForConfig(host)
	if err != nil {
		return fmt.Errorf("client of the host: %w", err)
	}
	if err := m.addNamespace(namespace); err != nil {
		return fmt.Errorf("join %s: %w", m.name, err)
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: m.name + "-hollow"},
		Data:       map[string][]byte{"token": []byte(m.token)},
	}
	if _, err := hostClient.CoreV1().Secrets(namespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("join %s: %w", m.name, err)
	}
	cluster := &corev1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: m.name, Labels: labels},
		Spec: corev1beta1.KubeFedClusterSpec{
			APIEndpoint: m.Endpoint(), CABundle: m.CA(),
			SecretRef: corev1beta1.LocalSecretReference{Name: secret.Name},
		},
	}
	if _, err := federationClient.CoreV1beta1().KubeFedClusters(namespace).Create(ctx, cluster, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("join %s: %w", m.name, err)
	}
	return nil
}
