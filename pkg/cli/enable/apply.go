package enable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
)

// Resolve returns the FederatedTypeConfig that enables what a directive names, or
// why it cannot be.
func Resolve(ctx context.Context, client *federation.Client, directive *Directive) (*corev1beta1.FederatedTypeConfig, error) {
	if err := directive.check(); err != nil {
		return nil, err
	}
	configs, err := client.TypeConfigs(ctx)
	if err != nil {
		return nil, err
	}
	resources, err := Discover(client.Kube.Discovery(), directive.Spec.TargetVersion)
	if err != nil {
		return nil, err
	}
	resource, err := Find(resources, directive.Name)
	if err != nil {
		return nil, err
	}
	config := TypeConfig(resource, directive, client.SystemNamespace)
	return config, conflict(config, configs)
}

// NewTypeConfig returns the FederatedTypeConfig that enables a resource beside
// others, with all defaults, or why it cannot be.
func NewTypeConfig(resource *metav1.APIResource, namespace string, configs []corev1beta1.FederatedTypeConfig) (*corev1beta1.FederatedTypeConfig, error) {
	config := TypeConfig(resource, NewDirective(resource.Name), namespace)
	return config, conflict(config, configs)
}

// Apply creates the type config, or changes the spec of the one that is there, and
// says which. With dryRun the host judges it and keeps nothing.
func Apply(ctx context.Context, client *federation.Client, config *corev1beta1.FederatedTypeConfig, dryRun bool) (verb string, err error) {
	var dry []string
	if dryRun {
		dry = []string{metav1.DryRunAll}
	}
	configs := client.Core.CoreV1beta1().FederatedTypeConfigs(client.SystemNamespace)
	_, err = configs.Create(ctx, config, metav1.CreateOptions{FieldManager: federation.FieldManager, DryRun: dry})
	if err == nil {
		return "created", nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return "", federation.Explain(err, "creating FederatedTypeConfig %s", config.Name)
	}
	patch, err := json.Marshal(map[string]any{"spec": config.Spec})
	if err != nil {
		return "", fmt.Errorf("updating FederatedTypeConfig %s: %w", config.Name, err)
	}
	if _, err := configs.Patch(ctx, config.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: federation.FieldManager, DryRun: dry}); err != nil {
		return "", federation.Explain(err, "updating FederatedTypeConfig %s", config.Name)
	}
	return "updated", nil
}

// pollInterval is how often the host is asked whether a type is served.
const pollInterval = 100 * time.Millisecond

// AwaitServed waits until the host names the federated type to whoever asks what
// it serves.
func AwaitServed(ctx context.Context, client *federation.Client, config *corev1beta1.FederatedTypeConfig, patience time.Duration) error {
	federated := config.Spec.FederatedType
	name := federated.PluralName + "." + federated.Group
	var last error
	err := wait.PollUntilContextTimeout(ctx, pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		resources, err := client.Kube.Discovery().ServerResourcesForGroupVersion(federated.Group + "/" + federated.Version)
		if err != nil {
			last = err
			return false, nil
		}
		for _, resource := range resources.APIResources {
			if resource.Name == federated.PluralName {
				return true, nil
			}
		}
		last = whyNotServed(ctx, client, config.Name)
		return false, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return fmt.Errorf("the host does not serve %s yet, after %s: %w", name, patience, last)
	}
	if err != nil {
		return fmt.Errorf("waiting for %s to be served: %w", name, err)
	}
	return nil
}

// whyNotServed asks the type config.
func whyNotServed(ctx context.Context, client *federation.Client, name string) error {
	config, err := client.Core.CoreV1beta1().FederatedTypeConfigs(client.SystemNamespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	served := apimeta.FindStatusCondition(config.Status.Conditions, corev1beta1.FederatedTypeServed)
	if served == nil || served.Status == metav1.ConditionTrue {
		return errors.New("it is not in the host's discovery")
	}
	return fmt.Errorf("%s: %s", served.Reason, served.Message)
}
