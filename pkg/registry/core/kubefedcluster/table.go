package kubefedcluster

import (
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
)

func newTableConvertor() rest.TableConvertor {
	return table.NewConvertor(
		table.Column[*core.KubeFedCluster]{
			Name: "Ready", Description: "Whether the member answers its health check: True, False or Unknown.",
			Cell: func(cluster *core.KubeFedCluster) string {
				for _, condition := range cluster.Status.Conditions {
					if condition.Type == core.ClusterReady {
						return string(condition.Status)
					}
				}
				return "Unknown"
			},
		},
		table.Column[*core.KubeFedCluster]{
			Name: "Version", Description: "The version of Kubernetes that the member reports.",
			Cell: func(cluster *core.KubeFedCluster) string { return cluster.Status.KubernetesVersion },
		},
		table.Column[*core.KubeFedCluster]{
			Name: "Region", Description: "The region of the member's nodes.", Priority: table.Wide,
			Cell: func(cluster *core.KubeFedCluster) string {
				if cluster.Status.Region == nil {
					return ""
				}
				return *cluster.Status.Region
			},
		},
		table.Column[*core.KubeFedCluster]{
			Name: "Endpoint", Description: "The address of the member's API server.", Priority: table.Wide,
			Cell: func(cluster *core.KubeFedCluster) string { return cluster.Spec.APIEndpoint },
		},
	)
}
