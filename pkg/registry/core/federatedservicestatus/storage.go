// Package federatedservicestatus serves federatedservicestatuses: the status of a
// service in all members. KubeFed stores them; here they are computed from the
// status that the FederatedService has collected.
package federatedservicestatus

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubefederation/federation-apiserver/apis/core"
	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/registry/core/view"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
)

const statusKind = "FederatedServiceStatus"

// NewREST makes the storage of federatedservicestatuses.
func NewREST(types *federatedtypes.Server) *view.REST {
	return view.New(view.Definition{
		Resource:   core.Resource("federatedservicestatuses"),
		Singular:   "federatedservicestatus",
		Namespaced: true,
		Shows:      shows,
		Prefix:     func(*corev1beta1.FederatedTypeConfig) string { return "" },
		New:        func() runtime.Object { return &core.FederatedServiceStatus{} },
		NewList:    func() runtime.Object { return &core.FederatedServiceStatusList{} },
		Append: func(list runtime.Object, items []runtime.Object) {
			typed := list.(*core.FederatedServiceStatusList)
			typed.Items = make([]core.FederatedServiceStatus, 0, len(items))
			for _, item := range items {
				typed.Items = append(typed.Items, *item.(*core.FederatedServiceStatus))
			}
		},
		Compute: compute,
		Table: table.NewConvertor(table.Column[*core.FederatedServiceStatus]{
			Name: "Clusters", Description: "The number of members whose status is known.",
			Cell: func(status *core.FederatedServiceStatus) string { return fmt.Sprint(len(status.ClusterStatus)) },
		}),
	}, types)
}

// shows reports whether the type is one of services whose status is collected.
func shows(config *corev1beta1.FederatedTypeConfig) bool {
	target, status := config.Spec.TargetType, config.Spec.StatusType
	return target.Group == "" && target.Kind == "Service" && status != nil && status.Kind == statusKind && status.Group == core.GroupName
}

func compute(metadata metav1.ObjectMeta, obj *typesv1beta1.FederatedObject) (runtime.Object, error) {
	result := &core.FederatedServiceStatus{ObjectMeta: metadata}
	for _, cluster := range obj.Status.Clusters {
		if cluster.RemoteStatus == nil || len(cluster.RemoteStatus.Raw) == 0 {
			continue
		}
		var status corev1.ServiceStatus
		if err := json.Unmarshal(cluster.RemoteStatus.Raw, &status); err != nil {
			return nil, fmt.Errorf("status in %s: %w", cluster.Name, err)
		}
		result.ClusterStatus = append(result.ClusterStatus, core.FederatedServiceClusterStatus{ClusterName: cluster.Name, Status: status})
	}
	slices.SortFunc(result.ClusterStatus, func(a, b core.FederatedServiceClusterStatus) int {
		return cmp.Compare(a.ClusterName, b.ClusterName)
	})
	return result, nil
}
