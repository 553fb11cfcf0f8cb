package types

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// ClusterWarnings tells what an object that is valid asks for that has no effect,
// or more of it than its author may think, with the clusters that there are now:
// clusters has their labels by name. Nothing of it is an error, as clusters come
// and go.
func ClusterWarnings(obj *typesv1beta1.FederatedObject, clusters map[string]map[string]string) []string {
	var warnings []string
	warn := func(path, message string) { warnings = append(warnings, path+": "+message) }
	placement := &obj.Spec.Placement
	for i, reference := range placement.Clusters {
		if _, joined := clusters[reference.Name]; !joined {
			warn(fmt.Sprintf("spec.placement.clusters[%d].name", i), notJoined(reference.Name))
		}
	}
	if selector := placement.ClusterSelector; placement.Clusters == nil && selector != nil {
		const path = "spec.placement.clusterSelector"
		switch count := matching(selector, clusters); {
		case count == 0:
			warn(path, selectsNone(len(clusters)))
		case count == len(clusters) && count > 1 && !selectsEverything(selector):
			warn(path, fmt.Sprintf("selects all %d clusters", count))
		}
	}
	for i := range obj.Spec.Overrides {
		entry := &obj.Spec.Overrides[i]
		path := fmt.Sprintf("spec.overrides[%d]", i)
		if entry.ClusterSelector != nil {
			if matching(entry.ClusterSelector, clusters) == 0 {
				warn(path+".clusterSelector", selectsNone(len(clusters)))
			}
			continue
		}
		if _, joined := clusters[entry.ClusterName]; !joined {
			warn(path+".clusterName", notJoined(entry.ClusterName))
		}
	}
	return bounded(warnings)
}

// WideningWarnings tells of a change with which an empty selector comes to select
// all clusters, as it does when the list of clusters is taken away that decided
// before.
func WideningWarnings(obj, old *typesv1beta1.FederatedObject, clusters map[string]map[string]string) []string {
	placement := &obj.Spec.Placement
	if placement.Clusters != nil || placement.ClusterSelector == nil || !selectsEverything(placement.ClusterSelector) || len(clusters) < 2 {
		return nil
	}
	before := selecting(&old.Spec.Placement, clusters)
	if before == len(clusters) {
		return nil
	}
	return []string{fmt.Sprintf("spec.placement.clusterSelector: selects all %d clusters, where %d were selected before", len(clusters), before)}
}

// selecting counts the clusters that a placement selects.
func selecting(placement *typesv1beta1.Placement, clusters map[string]map[string]string) int {
	if placement.Clusters == nil {
		return max(0, matching(placement.ClusterSelector, clusters))
	}
	count := 0
	for _, reference := range placement.Clusters {
		if _, joined := clusters[reference.Name]; joined {
			count++
		}
	}
	return count
}

// warningsAtMost keeps the answer to a write small.
const warningsAtMost = 10

func bounded(warnings []string) []string {
	if len(warnings) <= warningsAtMost {
		return warnings
	}
	more := len(warnings) - warningsAtMost
	return append(warnings[:warningsAtMost], fmt.Sprintf("and %d more of the kind", more))
}

func notJoined(name string) string {
	return fmt.Sprintf("there is no cluster %q now", name)
}

func selectsNone(clusters int) string {
	if clusters == 0 {
		return "there are no clusters now"
	}
	return fmt.Sprintf("selects none of the %d clusters", clusters)
}

func selectsEverything(selector *metav1.LabelSelector) bool {
	return len(selector.MatchLabels) == 0 && len(selector.MatchExpressions) == 0
}

// matching counts the clusters that a selector matches.
func matching(selector *metav1.LabelSelector, clusters map[string]map[string]string) int {
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return -1 // that is an error already
	}
	count := 0
	for _, of := range clusters {
		if compiled.Matches(labels.Set(of)) {
			count++
		}
	}
	return count
}
