package scheduling

import (
	"encoding/json"
	"fmt"
	"slices"

	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// planRecord is what an annotation of the federated object keeps of the last plan.
type planRecord struct {
	// Clusters is what was written to spec.placement.clusters, sorted.
	Clusters []string `json:"clusters"`
	// Replicas is what was written as override, by cluster.
	Replicas map[string]int64 `json:"replicas"`
	// Waiting are the clusters that are not ready, and whose replicas were planned
	// elsewhere. They keep their copy and its number of replicas.
	Waiting []string `json:"waiting,omitempty"`
	// Before is what the user had in their place.
	Before before `json:"before"`
}

// before is what a plan took the place of.
type before struct {
	// Clusters was spec.placement.clusters; null if it was absent.
	Clusters []string `json:"clusters"`
	// Overrides were the user's own overrides of /spec/replicas, by cluster.
	Overrides map[string]typesv1beta1.ClusterOverride `json:"overrides,omitempty"`
}

// recordOf returns the record of an object, nil if it has none. A record that
// cannot be read is an error: what it would tell apart is not to be guessed.
func recordOf(obj *typesv1beta1.FederatedObject) (*planRecord, error) {
	text, ok := obj.Annotations[schedulingv1alpha1.SchedulingAnnotation]
	if !ok {
		return nil, nil
	}
	r := &planRecord{}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		return nil, fmt.Errorf("annotation %s: %w", schedulingv1alpha1.SchedulingAnnotation, err)
	}
	return r, nil
}

func (r *planRecord) isWaiting(cluster string) bool {
	return r != nil && slices.Contains(r.Waiting, cluster)
}

// has says whether replicas were written for a cluster.
func (r *planRecord) has(cluster string) bool {
	if r == nil {
		return false
	}
	_, ok := r.Replicas[cluster]
	return ok
}

// stated returns the placement that the user wrote: that of the object, unless the
// list of clusters is the one that the last plan wrote.
func stated(obj *typesv1beta1.FederatedObject, r *planRecord) typesv1beta1.Placement {
	placement := obj.Spec.Placement
	if isOurs(placement, r) {
		placement.Clusters = references(r.Before.Clusters)
	}
	return placement
}

// isOurs says whether the list of clusters is the one that the last plan wrote.
func isOurs(placement typesv1beta1.Placement, r *planRecord) bool {
	return r != nil && placement.Clusters != nil && slices.Equal(namesOf(placement.Clusters), r.Clusters)
}

// namesOf returns the names in a list of clusters, sorted; nil if it is absent.
func namesOf(clusters []typesv1beta1.ClusterReference) []string {
	if clusters == nil {
		return nil
	}
	names := make([]string, 0, len(clusters))
	for _, cluster := range clusters {
		names = append(names, cluster.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// references makes a list of clusters; nil makes none.
func references(names []string) []typesv1beta1.ClusterReference {
	if names == nil {
		return nil
	}
	list := make([]typesv1beta1.ClusterReference, 0, len(names))
	for _, name := range names {
		list = append(list, typesv1beta1.ClusterReference{Name: name})
	}
	return list
}
