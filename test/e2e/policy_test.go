package e2e

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// policies are the host's: one refuses, one adds a label. They hold in one namespace.
const policies = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: e2e-no-secrets-in-configmaps}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [types.kubefed.io], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [federatedconfigmaps]}
  validations:
  - expression: "!has(object.spec.template.data) || !('password' in object.spec.template.data)"
    message: passwords belong into a Secret
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: e2e-no-secrets-in-configmaps}
spec:
  policyName: e2e-no-secrets-in-configmaps
  validationActions: [Deny]
  matchResources:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: e2e-label}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
    - {apiGroups: [types.kubefed.io], apiVersions: ["*"], operations: [CREATE], resources: [federatedconfigmaps]}
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: '[JSONPatch{op: "add", path: "/metadata/labels", value: {"added-by": "policy"}}]'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: e2e-label}
spec:
  policyName: e2e-label
  matchResources:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}
`

// TestPoliciesOfTheHostHold checks that admission policies of the host apply to federated objects and their templates.
func TestPoliciesOfTheHostHold(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace()
	manifests := strings.ReplaceAll(policies, "NAMESPACE", namespace)
	f.succeed(manifests, "create", "-f", "-")
	t.Cleanup(func() {
		for _, object := range []string{"validatingadmissionpolicy", "validatingadmissionpolicybinding"} {
			f.kubectlAfter("delete", object, "e2e-no-secrets-in-configmaps")
		}
		for _, object := range []string{"mutatingadmissionpolicy", "mutatingadmissionpolicybinding"} {
			f.kubectlAfter("delete", object, "e2e-label")
		}
	})

	bad := federatedObject("FederatedConfigMap", namespace, "bad", map[string]any{"data": map[string]any{"password": "secret"}})
	f.eventually("the policy to refuse", func() error {
		_, err := f.host(federatedConfigMaps, namespace).Create(f.ctx(), bad, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil && strings.Contains(err.Error(), "passwords belong into a Secret") {
			return nil
		}
		return errors.Join(errors.New("it does not refuse for its reason"), err)
	})
	f.eventually("the policy to label", func() error {
		created, err := f.host(federatedConfigMaps, namespace).Create(f.ctx(), federatedConfigMap(namespace, "good", "value"),
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			return err
		}
		return hasString("policy", "metadata", "labels", "added-by")(created)
	})
	assert.Contains(t, f.refused(f.manifest(bad), "apply", "-f", "-"), "passwords belong into a Secret")
}
