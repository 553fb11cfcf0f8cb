package core

import (
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

// kubeFedConfigs are configurations of the control plane. They have no status.
func kubeFedConfigs() static.Kind[*core.KubeFedConfig] {
	return static.Kind[*core.KubeFedConfig]{
		Version:  v1beta1.SchemeGroupVersion,
		Resource: "kubefedconfigs",
		Singular: "kubefedconfig",
		New:      func() *core.KubeFedConfig { return &core.KubeFedConfig{} },
		NewList:  func() runtime.Object { return &core.KubeFedConfigList{} },
		Desired:  func(config *core.KubeFedConfig) any { return config.Spec },

		Validate:       validation.ValidateKubeFedConfig,
		ValidateUpdate: validation.ValidateKubeFedConfigUpdate,

		Columns: []table.Column[*core.KubeFedConfig]{{
			Name: "Scope", Description: "How far the federation acts: Cluster or Namespaced.",
			Cell: func(config *core.KubeFedConfig) string { return string(config.Spec.Scope) },
		}},
	}
}
