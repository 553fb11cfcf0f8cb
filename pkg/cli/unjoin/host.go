package unjoin

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
)

// host is the host cluster, with the federation behind it.
type host struct {
	membership.Membership
	deletion
	kube       kubernetes.Interface
	federation versioned.Interface
}

func newHost(cluster *connect.Cluster, m membership.Membership, d deletion) (*host, error) {
	kube, err := kubernetes.NewForConfig(cluster.Config)
	if err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", cluster.Context, err)
	}
	federation, err := versioned.NewForConfig(cluster.Config)
	if err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", cluster.Context, err)
	}
	return &host{Membership: m, deletion: d, kube: kube, federation: federation}, nil
}

// namespaceUID identifies the host: a member whose namespace has it is the host itself.
func (h *host) namespaceUID(ctx context.Context) (types.UID, error) {
	namespace, err := h.kube.CoreV1().Namespaces().Get(ctx, h.Namespace, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("reading the system namespace: %w", err)
	}
	return namespace.UID, nil
}

// unregister deletes the KubeFedCluster and its Secret.
func (h *host) unregister(ctx context.Context) error {
	clusters := h.federation.CoreV1beta1().KubeFedClusters(h.Namespace)
	cluster, err := clusters.Get(ctx, h.Cluster, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		h.report.Done("host: KubeFedCluster %s is not there", h.Cluster)
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the KubeFedCluster: %w", err)
	}
	anyone := func(metav1.Object) bool { return true } // it was named by the user
	if err := remove(ctx, h.deletion, "host", "KubeFedCluster", h.Cluster, clusters, anyone, ""); err != nil {
		return err
	}
	return ours(ctx, h.deletion, "host", "Secret", cluster.Spec.SecretRef.Name, h.kube.CoreV1().Secrets(h.Namespace))
}
