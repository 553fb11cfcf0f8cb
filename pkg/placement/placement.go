// Package placement decides which member clusters a federated object is for.
//
// It looks at the registered clusters only, ready or not: a cluster that is not
// ready stays selected, and the caller reports it.
package placement

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Cluster is what a placement looks at in a registered member cluster.
type Cluster struct {
	// Name of the KubeFedCluster.
	Name string
	// Labels of the KubeFedCluster.
	Labels map[string]string
}

// Decision is the outcome of Decide.
type Decision struct {
	// Clusters are the names of the selected members, never nil.
	Clusters sets.Set[string]
	// Own are those that the placement of the object alone selects.
	Own sets.Set[string]
	// NamespaceNotFederated says that nothing is selected because the namespace
	// of the object has no FederatedNamespace.
	NamespaceNotFederated bool
}

// Select evaluates one placement against the registered clusters:
//
//   - a list of clusters, even an empty one, decides alone; names that are not
//     registered are left out;
//   - without a list the selector decides; an empty one selects every cluster;
//   - with neither, no cluster is selected.
//
// The error says that the selector is invalid.
func Select(p typesv1beta1.Placement, clusters []Cluster) (sets.Set[string], error) {
	selected := sets.New[string]()
	if p.Clusters != nil {
		wanted := sets.New[string]()
		for _, reference := range p.Clusters {
			wanted.Insert(reference.Name)
		}
		for _, cluster := range clusters {
			if wanted.Has(cluster.Name) {
				selected.Insert(cluster.Name)
			}
		}
		return selected, nil
	}

	// A nil selector becomes one that matches nothing, an empty one a selector
	// that matches everything.
	selector, err := metav1.LabelSelectorAsSelector(p.ClusterSelector)
	if err != nil {
		return nil, fmt.Errorf("invalid clusterSelector: %w", err)
	}
	for _, cluster := range clusters {
		if selector.Matches(labels.Set(cluster.Labels)) {
			selected.Insert(cluster.Name)
		}
	}
	return selected, nil
}

// Decide evaluates the placement of an object whose target is namespaced or
// not. A namespaced target goes only where its namespace goes too: namespace is
// the placement of the FederatedNamespace of the object's namespace, nil if
// there is none. A FederatedNamespace itself counts as not namespaced, and so
// does an object without a FederatedNamespace in a control plane that is
// confined to one namespace.
//
// The error says that one of the placements is invalid; nothing is to be
// concluded then, least of all that no cluster is selected.
func Decide(obj typesv1beta1.Placement, namespaced bool, namespace *typesv1beta1.Placement, clusters []Cluster) (Decision, error) {
	selected, err := Select(obj, clusters)
	if err != nil {
		return Decision{}, fmt.Errorf("placement: %w", err)
	}
	if !namespaced {
		return Decision{Clusters: selected, Own: selected}, nil
	}
	if namespace == nil {
		return Decision{Clusters: sets.New[string](), Own: selected, NamespaceNotFederated: true}, nil
	}
	allowed, err := Select(*namespace, clusters)
	if err != nil {
		return Decision{}, fmt.Errorf("placement of the FederatedNamespace: %w", err)
	}
	return Decision{Clusters: selected.Intersection(allowed), Own: selected}, nil
}
