package authorauthorization

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	kjson "sigs.k8s.io/json"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// mostVariants bounds the work for one write.
const mostVariants = 1024

// variants are the objects that a federated object can become in some member,
// whatever the members are and whatever labels they will have.
type variants struct {
	objects []*overrides.Rendered
	// incomplete says that there are more than anybody looks at.
	incomplete bool
}

// variantsOf renders obj with every choice of overrides that can meet in a cluster:
// those that name it, one entry at most, and some of those that select by labels.
// A choice that does not apply to the template is written nowhere.
func variantsOf(obj *typesv1beta1.FederatedObject, t *target) variants {
	identity := overrides.Target{APIVersion: t.version, Kind: t.kind, Name: obj.Name}
	if t.namespaced {
		identity.Namespace = obj.Namespace
	}
	renderer, err := overrides.NewRenderer(obj, identity)
	if err != nil {
		return variants{incomplete: true}
	}
	var selecting []int
	naming := []int{-1} // and none
	for i := range obj.Spec.Overrides {
		if obj.Spec.Overrides[i].ClusterSelector != nil {
			selecting = append(selecting, i)
		} else {
			naming = append(naming, i)
		}
	}
	if len(selecting) > 10 || len(naming)<<len(selecting) > mostVariants {
		return variants{incomplete: true}
	}
	var v variants
	seen := sets.New[string]()
	for choice := range 1 << len(selecting) {
		for _, named := range naming {
			var entries []int
			for i, index := range selecting {
				if choice&(1<<i) != 0 {
					entries = append(entries, index)
				}
			}
			if named >= 0 {
				entries = append(entries, named)
				slices.Sort(entries)
			}
			rendered, err := renderer.RenderEntries(entries...)
			if err != nil || seen.Has(rendered.Hash) {
				continue
			}
			seen.Insert(rendered.Hash)
			v.objects = append(v.objects, rendered)
		}
	}
	return v
}

// groups are those that the objects are of, sorted.
func (v variants) groups() []string {
	groups := sets.New[string]()
	for _, object := range v.objects {
		if gv, err := schema.ParseGroupVersion(object.APIVersion); err == nil {
			groups.Insert(gv.Group)
		}
	}
	return sets.List(groups)
}

// labels are those of each object.
func (v variants) labels() ([]map[string]string, error) {
	var all []map[string]string
	for _, object := range v.objects {
		var meta struct {
			Metadata struct {
				Labels map[string]string `json:"labels"`
			} `json:"metadata"`
		}
		// As an API server reads it: keys in another case are other keys.
		if err := kjson.UnmarshalCaseSensitivePreserveInts(object.JSON, &meta); err != nil {
			return nil, fmt.Errorf("labels: %w", err)
		}
		all = append(all, meta.Metadata.Labels)
	}
	return all, nil
}

// reachesAPIVersion says whether an override may change what type an object is of.
func reachesAPIVersion(obj *typesv1beta1.FederatedObject) bool {
	for i := range obj.Spec.Overrides {
		for _, override := range obj.Spec.Overrides[i].ClusterOverrides {
			pointer, _, err := overrides.Pointer(override.Path)
			if err != nil {
				return true
			}
			if segments := overrides.Segments(pointer); len(segments) == 0 || segments[0] == "apiVersion" || segments[0] == "" {
				return true
			}
		}
	}
	return false
}
