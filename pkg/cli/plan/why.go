package plan

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// mentioned is how many clusters of a list a reason repeats.
const mentioned = 5

// why says which rules decide about a cluster.
func (p *Plan) why(c *Cluster) []string {
	if c.Member == nil {
		return []string{"there is no KubeFedCluster of this name"}
	}
	reasons := []string{because("placement", &p.Object.Spec.Placement, c)}
	switch {
	case !p.needsNamespace:
	case p.Namespace == nil:
		reasons = append(reasons, fmt.Sprintf("namespace %s has no FederatedNamespace", p.Object.Namespace))
	default:
		reasons = append(reasons, because("FederatedNamespace "+p.Namespace.Name, &p.Namespace.Spec.Placement, c))
	}
	return reasons
}

// because puts the rule of a placement that decides about a cluster into words.
func because(subject string, p *typesv1beta1.Placement, c *Cluster) string {
	switch {
	case p.Clusters != nil:
		names := make([]string, 0, len(p.Clusters))
		for _, reference := range p.Clusters {
			names = append(names, reference.Name)
		}
		switch {
		case len(names) == 0:
			return subject + ": the list of clusters is empty, which selects none"
		case slices.Contains(names, c.Name):
			return subject + ": the list of clusters names it"
		case len(names) > mentioned:
			names = append(names[:mentioned], fmt.Sprintf("and %d more", len(names)-mentioned))
		}
		return fmt.Sprintf("%s: the list of clusters does not name it (%s)", subject, strings.Join(names, ", "))
	case p.ClusterSelector == nil:
		return subject + ": there is neither a list of clusters nor a selector, which selects none"
	}
	selector, err := metav1.LabelSelectorAsSelector(p.ClusterSelector)
	switch {
	case err != nil:
		return fmt.Sprintf("%s: the selector is invalid: %v", subject, err)
	case selector.Empty():
		return subject + ": the selector is empty, which selects every cluster"
	case selector.Matches(labels.Set(c.Member.Labels)):
		return fmt.Sprintf("%s: the selector %s matches its labels", subject, selector)
	}
	return fmt.Sprintf("%s: the selector %s does not match its labels (%s)", subject, selector, orNone(labels.Set(c.Member.Labels).String()))
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
