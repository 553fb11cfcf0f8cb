package join

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
	"github.com/kubefederation/federation-apiserver/pkg/cli/progress"
)

// host is the host cluster, with the federation behind it.
type host struct {
	*Options
	kube       kubernetes.Interface
	federation versioned.Interface
	report     *progress.Reporter
}

func newHost(cluster *connect.Cluster, o *Options, report *progress.Reporter) (*host, error) {
	kube, err := kubernetes.NewForConfig(cluster.Config)
	if err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", cluster.Context, err)
	}
	federation, err := versioned.NewForConfig(cluster.Config)
	if err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", cluster.Context, err)
	}
	return &host{Options: o, kube: kube, federation: federation, report: report}, nil
}

// scope returns the scope of the federation: that of all namespaces unless its
// KubeFedConfig says otherwise.
func (h *host) scope(ctx context.Context) (corev1beta1.ResourceScope, error) {
	if _, err := h.kube.CoreV1().Namespaces().Get(ctx, h.SystemNamespace, metav1.GetOptions{}); err != nil {
		return "", fmt.Errorf("reading the system namespace in the host: %w", err)
	}
	// A list tells a federation without configuration from no federation at all.
	configs, err := h.federation.CoreV1beta1().KubeFedConfigs(h.SystemNamespace).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return "", errors.New("the host does not serve core.kubefed.io/v1beta1: is the federation installed there, and is this the host's context?")
	case apierrors.IsServiceUnavailable(err):
		return "", fmt.Errorf("the host does not reach the federation now: %w", err)
	case err != nil:
		return "", fmt.Errorf("reading the configuration of the federation: %w", err)
	}
	for i := range configs.Items {
		if configs.Items[i].Name == "kubefed" {
			return configs.Items[i].Spec.Scope, nil
		}
	}
	return corev1beta1.ClusterScoped, nil
}

// rights returns those that the federation is to have in the member.
func (h *host) rights(ctx context.Context) (membership.Rights, error) {
	if h.MemberRights == rightsAll {
		return membership.Rights{All: true}, nil
	}
	configs, err := h.federation.CoreV1beta1().FederatedTypeConfigs(h.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return membership.Rights{}, fmt.Errorf("reading which types are enabled: %w", err)
	}
	return membership.RightsFor(configs.Items), nil
}

// check refuses to let a cluster take the place of another one, and tells if it has
// joined under another name.
func (h *host) check(ctx context.Context, existing, registration *corev1beta1.KubeFedCluster) error {
	if h.ErrorOnExisting && existing != nil && existing.Spec.APIEndpoint != registration.Spec.APIEndpoint {
		return fmt.Errorf("a cluster has joined as %q already, from %s instead of %s: choose another name, unjoin it first, or replace it with --error-on-existing=false",
			registration.Name, existing.Spec.APIEndpoint, registration.Spec.APIEndpoint)
	}
	clusters, err := h.federation.CoreV1beta1().KubeFedClusters(h.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("reading which clusters have joined: %w", err)
	}
	for i := range clusters.Items {
		if other := &clusters.Items[i]; other.Name != registration.Name && other.Spec.APIEndpoint == registration.Spec.APIEndpoint {
			h.report.Note("host: the cluster at %s has joined as %s already; what is placed under both names is one copy there",
				other.Spec.APIEndpoint, other.Name)
		}
	}
	return nil
}

// register gives the token and the registration to the host, and waits.
func (h *host) register(ctx context.Context, m membership.Membership, registration, existing *corev1beta1.KubeFedCluster, token []byte) error {
	name := h.SecretName
	if name == "" && existing != nil {
		name = existing.Spec.SecretRef.Name
	}
	secretName, err := h.ensureSecret(ctx, m.HostSecret(name, token, h.TokenLifetime))
	if err != nil {
		return err
	}
	registration.Spec.SecretRef.Name = secretName
	if err := h.ensureRegistration(ctx, registration); err != nil {
		return err
	}
	if h.Wait <= 0 {
		return nil
	}
	return h.awaitReady(ctx)
}

// ensureSecret creates the Secret or gives it the token, and returns its name.
func (h *host) ensureSecret(ctx context.Context, secret *corev1.Secret) (string, error) {
	h.report.Doing("host: creating the Secret with the token")
	secrets := h.kube.CoreV1().Secrets(h.SystemNamespace)
	if secret.Name == "" {
		created, err := secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: membership.ManagedBy})
		if err != nil {
			return "", fmt.Errorf("creating a Secret in namespace %q of the host: %w", h.SystemNamespace, err)
		}
		h.report.Done("host: Secret %s created", created.Name)
		return created.Name, nil
	}
	created, err := bring(ctx, secrets, secret, !h.ErrorOnExisting, func(existing *corev1.Secret) bool {
		before := existing.DeepCopy()
		if existing.Data == nil {
			existing.Data = map[string][]byte{}
		}
		existing.Data["token"] = secret.Data["token"]
		delete(existing.Annotations, corev1beta1.RenewTokenAtAnnotation)
		annotate(existing, corev1beta1.TokenLifetimeAnnotation, secret.Annotations[corev1beta1.TokenLifetimeAnnotation])
		return !apiequality.Semantic.DeepEqual(before, existing)
	})
	if err != nil {
		return "", fmt.Errorf("the Secret %q in namespace %q of the host: %w", secret.Name, h.SystemNamespace, err)
	}
	verb := "is up to date"
	if created {
		verb = "created"
	}
	h.report.Done("host: Secret %s %s", secret.Name, verb)
	return secret.Name, nil
}

// annotate sets an annotation, or takes it away when value is empty.
func annotate(object metav1.Object, name, value string) {
	annotations := object.GetAnnotations()
	if value == "" {
		delete(annotations, name)
		return
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[name] = value
	object.SetAnnotations(annotations)
}

// ensureRegistration creates the KubeFedCluster or updates its spec.
func (h *host) ensureRegistration(ctx context.Context, registration *corev1beta1.KubeFedCluster) error {
	h.report.Doing("host: creating KubeFedCluster %s", registration.Name)
	clusters := h.federation.CoreV1beta1().KubeFedClusters(h.SystemNamespace)
	verb := "created"
	err := retry.OnError(retry.DefaultRetry, func(err error) bool {
		return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
	}, func() error {
		existing, err := clusters.Get(ctx, registration.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			_, err = clusters.Create(ctx, registration, metav1.CreateOptions{FieldManager: membership.ManagedBy})
			return err
		}
		if err != nil {
			return err
		}
		verb = "is up to date"
		before := existing.DeepCopy()
		existing.Spec = registration.Spec
		for _, name := range []string{corev1beta1.MemberRightsAnnotation, corev1beta1.MemberProxyAnnotation} {
			annotate(existing, name, registration.Annotations[name])
		}
		if apiequality.Semantic.DeepEqual(before, existing) {
			return nil
		}
		_, err = clusters.Update(ctx, existing, metav1.UpdateOptions{FieldManager: membership.ManagedBy})
		return err
	})
	if err != nil {
		return fmt.Errorf("the KubeFedCluster %q in the host: %w", registration.Name, err)
	}
	h.report.Done("host: KubeFedCluster %s %s", registration.Name, verb)
	return nil
}

// awaitReady waits until the federation has found the member ready.
func (h *host) awaitReady(ctx context.Context) error {
	h.report.Doing("host: waiting for the federation to find %s ready", h.Cluster)
	last := "it has not been probed yet"
	version := ""
	err := wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, h.Wait, true, func(ctx context.Context) (bool, error) {
		cluster, err := h.federation.CoreV1beta1().KubeFedClusters(h.SystemNamespace).Get(ctx, h.Cluster, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		version = cluster.Status.KubernetesVersion
		for _, c := range cluster.Status.Conditions {
			if c.Type != corev1beta1.ClusterReady {
				continue
			}
			if c.Message != nil {
				last = *c.Message
			}
			return c.Status == corev1.ConditionTrue, nil
		}
		return false, nil
	})
	switch {
	case err == nil:
		h.report.Done("%s has joined and is ready (%s)", h.Cluster, version)
		return nil
	case wait.Interrupted(err) && ctx.Err() == nil:
		return fmt.Errorf("%s has joined, but the federation does not find it ready: %s; see: kubectl -n %s describe kubefedcluster %s", h.Cluster, last, h.SystemNamespace, h.Cluster)
	}
	return fmt.Errorf("waiting for %s to be ready: %w", h.Cluster, err)
}
