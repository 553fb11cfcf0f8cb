package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

// newTypeConfig is the example of KubeFed for Deployments, with a status type.
func newTypeConfig(t *testing.T) *core.FederatedTypeConfig {
	return decode[*core.FederatedTypeConfig](t, `{"apiVersion":"core.kubefed.io/v1beta1","kind":"FederatedTypeConfig",
		"metadata":{"name":"deployments.apps","namespace":"kube-federation-system"},
		"spec":{"targetType":{"group":"apps","version":"v1","kind":"Deployment","pluralName":"deployments","scope":"Namespaced"},"propagation":"Enabled",
		"federatedType":{"group":"types.kubefed.io","version":"v1beta1","kind":"FederatedDeployment","pluralName":"federateddeployments","scope":"Namespaced"},
		"statusType":{"group":"core.kubefed.io","version":"v1alpha1","kind":"FederatedServiceStatus","pluralName":"federatedservicestatuses","scope":"Namespaced"},
		"statusCollection":"Disabled"}}`)
}

func newNamespaceTypeConfig(t *testing.T) *core.FederatedTypeConfig {
	return decode[*core.FederatedTypeConfig](t, `{"apiVersion":"core.kubefed.io/v1beta1","kind":"FederatedTypeConfig",
		"metadata":{"name":"namespaces","namespace":"kube-federation-system"},
		"spec":{"targetType":{"version":"v1","kind":"Namespace","scope":"Cluster"},"propagation":"Enabled",
		"federatedType":{"group":"types.kubefed.io","version":"v1beta1","kind":"FederatedNamespace","scope":"Namespaced"}}}`)
}

func TestValidateFederatedTypeConfig(t *testing.T) {
	requireFaults(t, validation.ValidateFederatedTypeConfig(newTypeConfig(t)))
	requireFaults(t, validation.ValidateFederatedTypeConfig(newNamespaceTypeConfig(t)))

	const target, federated, status = "spec.targetType", "spec.federatedType", "spec.statusType"
	const nameRule = "name must be 'TARGET_PLURAL_NAME(.TARGET_GROUP_NAME)'"
	const dotRule = "should be a domain with at least one dot"
	for name, test := range map[string]struct {
		change func(*core.FederatedTypeConfig)
		want   []fault
	}{
		"name":                   {func(c *core.FederatedTypeConfig) { c.Name = "deployments" }, []fault{{field.ErrorTypeInvalid, "metadata.name", nameRule}}},
		"name of another plural": {func(c *core.FederatedTypeConfig) { c.Name = "replicasets.apps" }, []fault{{field.ErrorTypeInvalid, "metadata.name", nameRule}}},
		"target group":           {func(c *core.FederatedTypeConfig) { c.Spec.TargetType.Group, c.Name = "a_b", "deployments.a_b" }, []fault{{field.ErrorTypeInvalid, "metadata.name", "RFC 1123"}, {field.ErrorTypeInvalid, target + ".group", "RFC 1123"}}},
		"target version":         {func(c *core.FederatedTypeConfig) { c.Spec.TargetType.Version = "1" }, []fault{{field.ErrorTypeInvalid, target + ".version", "1035"}}},
		"no target version":      {func(c *core.FederatedTypeConfig) { c.Spec.TargetType.Version = "" }, []fault{{field.ErrorTypeRequired, target + ".version", ""}}},
		"target kind":            {func(c *core.FederatedTypeConfig) { c.Spec.TargetType.Kind = "A.B" }, []fault{{field.ErrorTypeInvalid, target + ".kind", "1035"}}},
		"no target kind":         {func(c *core.FederatedTypeConfig) { c.Spec.TargetType.Kind = "" }, []fault{{field.ErrorTypeRequired, target + ".kind", ""}}},
		"target plural":          {func(c *core.FederatedTypeConfig) { c.Spec.TargetType.PluralName = "Deployments" }, []fault{{field.ErrorTypeInvalid, "metadata.name", nameRule}, {field.ErrorTypeInvalid, target + ".pluralName", "1035"}}},
		"no target scope":        {func(c *core.FederatedTypeConfig) { c.Spec.TargetType.Scope = "" }, []fault{{field.ErrorTypeRequired, target + ".scope", "Cluster, Namespaced"}}},
		"target scope":           {func(c *core.FederatedTypeConfig) { c.Spec.TargetType.Scope = "World" }, []fault{{field.ErrorTypeNotSupported, target + ".scope", "Cluster"}}},
		"scopes that differ":     {func(c *core.FederatedTypeConfig) { c.Spec.TargetType.Scope = core.ClusterScoped }, []fault{{field.ErrorTypeInvalid, federated + ".scope", "scope of the target type"}}},
		"no propagation":         {func(c *core.FederatedTypeConfig) { c.Spec.Propagation = "" }, []fault{{field.ErrorTypeRequired, "spec.propagation", "Enabled"}}},
		"propagation":            {func(c *core.FederatedTypeConfig) { c.Spec.Propagation = "On" }, []fault{{field.ErrorTypeNotSupported, "spec.propagation", `"Disabled", "Enabled"`}}},
		"no federated group":     {func(c *core.FederatedTypeConfig) { c.Spec.FederatedType.Group = "" }, []fault{{field.ErrorTypeRequired, federated + ".group", dotRule}}},
		"federated group":        {func(c *core.FederatedTypeConfig) { c.Spec.FederatedType.Group = "kubefed" }, []fault{{field.ErrorTypeInvalid, federated + ".group", dotRule}}},
		"federated kind":         {func(c *core.FederatedTypeConfig) { c.Spec.FederatedType.Kind = "9" }, []fault{{field.ErrorTypeInvalid, federated + ".kind", "1035"}}},
		"no status group":        {func(c *core.FederatedTypeConfig) { c.Spec.StatusType.Group = "" }, []fault{{field.ErrorTypeRequired, status + ".group", dotRule}}},
		"status group":           {func(c *core.FederatedTypeConfig) { c.Spec.StatusType.Group = "core" }, []fault{{field.ErrorTypeInvalid, status + ".group", dotRule}}},
		"status plural":          {func(c *core.FederatedTypeConfig) { c.Spec.StatusType.PluralName = "-" }, []fault{{field.ErrorTypeInvalid, status + ".pluralName", "1035"}}},
		"status collection":      {func(c *core.FederatedTypeConfig) { c.Spec.StatusCollection = pointer(core.StatusCollectionMode("On")) }, []fault{{field.ErrorTypeNotSupported, "spec.statusCollection", `"Disabled", "Enabled"`}}},
		"template ownership": {func(c *core.FederatedTypeConfig) {
			c.Spec.TemplateOwnership = pointer(core.TemplateOwnership("Shared"))
		}, []fault{{field.ErrorTypeNotSupported, "spec.templateOwnership", `"Atomic", "Granular"`}}},
		"atomic template ownership": {func(c *core.FederatedTypeConfig) { c.Spec.TemplateOwnership = pointer(core.TemplateOwnershipAtomic) }, nil},
		"without any status":        {func(c *core.FederatedTypeConfig) { c.Spec.StatusType, c.Spec.StatusCollection = nil, nil }, nil},
		"a target that is forbidden": {func(c *core.FederatedTypeConfig) {
			c.Spec.TargetType.Group, c.Spec.TargetType.Kind, c.Spec.TargetType.PluralName, c.Name = "coordination.k8s.io", "Lease", "leases", "leases.coordination.k8s.io"
		}, []fault{{field.ErrorTypeForbidden, target, "within one cluster"}}},
		"a target of our own": {func(c *core.FederatedTypeConfig) {
			c.Spec.TargetType.Group, c.Name = "types.kubefed.io", "deployments.types.kubefed.io"
		}, []fault{{field.ErrorTypeForbidden, target, "the federation's own"}}},
	} {
		t.Run(name, func(t *testing.T) {
			config := newTypeConfig(t)
			test.change(config)
			requireFaults(t, validation.ValidateFederatedTypeConfig(config), test.want...)
		})
	}

	namespaces := newNamespaceTypeConfig(t)
	namespaces.Spec.TargetType.Scope, namespaces.Spec.FederatedType.Scope = core.NamespaceScoped, core.ClusterScoped
	requireFaults(t, validation.ValidateFederatedTypeConfig(namespaces),
		fault{field.ErrorTypeInvalid, target + ".scope", "must be Cluster for namespaces"},
		fault{field.ErrorTypeInvalid, federated + ".scope", "must be Namespaced for namespaces"})
}

func TestValidateFederatedTypeConfigUpdate(t *testing.T) {
	const target, federated = "spec.targetType", "spec.federatedType"
	immutable := func(paths ...string) []fault {
		var faults []fault
		for _, path := range paths {
			faults = append(faults, fault{field.ErrorTypeInvalid, path, "field is immutable"})
		}
		return faults
	}
	for name, test := range map[string]struct {
		change func(*core.FederatedTypeConfigSpec)
		want   []fault
	}{
		"nothing":           {func(*core.FederatedTypeConfigSpec) {}, nil},
		"propagation":       {func(s *core.FederatedTypeConfigSpec) { s.Propagation = core.PropagationDisabled }, nil},
		"target version":    {func(s *core.FederatedTypeConfigSpec) { s.TargetType.Version = "v2" }, nil},
		"target kind":       {func(s *core.FederatedTypeConfigSpec) { s.TargetType.Kind = "Other" }, immutable(target + ".kind")},
		"federated kind":    {func(s *core.FederatedTypeConfigSpec) { s.FederatedType.Kind = "Other" }, immutable(federated + ".kind")},
		"federated group":   {func(s *core.FederatedTypeConfigSpec) { s.FederatedType.Group = "types.example.com" }, immutable(federated + ".group")},
		"federated version": {func(s *core.FederatedTypeConfigSpec) { s.FederatedType.Version = "v2" }, immutable(federated + ".version")},
		"federated plural":  {func(s *core.FederatedTypeConfigSpec) { s.FederatedType.PluralName = "others" }, immutable(federated + ".pluralName")},
		"scopes": {func(s *core.FederatedTypeConfigSpec) {
			s.TargetType.Scope, s.FederatedType.Scope = core.ClusterScoped, core.ClusterScoped
		}, immutable(target+".scope", federated+".scope")},
		"another fault": {func(s *core.FederatedTypeConfigSpec) { s.Propagation = "On" }, []fault{{field.ErrorTypeNotSupported, "spec.propagation", "Enabled"}}},
	} {
		t.Run(name, func(t *testing.T) {
			old := newTypeConfig(t)
			config := old.DeepCopy()
			test.change(&config.Spec)
			requireFaults(t, validation.ValidateFederatedTypeConfigUpdate(config, old), test.want...)
		})
	}

	stored := newTypeConfig(t)
	stored.Spec.Propagation = "StoredUnderOtherRules"
	finalized := stored.DeepCopy()
	finalized.Finalizers = nil
	require.Empty(t, validation.ValidateFederatedTypeConfigUpdate(finalized, stored))
}

func TestValidateFederatedTypeConfigStatusUpdate(t *testing.T) {
	condition := metav1.Condition{Type: core.FederatedTypeServed, Status: metav1.ConditionTrue, Reason: "Served", LastTransitionTime: metav1.Now()}
	for name, test := range map[string]struct {
		status core.FederatedTypeConfigStatus
		want   []fault
	}{
		"running":           {core.FederatedTypeConfigStatus{ObservedGeneration: 1, PropagationController: core.ControllerStatusRunning, StatusController: pointer(core.ControllerStatusNotRunning), Conditions: []metav1.Condition{condition}}, nil},
		"generation 0":      {core.FederatedTypeConfigStatus{PropagationController: core.ControllerStatusNotRunning}, nil},
		"generation":        {core.FederatedTypeConfigStatus{ObservedGeneration: -1, PropagationController: core.ControllerStatusRunning}, []fault{{field.ErrorTypeInvalid, "status.observedGeneration", "greater than or equal to 0"}}},
		"no controller":     {core.FederatedTypeConfigStatus{}, []fault{{field.ErrorTypeRequired, "status.propagationController", "NotRunning, Running"}}},
		"controller":        {core.FederatedTypeConfigStatus{PropagationController: "Up"}, []fault{{field.ErrorTypeNotSupported, "status.propagationController", "Running"}}},
		"status controller": {core.FederatedTypeConfigStatus{PropagationController: core.ControllerStatusRunning, StatusController: pointer(core.ControllerStatus("Up"))}, []fault{{field.ErrorTypeNotSupported, "status.statusController", "Running"}}},
		"condition":         {core.FederatedTypeConfigStatus{PropagationController: core.ControllerStatusRunning, Conditions: []metav1.Condition{{Type: "Served", Status: "True", LastTransitionTime: metav1.Now()}}}, []fault{{field.ErrorTypeRequired, "status.conditions[0].reason", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			config := newTypeConfig(t)
			config.Status = test.status
			requireFaults(t, validation.ValidateFederatedTypeConfigStatusUpdate(config), test.want...)
		})
	}
}
