package soak

import (
	"maps"
	"slices"
	"strconv"
)

// The resources of the copies.
const (
	configMaps  = "configmaps"
	secrets     = "secrets"
	deployments = "deployments"
	namespaces  = "namespaces"
)

// key names a federated object by the resource of its copies.
type key struct {
	Resource  string `json:"resource"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (k key) String() string { return k.Resource + " " + k.Namespace + "/" + k.Name }

// target is a copy: where it is, and of what.
type target struct {
	Member string
	Key    key
}

// value is what a client wants a federated object to be.
type value struct {
	// Edit names the edit that asked for it; it is stored with the object.
	Edit string `json:"edit"`
	// Absent says that there shall be no such object.
	Absent bool `json:"absent,omitempty"`
	// Orphan says that copies that are not wanted any more stay. Of an absent object, whether they may have to stay, and
	// Removes, whether they may have to go: the answer to the edit before may have been lost.
	Orphan  bool `json:"orphan,omitempty"`
	Removes bool `json:"removes,omitempty"`

	// Clusters are named, unless nil. Selector counts only then.
	Clusters []string          `json:"clusters,omitzero"`
	Selector map[string]string `json:"selector,omitzero"`

	// AllowEmpty says that it is meant when no cluster is selected.
	AllowEmpty bool `json:"allowEmpty,omitempty"`

	// Data is that of a ConfigMap or a Secret, or the labels of a namespace; of a Deployment it has replicas and image.
	Data      map[string]string `json:"data,omitempty"`
	Overrides []override        `json:"overrides,omitempty"`
}

// override changes one key of the data in one cluster, or in those with labels.
type override struct {
	Cluster  string            `json:"cluster,omitempty"`
	Selector map[string]string `json:"selector,omitzero"`
	Key      string            `json:"key"`
	Value    string            `json:"value,omitempty"`
	// Remove takes the key out, which must be in the data.
	Remove bool `json:"remove,omitempty"`
}

// membership is what a cluster is to the federation.
type membership struct {
	Joined bool              `json:"joined"`
	Labels map[string]string `json:"labels,omitempty"`
}

// selects says whether the placement of an object is for a cluster.
func (v *value) selects(name string, cluster *membership) bool {
	switch {
	case v.Absent || !cluster.Joined:
		return false
	case v.Clusters != nil:
		return slices.Contains(v.Clusters, name)
	case v.Selector != nil:
		return matches(v.Selector, cluster.Labels)
	}
	return false
}

// wanted says whether there shall be a copy in a cluster. namespace is the FederatedNamespace of the object, nil if the
// object is that itself.
func wanted(v, namespace *value, name string, cluster *membership) bool {
	return v.selects(name, cluster) && (namespace == nil || namespace.selects(name, cluster))
}

// rendered is the data of the copy in a cluster.
func (v *value) rendered(name string, cluster *membership) map[string]string {
	data := maps.Clone(v.Data)
	if data == nil {
		data = map[string]string{}
	}
	for _, o := range v.Overrides {
		if o.Cluster != "" && o.Cluster != name || o.Cluster == "" && !matches(o.Selector, cluster.Labels) {
			continue
		}
		if o.Remove {
			delete(data, o.Key)
		} else {
			data[o.Key] = o.Value
		}
	}
	return data
}

// matches says whether labels have all of a selector; an empty selector is for all.
func matches(selector, labels map[string]string) bool {
	for k, want := range selector {
		if got, ok := labels[k]; !ok || got != want {
			return false
		}
	}
	return true
}

// replicas of a Deployment.
func replicas(data map[string]string) int64 {
	n, err := strconv.ParseInt(data["replicas"], 10, 64)
	if err != nil {
		panic(err) // the generator writes numbers
	}
	return n
}
