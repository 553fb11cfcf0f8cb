package unjoin

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// dataResources are those whose objects take with them what no manifest brings
// back: the contents of a volume, all objects of a type. A namespace is not one of
// them, as it goes only when it is empty.
var dataResources = []schema.GroupResource{
	{Resource: "persistentvolumeclaims"},
	{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"},
}

// withoutData divides copies into those that hold data, which stay, and the rest.
func withoutData(copies []copied) (rest, data []copied) {
	for _, one := range copies {
		if slices.Contains(dataResources, one.resource.GroupResource()) {
			data = append(data, one)
		} else {
			rest = append(rest, one)
		}
	}
	return rest, data
}

// dividedByPolicy returns the copies that are to be deleted and those to be let go.
func (o *Options) dividedByPolicy(copies []copied) (deleted, letGo []copied) {
	switch {
	case o.Policy == PolicyOrphan:
		return nil, copies
	case o.IncludingData:
		return copies, nil
	default:
		return withoutData(copies)
	}
}
