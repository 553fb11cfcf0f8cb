package plan

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/jsondiff"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// Effect is what one override does to the object of a cluster.
type Effect struct {
	// Where is the override: spec.overrides[0].clusterOverrides[1].
	Where string
	// Reason says why it is for the cluster.
	Reason string
	// Op and Path of the override, op with its default.
	Op, Path string
	// Changes are those that it makes, after the overrides before it; none if it
	// changes nothing.
	Changes []jsondiff.Change
	// Err says that it does not apply. No later override is then looked at.
	Err error
}

// Effects returns what every override for a selected cluster does. Each is found
// by rendering the object with it and without it.
func (p *Plan) Effects(c *Cluster) []Effect {
	if !c.Selected || p.renderer == nil {
		return nil
	}
	// A copy without overrides, to which they are added one by one.
	object := p.Object.DeepCopy()
	object.Spec.Overrides = nil
	target := overrides.Cluster{Name: c.Name, Labels: c.Member.Labels}
	render := func() (*overrides.Rendered, error) {
		return overrides.Render(object, Target(p.Type, object), target, c.Exists())
	}
	before, err := render()
	if err != nil {
		return nil
	}
	var effects []Effect
	for i := range p.Object.Spec.Overrides {
		entry := p.Object.Spec.Overrides[i]
		reason, applies := appliesTo(&entry, target)
		if !applies {
			continue
		}
		given := entry.ClusterOverrides
		entry.ClusterOverrides = nil
		object.Spec.Overrides = append(object.Spec.Overrides, entry)
		current := &object.Spec.Overrides[len(object.Spec.Overrides)-1]
		for j := range given {
			effect := Effect{
				Where: fmt.Sprintf("spec.overrides[%d].clusterOverrides[%d]", i, j), Reason: reason,
				Op: given[j].Op, Path: given[j].Path,
			}
			if effect.Op == "" {
				effect.Op = typesv1beta1.OverrideOpReplace
			}
			current.ClusterOverrides = given[:j+1]
			after, err := render()
			if err != nil {
				effect.Err = err
				return append(effects, effect)
			}
			effect.Changes, effect.Err = jsondiff.Compare(before.JSON, after.JSON)
			effects = append(effects, effect)
			before = after
		}
	}
	return effects
}

func appliesTo(entry *typesv1beta1.ClusterOverrides, cluster overrides.Cluster) (reason string, applies bool) {
	if entry.ClusterSelector == nil {
		return "clusterName " + entry.ClusterName, entry.ClusterName == cluster.Name
	}
	selector, err := metav1.LabelSelectorAsSelector(entry.ClusterSelector)
	if err != nil {
		return "", false
	}
	if selector.Empty() {
		return "clusterSelector: every cluster", true
	}
	return "clusterSelector " + selector.String(), selector.Matches(labels.Set(cluster.Labels))
}
