package core_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

func newRemoval(t *testing.T) *core.PendingRemoval {
	return decode[*core.PendingRemoval](t, `{"apiVersion":"core.kubefed.io/v1beta1","kind":"PendingRemoval",
		"metadata":{"name":"removal-1","namespace":"kube-federation-system","resourceVersion":"1"},
		"spec":{"target":{"typeConfig":"roles.rbac.authorization.k8s.io","namespace":"shop","name":"system:web","uid":"u1"},
			"clusters":[{"name":"cluster1","uid":"c1"},{"name":"cluster2"}],
			"deleteOptions":{"propagationPolicy":"Orphan","gracePeriodSeconds":0},
			"requestedAt":"2026-01-01T00:00:00Z","requestedBy":{"user":"jane"},"expiresAt":"2026-01-31T00:00:00Z"}}`)
}

func TestValidatePendingRemoval(t *testing.T) {
	requireFaults(t, validation.ValidatePendingRemoval(newRemoval(t)))

	for name, test := range map[string]struct {
		change func(*core.PendingRemovalSpec)
		want   []fault
	}{
		"of a cluster-wide type": {func(s *core.PendingRemovalSpec) { s.Target.Namespace = "" }, nil},
		"that never expires":     {func(s *core.PendingRemovalSpec) { s.ExpiresAt, s.RequestedBy, s.DeleteOptions = nil, nil, nil }, nil},
		"no type":                {func(s *core.PendingRemovalSpec) { s.Target.TypeConfig = "" }, []fault{{field.ErrorTypeInvalid, "spec.target.typeConfig", "FederatedTypeConfig"}}},
		"namespace":              {func(s *core.PendingRemovalSpec) { s.Target.Namespace = "A" }, []fault{{field.ErrorTypeInvalid, "spec.target.namespace", "lowercase"}}},
		"no name":                {func(s *core.PendingRemovalSpec) { s.Target.Name = "" }, []fault{{field.ErrorTypeRequired, "spec.target.name", ""}}},
		"name":                   {func(s *core.PendingRemovalSpec) { s.Target.Name = "a/b" }, []fault{{field.ErrorTypeInvalid, "spec.target.name", "may not contain"}}},
		"long name":              {func(s *core.PendingRemovalSpec) { s.Target.Name = strings.Repeat("a", 254) }, []fault{{field.ErrorTypeTooLong, "spec.target.name", ""}}},
		"no uid":                 {func(s *core.PendingRemovalSpec) { s.Target.UID = "" }, []fault{{field.ErrorTypeRequired, "spec.target.uid", ""}}},
		"long uid": {func(s *core.PendingRemovalSpec) { s.Clusters[1].UID = types.UID(strings.Repeat("a", 129)) },
			[]fault{{field.ErrorTypeInvalid, "spec.clusters[1].uid", "at most 128"}}},
		"no clusters":     {func(s *core.PendingRemovalSpec) { s.Clusters = nil }, []fault{{field.ErrorTypeRequired, "spec.clusters", "is deleted"}}},
		"cluster":         {func(s *core.PendingRemovalSpec) { s.Clusters[0].Name = "" }, []fault{{field.ErrorTypeInvalid, "spec.clusters[0].name", ""}}},
		"a cluster twice": {func(s *core.PendingRemovalSpec) { s.Clusters[1].Name = "cluster1" }, []fault{{field.ErrorTypeDuplicate, "spec.clusters[1].name", ""}}},
		"policy": {func(s *core.PendingRemovalSpec) {
			s.DeleteOptions.PropagationPolicy = pointer(metav1.DeletionPropagation("Maybe"))
		}, []fault{{field.ErrorTypeNotSupported, "spec.deleteOptions.propagationPolicy", "Background"}}},
		"grace":   {func(s *core.PendingRemovalSpec) { s.DeleteOptions.GracePeriodSeconds = pointer(int64(-1)) }, []fault{{field.ErrorTypeInvalid, "spec.deleteOptions.gracePeriodSeconds", "greater than or equal to 0"}}},
		"no time": {func(s *core.PendingRemovalSpec) { s.RequestedAt = metav1.Time{} }, []fault{{field.ErrorTypeRequired, "spec.requestedAt", ""}}},
		"nobody":  {func(s *core.PendingRemovalSpec) { s.RequestedBy.User = "" }, []fault{{field.ErrorTypeRequired, "spec.requestedBy.user", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			removal := newRemoval(t)
			test.change(&removal.Spec)
			requireFaults(t, validation.ValidatePendingRemoval(removal), test.want...)
		})
	}
}

func TestAPendingRemovalOnlyBecomesLess(t *testing.T) {
	forbidden := func(path string) []fault { return []fault{{field.ErrorTypeForbidden, path, ""}} }
	for name, test := range map[string]struct {
		change func(*core.PendingRemovalSpec)
		want   []fault
	}{
		"unchanged":              {func(*core.PendingRemovalSpec) {}, nil},
		"a cluster less":         {func(s *core.PendingRemovalSpec) { s.Clusters = s.Clusters[1:] }, nil},
		"no cluster":             {func(s *core.PendingRemovalSpec) { s.Clusters = nil }, []fault{{field.ErrorTypeRequired, "spec.clusters", ""}}},
		"another cluster":        {func(s *core.PendingRemovalSpec) { s.Clusters[0].Name = "cluster3" }, forbidden("spec.clusters[0]")},
		"any copy in a cluster":  {func(s *core.PendingRemovalSpec) { s.Clusters[0].UID = "" }, forbidden("spec.clusters[0]")},
		"another copy":           {func(s *core.PendingRemovalSpec) { s.Clusters[1].UID = "c2" }, forbidden("spec.clusters[1]")},
		"another target":         {func(s *core.PendingRemovalSpec) { s.Target.Name = "db" }, forbidden("spec")},
		"another way":            {func(s *core.PendingRemovalSpec) { s.DeleteOptions = nil }, forbidden("spec")},
		"a later end":            {func(s *core.PendingRemovalSpec) { s.ExpiresAt = nil }, forbidden("spec")},
		"in the name of another": {func(s *core.PendingRemovalSpec) { s.RequestedBy.User = "joe" }, forbidden("spec")},
	} {
		t.Run(name, func(t *testing.T) {
			removal := newRemoval(t)
			test.change(&removal.Spec)
			requireFaults(t, validation.ValidatePendingRemovalUpdate(removal, newRemoval(t)), test.want...)
		})
	}
}

func TestLimitsOfRemovals(t *testing.T) {
	for name, test := range map[string]struct {
		removals *core.RemovalsConfig
		want     []fault
	}{
		"none":     {nil, nil},
		"empty":    {&core.RemovalsConfig{}, nil},
		"for ever": {&core.RemovalsConfig{UnreachableAfter: seconds(0), GiveUpAfter: seconds(0)}, nil},
		"given":    {&core.RemovalsConfig{UnreachableAfter: seconds(60), GiveUpAfter: seconds(3600)}, nil},
		"negative": {&core.RemovalsConfig{UnreachableAfter: seconds(-1), GiveUpAfter: seconds(-1)}, []fault{
			{field.ErrorTypeInvalid, "spec.removals.unreachableAfter", "0s means for ever"}, {field.ErrorTypeInvalid, "spec.removals.giveUpAfter", "0s means for ever"}}},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Spec.Removals = test.removals
			requireFaults(t, validation.ValidateKubeFedConfig(config), test.want...)
		})
	}
}
