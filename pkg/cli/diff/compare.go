package diff

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"sigs.k8s.io/yaml"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
	"github.com/kubefederation/federation-apiserver/pkg/cli/plan"
	"github.com/kubefederation/federation-apiserver/pkg/cli/secret"
)

// action is what an apply does to a copy.
type action string

const (
	added   action = "added"
	changed action = "changed"
	removed action = "removed"
	letGo   action = "let go"
)

// difference is what becomes of the copies in some clusters, the same in all.
type difference struct {
	action   action
	clusters []string
	// patch is in the unified format.
	patch string
}

// compare returns what becomes of the copies between two plans; before is nil for
// an object that is not there yet.
func compare(before, after *plan.Plan, showSecrets bool) ([]difference, error) {
	var differences []difference
	for _, name := range clusterNames(before, after) {
		then := after.Find(name)
		var now *plan.Cluster
		if before != nil {
			now = before.Find(name)
		}
		one, err := compareIn(name, now, then, after.Object, showSecrets)
		if err != nil {
			return nil, err
		}
		if one == nil {
			continue
		}
		i := slices.IndexFunc(differences, func(d difference) bool { return d.action == one.action && d.patch == one.patch })
		if i >= 0 {
			differences[i].clusters = append(differences[i].clusters, name)
			continue
		}
		differences = append(differences, *one)
	}
	return differences, nil
}

func clusterNames(plans ...*plan.Plan) []string {
	var names []string
	for _, p := range plans {
		if p == nil {
			continue
		}
		for i := range p.Clusters {
			names = append(names, p.Clusters[i].Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// compareIn returns what becomes of the copy in one cluster, nil if nothing.
func compareIn(name string, now, then *plan.Cluster, object *typesv1beta1.FederatedObject, showSecrets bool) (*difference, error) {
	is, willBe := now != nil && now.Selected, then != nil && then.Selected
	if willBe && then.Err != nil {
		return nil, fmt.Errorf("for cluster %s: %w", name, then.Err)
	}
	one := &difference{clusters: []string{name}}
	switch {
	case is && willBe:
		one.action = changed
	case willBe:
		one.action = added
	case is && object.Annotations[typesv1beta1.OrphanAnnotation] == "true":
		one.action = letGo
	case is:
		one.action = removed
	default:
		return nil, nil
	}
	from, err := decode(now)
	if err != nil {
		return nil, err
	}
	to, err := decode(then)
	if err != nil {
		return nil, err
	}
	if !showSecrets {
		secret.MaskPair(from, to)
	}
	fromText, err := lines(from)
	if err != nil {
		return nil, err
	}
	toText, err := lines(to)
	if err != nil {
		return nil, err
	}
	one.patch, err = difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: fromText, B: toText, FromFile: "now", ToFile: "after", Context: 3})
	if err != nil {
		return nil, fmt.Errorf("comparing: %w", err)
	}
	if one.action == changed && one.patch == "" {
		return nil, nil
	}
	return one, nil
}

// decode returns the object for a cluster, nil if there is none to be.
func decode(c *plan.Cluster) (map[string]any, error) {
	// What cannot be rendered now is not written now.
	if c == nil || !c.Selected || c.Rendered == nil {
		return nil, nil
	}
	var object map[string]any
	if err := json.Unmarshal(c.Rendered.JSON, &object); err != nil {
		return nil, fmt.Errorf("reading what was rendered: %w", err)
	}
	return object, nil
}

func lines(object map[string]any) ([]string, error) {
	if object == nil {
		return nil, nil
	}
	text, err := yaml.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("printing an object: %w", err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n")+"\n", "\n")[:strings.Count(string(text), "\n")], nil
}

// namedClusters is how many clusters a heading names.
const namedClusters = 10

// text is the difference as it is printed.
func (d *difference) text(what string, colors output.Palette) string {
	names := strings.Join(d.clusters, ", ")
	if len(d.clusters) > namedClusters {
		names = fmt.Sprintf("%s and %d more", strings.Join(d.clusters[:namedClusters], ", "), len(d.clusters)-namedClusters)
	}
	var text strings.Builder
	fmt.Fprintln(&text, colors.Strong(fmt.Sprintf("# %s: %s in %s", what, d.action, names)))
	for line := range strings.Lines(d.patch) {
		content, end := strings.CutSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "+"):
			content = colors.Good(content)
		case strings.HasPrefix(line, "-"):
			content = colors.Bad(content)
		case strings.HasPrefix(line, "@@"):
			content = colors.Faint(content)
		}
		text.WriteString(content)
		if end {
			text.WriteString("\n")
		}
	}
	return text.String()
}
