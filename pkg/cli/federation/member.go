package federation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// tokenKey is where join puts the token of a member in its Secret.
const tokenKey = "token"

// Member returns how a member is reached: as the federation itself, for who may
// read the Secret that join has written, or else by the context of the kubeconfig
// that has the name of the cluster. source says which.
func (c *Client) Member(ctx context.Context, cluster *corev1beta1.KubeFedCluster) (config *rest.Config, source string, err error) {
	config, secretErr := c.bySecret(ctx, cluster)
	if secretErr == nil {
		return config, "Secret " + cluster.Spec.SecretRef.Name, nil
	}
	contexts, err := c.Contexts()
	if err == nil && !slices.Contains(contexts, cluster.Name) {
		err = errors.New("the kubeconfig has no context of this name")
	}
	if err != nil {
		return nil, "", fmt.Errorf("no access to cluster %s: %w; %w", cluster.Name, secretErr, err)
	}
	named, err := c.Cluster(cluster.Name)
	if err != nil {
		return nil, "", fmt.Errorf("no access to cluster %s: %w; %w", cluster.Name, secretErr, err)
	}
	return named.Config, "context " + cluster.Name, nil
}

// bySecret returns the connection that the federation uses.
func (c *Client) bySecret(ctx context.Context, cluster *corev1beta1.KubeFedCluster) (*rest.Config, error) {
	spec := &cluster.Spec
	for _, validation := range spec.DisabledTLSValidations {
		if validation != corev1beta1.TLSAll {
			return nil, fmt.Errorf("the check %s of its certificate is disabled, which only the federation itself can leave out", validation)
		}
	}
	secret, err := c.Kube.CoreV1().Secrets(c.SystemNamespace).Get(ctx, spec.SecretRef.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading its Secret: %w", err)
	}
	token := strings.TrimSpace(string(secret.Data[tokenKey]))
	if token == "" {
		return nil, fmt.Errorf("its Secret %s has no key %s", secret.Name, tokenKey)
	}
	config := &rest.Config{
		Host:            spec.APIEndpoint,
		BearerToken:     token,
		UserAgent:       FieldManager,
		TLSClientConfig: rest.TLSClientConfig{CAData: spec.CABundle},
	}
	if len(spec.DisabledTLSValidations) > 0 {
		config.TLSClientConfig = rest.TLSClientConfig{Insecure: true}
	}
	if spec.ProxyURL != "" {
		proxy, err := url.Parse(spec.ProxyURL)
		if err != nil {
			return nil, errors.New("its spec.proxyURL is not a URL")
		}
		config.Proxy = http.ProxyURL(proxy)
	}
	return config, nil
}
