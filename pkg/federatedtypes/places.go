package federatedtypes

import (
	"cmp"
	"context"
	"slices"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// recordPlaces adds the members that obj is for to its status. That an object is
// recorded before anything is written to a member lets no crash lose sight of a
// copy; what is recorded without need costs one look at the member.
func (s strategy) recordPlaces(ctx context.Context, obj *typesv1beta1.FederatedObject) {
	if s.config.Places == nil || !s.kind.propagates() || obj.DeletionTimestamp != nil || isOnTrial(ctx) {
		return
	}
	recorded := make(map[string]struct{}, len(obj.Status.Clusters))
	for i := range obj.Status.Clusters {
		recorded[obj.Status.Clusters[i].Name] = struct{}{}
	}
	clusters := slices.Clone(obj.Status.Clusters)
	for _, name := range s.config.Places(ctx, s.kind, obj) {
		if _, ok := recorded[name]; !ok {
			clusters = append(clusters, typesv1beta1.ClusterStatus{
				Name: name, Status: typesv1beta1.Pending, ObservedGeneration: obj.Generation,
			})
		}
	}
	slices.SortFunc(clusters, func(a, b typesv1beta1.ClusterStatus) int { return cmp.Compare(a.Name, b.Name) })
	obj.Status.Clusters = clusters
}
