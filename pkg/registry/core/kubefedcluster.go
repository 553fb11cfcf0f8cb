package core

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

// kubeFedClusters are the members of the federation.
func kubeFedClusters() static.Kind[*core.KubeFedCluster] {
	type column = table.Column[*core.KubeFedCluster]
	return static.Kind[*core.KubeFedCluster]{
		Version:     v1beta1.SchemeGroupVersion,
		Resource:    "kubefedclusters",
		Singular:    "kubefedcluster",
		ShortNames:  []string{"kfc"},
		New:         func() *core.KubeFedCluster { return &core.KubeFedCluster{} },
		NewList:     func() runtime.Object { return &core.KubeFedClusterList{} },
		Desired:     func(cluster *core.KubeFedCluster) any { return cluster.Spec },
		KeepDesired: func(to, from *core.KubeFedCluster) { to.Spec = from.Spec },
		KeepStatus:  func(to, from *core.KubeFedCluster) { to.Status = from.Status },
		Begin: func(cluster *core.KubeFedCluster, now metav1.Time) {
			cluster.Status.Conditions = []core.ClusterCondition{{
				Type: core.ClusterReady, Status: corev1.ConditionUnknown, LastProbeTime: now, LastTransitionTime: &now,
				Reason: ptr.To(static.ReasonUnseen), Message: ptr.To(static.MessageUnseen),
			}}
		},

		Validate:       validation.ValidateKubeFedCluster,
		ValidateUpdate: validation.ValidateKubeFedClusterUpdate,
		ValidateStatus: validation.ValidateKubeFedClusterStatusUpdate,
		Warnings:       validation.KubeFedClusterWarnings,

		Columns: []column{
			{
				Name: "Ready", Description: "Whether the member answers its health check: True, False or Unknown.",
				Cell: readiness,
			},
			{
				Name: "Version", Description: "The version of Kubernetes that the member reports.",
				Cell: func(cluster *core.KubeFedCluster) string { return cluster.Status.KubernetesVersion },
			},
			{
				Name: "Region", Description: "The region of the member's nodes.", Priority: table.Wide,
				Cell: region,
			},
			{
				Name: "Endpoint", Description: "The address of the member's API server.", Priority: table.Wide,
				Cell: func(cluster *core.KubeFedCluster) string { return cluster.Spec.APIEndpoint },
			},
		},
	}
}

func readiness(cluster *core.KubeFedCluster) string {
	for _, condition := range cluster.Status.Conditions {
		if condition.Type == core.ClusterReady {
			return string(condition.Status)
		}
	}
	return "Unknown"
}

func region(cluster *core.KubeFedCluster) string {
	if cluster.Status.Region == nil {
		return ""
	}
	return *cluster.Status.Region
}
