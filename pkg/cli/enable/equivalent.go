package enable

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// moved are the resources that Kubernetes has served from more than one group:
// the same objects under two names.
var moved = [][]schema.GroupResource{
	{{Group: "extensions", Resource: "daemonsets"}, {Group: "apps", Resource: "daemonsets"}},
	{{Group: "extensions", Resource: "deployments"}, {Group: "apps", Resource: "deployments"}},
	{{Group: "extensions", Resource: "replicasets"}, {Group: "apps", Resource: "replicasets"}},
	{{Group: "extensions", Resource: "ingresses"}, {Group: "networking.k8s.io", Resource: "ingresses"}},
	{{Group: "extensions", Resource: "networkpolicies"}, {Group: "networking.k8s.io", Resource: "networkpolicies"}},
	{{Group: "extensions", Resource: "podsecuritypolicies"}, {Group: "policy", Resource: "podsecuritypolicies"}},
	{{Group: "", Resource: "events"}, {Group: "events.k8s.io", Resource: "events"}},
}

// conflict refuses a type of which another FederatedTypeConfig has the objects,
// the federated type, or both.
func conflict(wanted *corev1beta1.FederatedTypeConfig, configs []corev1beta1.FederatedTypeConfig) error {
	for i := range configs {
		config := &configs[i]
		if config.Name == wanted.Name {
			if was, is := config.Spec.FederatedType, wanted.Spec.FederatedType; was.Group != is.Group || was.Kind != is.Kind || was.Version != is.Version {
				return fmt.Errorf("Federation is already enabled for %q with federated type %q, which cannot be changed to %q", //nolint:staticcheck // it begins as KubeFed's
					config.Name, title(was), title(is))
			}
			continue
		}
		if equivalent(target(config), target(wanted)) {
			return fmt.Errorf("the objects of %s are those of %s, which is federated already: disable that first", wanted.Name, config.Name)
		}
		if was, is := config.Spec.FederatedType, wanted.Spec.FederatedType; was.Group == is.Group && was.PluralName == is.PluralName {
			return fmt.Errorf("the federated type %s.%s is that of %s already", is.PluralName, is.Group, config.Name)
		}
	}
	return nil
}

func equivalent(a, b schema.GroupResource) bool {
	return a != b && slices.ContainsFunc(moved, func(same []schema.GroupResource) bool {
		return slices.Contains(same, a) && slices.Contains(same, b)
	})
}

func target(config *corev1beta1.FederatedTypeConfig) schema.GroupResource {
	return schema.GroupResource{Group: config.Spec.TargetType.Group, Resource: config.Spec.TargetType.PluralName}
}

func title(resource corev1beta1.APIResource) string {
	return resource.Kind + "." + resource.Group + "/" + resource.Version
}
