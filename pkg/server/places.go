package server

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// places evaluates placements by what this replica knows, for
// federatedtypes.Config.
type places struct {
	clusters *knownClusters
	types    *lateTypes
}

// of returns the clusters that an object of a kind is for, none while that is not
// known: the propagation, which decides, records what is missing then.
func (p places) of(ctx context.Context, kind *federatedtypes.Kind, obj *typesv1beta1.FederatedObject) []string {
	known := p.clusters.labels()
	clusters := make([]placement.Cluster, 0, len(known))
	for name, labels := range known {
		clusters = append(clusters, placement.Cluster{Name: name, Labels: labels})
	}
	var allowed *typesv1beta1.Placement
	namespaced := kind.TypeConfig().Spec.TargetType.Scope == corev1beta1.NamespaceScoped
	if namespaced {
		namespaces := p.namespaces()
		if namespaces == nil {
			return nil
		}
		namespace, err := namespaces.GetCached(ctx, obj.Namespace, obj.Namespace)
		if err != nil || namespace.DeletionTimestamp != nil {
			return nil
		}
		allowed = &namespace.Spec.Placement
	}
	decided, err := placement.Decide(obj.Spec.Placement, namespaced, allowed, clusters)
	if err != nil {
		return nil // the propagation reports it
	}
	return decided.Clusters.UnsortedList()
}

// namespaces returns the kind of FederatedNamespaces, nil if there is none.
func (p places) namespaces() *federatedtypes.Kind {
	if p.types.types == nil {
		return nil
	}
	for _, kind := range p.types.types.Kinds() {
		target := kind.TypeConfig().Spec.TargetType
		if target.Group == corev1.GroupName && target.Kind == "Namespace" {
			return kind
		}
	}
	return nil
}
