package core

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

// federatedTypeConfigs say which types are federated.
func federatedTypeConfigs() static.Kind[*core.FederatedTypeConfig] {
	type column = table.Column[*core.FederatedTypeConfig]
	return static.Kind[*core.FederatedTypeConfig]{
		Version:     v1beta1.SchemeGroupVersion,
		Resource:    "federatedtypeconfigs",
		Singular:    "federatedtypeconfig",
		ShortNames:  []string{"ftc"},
		New:         func() *core.FederatedTypeConfig { return &core.FederatedTypeConfig{} },
		NewList:     func() runtime.Object { return &core.FederatedTypeConfigList{} },
		Desired:     func(config *core.FederatedTypeConfig) any { return config.Spec },
		KeepDesired: func(to, from *core.FederatedTypeConfig) { to.Spec = from.Spec },
		KeepStatus:  func(to, from *core.FederatedTypeConfig) { to.Status = from.Status },
		Begin: func(config *core.FederatedTypeConfig, now metav1.Time) {
			config.Status.Conditions = static.Unseen(now)
		},

		Validate:       validation.ValidateFederatedTypeConfig,
		ValidateUpdate: validation.ValidateFederatedTypeConfigUpdate,
		ValidateStatus: validation.ValidateFederatedTypeConfigStatusUpdate,

		Columns: []column{
			{
				Name: "Federated Kind", Description: "The kind that this server serves for the target.",
				Cell: func(config *core.FederatedTypeConfig) string { return config.Spec.FederatedType.Kind },
			},
			{
				Name: "Propagation", Description: "Whether objects are propagated to the members: Enabled or Disabled.",
				Cell: func(config *core.FederatedTypeConfig) string { return string(config.Spec.Propagation) },
			},
			{
				Name: "Controller", Description: "Whether the propagation controller runs for the type.",
				Cell: func(config *core.FederatedTypeConfig) string { return string(config.Status.PropagationController) },
			},
		},
	}
}
