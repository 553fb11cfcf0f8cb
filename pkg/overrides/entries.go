package overrides

import (
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Cluster is what overrides look at in a member cluster.
type Cluster struct {
	// Name of the KubeFedCluster.
	Name string
	// Labels of the KubeFedCluster.
	Labels map[string]string
}

// entry is one of spec.overrides.
type entry struct {
	index     int
	overrides []typesv1beta1.ClusterOverride
	// selector is nil in an entry for a cluster by its name.
	selector labels.Selector
}

// entries finds the overrides of a cluster.
type entries struct {
	all []*entry
	// named has the entries by the name of their cluster; more than one for a
	// cluster is an error of that cluster.
	named map[string][]*entry
	// selecting has those with a selector.
	selecting []*entry
	// err says that a selector is invalid: nobody knows then what is for whom.
	err error
}

func entriesOf(list []typesv1beta1.ClusterOverrides) entries {
	e := entries{named: make(map[string][]*entry, len(list))}
	for i := range list {
		item := &list[i]
		one := &entry{index: i, overrides: item.ClusterOverrides}
		e.all = append(e.all, one)
		if item.ClusterSelector == nil {
			e.named[item.ClusterName] = append(e.named[item.ClusterName], one)
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(item.ClusterSelector)
		if err == nil && item.ClusterName != "" {
			err = errors.New("clusterName must not be given too")
		}
		if err != nil {
			e.err = errors.Join(e.err, fmt.Errorf("spec.overrides[%d].clusterSelector: %w", i, err))
			continue
		}
		one.selector = selector
		e.selecting = append(e.selecting, one)
	}
	return e
}

// of returns the entries for a cluster, in the order of the list.
func (e *entries) of(cluster Cluster) ([]*entry, error) {
	if e.err != nil {
		return nil, e.err
	}
	matching := e.named[cluster.Name]
	if len(matching) > 1 {
		return nil, errors.New("the cluster appears more than once")
	}
	if len(e.selecting) == 0 {
		return matching, nil
	}
	matching = slices.Clone(matching)
	for _, one := range e.selecting {
		if one.selector.Matches(labels.Set(cluster.Labels)) {
			matching = append(matching, one)
		}
	}
	slices.SortFunc(matching, func(a, b *entry) int { return a.index - b.index })
	return matching, nil
}
