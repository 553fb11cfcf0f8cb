// Package propagatedversion serves propagatedversions and clusterpropagatedversions:
// which version of a federated object each member has. KubeFed stores them; here
// they are computed from the federated objects.
package propagatedversion

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubefederation/federation-apiserver/apis/core"
	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/registry/core/view"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
)

// NewREST makes the storage of propagatedversions.
func NewREST(types *federatedtypes.Server) *view.REST {
	return view.New(view.Definition{
		Resource:   core.Resource("propagatedversions"),
		Singular:   "propagatedversion",
		Namespaced: true,
		Shows:      shows,
		Prefix:     prefix,
		New:        func() runtime.Object { return &core.PropagatedVersion{} },
		NewList:    func() runtime.Object { return &core.PropagatedVersionList{} },
		Append: func(list runtime.Object, items []runtime.Object) {
			typed := list.(*core.PropagatedVersionList)
			typed.Items = make([]core.PropagatedVersion, 0, len(items))
			for _, item := range items {
				typed.Items = append(typed.Items, *item.(*core.PropagatedVersion))
			}
		},
		Compute: func(metadata metav1.ObjectMeta, obj *typesv1beta1.FederatedObject) (runtime.Object, error) {
			status, err := statusOf(obj)
			return &core.PropagatedVersion{ObjectMeta: metadata, Status: status}, err
		},
		Table: table.NewConvertor(columns(func(version *core.PropagatedVersion) *core.PropagatedVersionStatus { return &version.Status })...),
	}, types)
}

// NewClusterREST makes the storage of clusterpropagatedversions.
func NewClusterREST(types *federatedtypes.Server) *view.REST {
	return view.New(view.Definition{
		Resource: core.Resource("clusterpropagatedversions"),
		Singular: "clusterpropagatedversion",
		Shows:    shows,
		Prefix:   prefix,
		New:      func() runtime.Object { return &core.ClusterPropagatedVersion{} },
		NewList:  func() runtime.Object { return &core.ClusterPropagatedVersionList{} },
		Append: func(list runtime.Object, items []runtime.Object) {
			typed := list.(*core.ClusterPropagatedVersionList)
			typed.Items = make([]core.ClusterPropagatedVersion, 0, len(items))
			for _, item := range items {
				typed.Items = append(typed.Items, *item.(*core.ClusterPropagatedVersion))
			}
		},
		Compute: func(metadata metav1.ObjectMeta, obj *typesv1beta1.FederatedObject) (runtime.Object, error) {
			status, err := statusOf(obj)
			return &core.ClusterPropagatedVersion{ObjectMeta: metadata, Status: status}, err
		},
		Table: table.NewConvertor(columns(func(version *core.ClusterPropagatedVersion) *core.PropagatedVersionStatus { return &version.Status })...),
	}, types)
}

func shows(*corev1beta1.FederatedTypeConfig) bool { return true }

// prefix is the kind of the target in lower case.
func prefix(config *corev1beta1.FederatedTypeConfig) string {
	return strings.ToLower(config.Spec.TargetType.Kind) + "-"
}

// statusOf says which member has obj as it is now. A member whose copy is another
// one, or of which that is not known yet, is not in it.
func statusOf(obj *typesv1beta1.FederatedObject) (core.PropagatedVersionStatus, error) {
	template, err := TemplateHash(&obj.Spec)
	if err != nil {
		return core.PropagatedVersionStatus{}, err
	}
	overrides, err := OverridesHash(&obj.Spec)
	if err != nil {
		return core.PropagatedVersionStatus{}, err
	}
	status := core.PropagatedVersionStatus{TemplateVersion: template, OverridesVersion: overrides}
	if obj.Status.ObservedGeneration != obj.Generation {
		return status, nil
	}
	for _, cluster := range obj.Status.Clusters {
		if cluster.Status == typesv1beta1.ClusterPropagationOK && cluster.Version != "" {
			status.ClusterVersions = append(status.ClusterVersions, core.ClusterObjectVersion{ClusterName: cluster.Name, Version: cluster.Version})
		}
	}
	slices.SortFunc(status.ClusterVersions, func(a, b core.ClusterObjectVersion) int { return cmp.Compare(a.ClusterName, b.ClusterName) })
	return status, nil
}

func columns[T runtime.Object](status func(T) *core.PropagatedVersionStatus) []table.Column[T] {
	return []table.Column[T]{
		{
			Name: "Clusters", Description: "The number of members that have the object as it is now.",
			Cell: func(version T) string { return fmt.Sprint(len(status(version).ClusterVersions)) },
		},
		{
			Name: "Template", Description: "A hash of the template.", Priority: table.Wide,
			Cell: func(version T) string { return status(version).TemplateVersion },
		},
		{
			Name: "Overrides", Description: "A hash of the overrides.", Priority: table.Wide,
			Cell: func(version T) string { return status(version).OverridesVersion },
		},
	}
}
