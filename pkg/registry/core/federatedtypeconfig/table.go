package federatedtypeconfig

import (
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
)

func newTableConvertor() rest.TableConvertor {
	return table.NewConvertor(
		table.Column[*core.FederatedTypeConfig]{
			Name: "Federated Kind", Description: "The kind that this server serves for the target.",
			Cell: func(config *core.FederatedTypeConfig) string { return config.Spec.FederatedType.Kind },
		},
		table.Column[*core.FederatedTypeConfig]{
			Name: "Propagation", Description: "Whether objects are propagated to the members: Enabled or Disabled.",
			Cell: func(config *core.FederatedTypeConfig) string { return string(config.Spec.Propagation) },
		},
		table.Column[*core.FederatedTypeConfig]{
			Name: "Controller", Description: "Whether the propagation controller runs for the type.",
			Cell: func(config *core.FederatedTypeConfig) string { return string(config.Status.PropagationController) },
		},
	)
}
