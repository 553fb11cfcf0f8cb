package describe

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

// print writes a report for a person. now is what ages are counted to.
func (r *Report) print(out io.Writer, colors output.Palette, now time.Time) {
	p := printer{out: out, colors: colors, now: now}
	p.field("Name", "%s", r.Name)
	if r.Namespace != "" {
		p.field("Namespace", "%s", r.Namespace)
	}
	p.field("Type", "%s (%s)", r.Kind, r.Type)
	observed := "observed"
	if r.ObservedGeneration < r.Generation {
		observed = colors.Bad(fmt.Sprintf("observed up to %d", r.ObservedGeneration))
	}
	p.field("Generation", "%d, %s", r.Generation, observed)
	p.field("Age", "%s", p.age(r.Created))
	if r.Deleting != nil {
		p.field("Deleting", "for %s", p.age(*r.Deleting))
	}
	orphaning := "copies are deleted with the object"
	if r.Orphaning {
		orphaning = "copies are kept when the object goes"
	}
	p.field("Orphaning", "%s", orphaning)
	if r.Replicas != nil {
		p.field("Replicas", "%s", replicas(r.Replicas))
	}
	for _, condition := range r.Conditions {
		text := string(condition.Status)
		if good := condition.Status == "True" && (condition.Type == typesv1beta1.PropagationCondition || condition.Type == typesv1beta1.ReadyCondition); good {
			text = colors.Good(text)
		} else {
			text = colors.Bad(text)
		}
		if condition.Reason != "" {
			text += " (" + condition.Reason + ")"
		}
		if !condition.LastTransitionTime.IsZero() {
			text += " for " + p.age(condition.LastTransitionTime.Time)
		}
		p.field(condition.Type, "%s: %s", text, output.Clean(condition.Message))
	}
	if r.Impediment != "" {
		p.field("Impediment", "%s", colors.Bad(r.Impediment))
	}
	fmt.Fprintln(out, "Clusters:")
	if len(r.Clusters) == 0 {
		fmt.Fprintln(out, "  none")
	}
	for i := range r.Clusters {
		p.cluster(&r.Clusters[i])
	}
	if len(r.Events) > 0 {
		fmt.Fprintln(out, "Events:")
		for _, event := range r.Events {
			fmt.Fprintf(out, "  %s ago (x%d)  %s  %s: %s\n", p.age(event.Last), event.Count, event.Type, event.Reason, output.Clean(event.Message))
		}
	}
}

type printer struct {
	out    io.Writer
	colors output.Palette
	now    time.Time
}

func (p *printer) field(name, format string, args ...any) {
	fmt.Fprintf(p.out, "%-13s %s\n", name+":", fmt.Sprintf(format, args...))
}

func (p *printer) age(at time.Time) string {
	return duration.HumanDuration(p.now.Sub(at))
}

func (p *printer) cluster(c *Cluster) {
	state := c.Status
	switch c.Status {
	case stateInSync:
		state = p.colors.Good("in sync")
	case stateNone:
		state = p.colors.Faint("no copy")
	case stateUnknown:
		state = p.colors.Bad("nothing reported yet")
	default:
		state = p.colors.Bad(state)
		if c.Since != nil {
			state += " for up to " + p.age(*c.Since)
		}
	}
	if c.Ready != nil && !*c.Ready {
		state += ", " + p.colors.Bad("the cluster is not ready")
	}
	fmt.Fprintf(p.out, "  %s: %s\n", p.colors.Strong(c.Name), state)
	if c.Message != "" {
		p.line("Message", output.Clean(c.Message))
	}
	placed := "no"
	if c.Placed {
		placed = "yes"
	}
	p.line("Placed", placed+", "+strings.Join(c.Why, "\n"))
	if c.RenderError != "" {
		p.line("Not rendered", p.colors.Bad(output.Clean(c.RenderError)))
	}
	for _, override := range c.Overrides {
		lines := []string{fmt.Sprintf("%s %s (%s, %s)", override.Op, override.Path, override.Where, override.Reason)}
		for _, change := range override.Changes {
			lines = append(lines, "  "+output.Clean(change))
		}
		switch {
		case override.Error != "":
			lines = append(lines, "  "+p.colors.Bad("does not apply: "+output.Clean(override.Error)))
		case len(override.Changes) == 0:
			lines = append(lines, "  changes nothing")
		}
		p.line("Override", strings.Join(lines, "\n"))
	}
	var about []string
	if c.Health != "" {
		about = append(about, string(c.Health))
	}
	if c.LastSeen != nil {
		about = append(about, "the cluster was last seen "+p.age(*c.LastSeen)+" ago")
	}
	if c.Replicas != nil {
		about = append(about, "replicas "+replicas(c.Replicas))
	}
	if c.Version != "" {
		about = append(about, c.Version)
	}
	if len(about) > 0 {
		p.line("Copy", strings.Join(about, ", "))
	}
}

// line writes a field of a cluster; what has several lines is indented.
func (p *printer) line(name, text string) {
	const indent = "                  "
	fmt.Fprintf(p.out, "    %-13s %s\n", name+":", strings.ReplaceAll(text, "\n", "\n"+indent))
}

func replicas(counts *typesv1beta1.ReplicaCounts) string {
	return fmt.Sprintf("%d/%d ready, %d updated, %d available", counts.ReadyReplicas, counts.DesiredReplicas, counts.UpdatedReplicas, counts.AvailableReplicas)
}
