package join

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// inherit takes over what an earlier join of the cluster was told and this one was
// not: joining again is to bring things up to date, not to change them.
func (o *Options) inherit(cluster *corev1beta1.KubeFedCluster, secret *corev1.Secret) {
	if o.given == nil || cluster == nil {
		return
	}
	if !o.given("member-rights") && cluster.Annotations[corev1beta1.MemberRightsAnnotation] == corev1beta1.MemberRightsAll {
		o.MemberRights = rightsAll
	}
	if !o.given("allow-proxy") {
		o.AllowProxy = cluster.Annotations[corev1beta1.MemberProxyAnnotation] == "true"
	}
	if secret == nil || o.given("token-lifetime") {
		return
	}
	if lifetime, err := time.ParseDuration(secret.Annotations[corev1beta1.TokenLifetimeAnnotation]); err == nil && lifetime >= minTokenLifetime {
		o.TokenLifetime = lifetime
	}
}

// earlier returns what an earlier join has left in the host, nil where there is
// nothing.
func (h *host) earlier(ctx context.Context) (*corev1beta1.KubeFedCluster, *corev1.Secret, error) {
	cluster, err := h.federation.CoreV1beta1().KubeFedClusters(h.SystemNamespace).Get(ctx, h.Cluster, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the KubeFedCluster %q in the host: %w", h.Cluster, err)
	}
	secret, err := h.kube.CoreV1().Secrets(h.SystemNamespace).Get(ctx, cluster.Spec.SecretRef.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return cluster, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the Secret %q of the cluster in the host: %w", cluster.Spec.SecretRef.Name, err)
	}
	return cluster, secret, nil
}
