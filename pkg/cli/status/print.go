package status

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

// shownUnsynced is how many objects that are not in sync a screen names.
const shownUnsynced = 5

// print writes a screen. now is what ages are counted to.
func (r *Report) print(out io.Writer, colors output.Palette, wide bool, now time.Time) {
	age := func(at *time.Time) string {
		if at == nil || at.IsZero() {
			return ""
		}
		return duration.HumanDuration(now.Sub(*at))
	}
	fmt.Fprintf(out, "%s  %s answer through %s (%s)\n", colors.Strong("Server"),
		strings.Join(r.Server.APIs, " and "), r.Server.Host, r.Server.HostVersion)

	if r.Recovery != nil {
		fmt.Fprintf(out, "%s  %s since %s: %s; see: kubectl fed recovery\n", colors.Strong("Recovery"), colors.Bad(string(r.Recovery.Reason)),
			r.Recovery.Since.UTC().Format(time.RFC3339), output.Clean(r.Recovery.Message))
	}

	ready := 0
	clusters := output.Table{Indent: "  ", Headings: []string{"NAME", "READY", "SINCE", "VERSION", "REGION", "ZONES", "LAST SEEN", "TO REMOVE", "ENDPOINT", "MESSAGE"}}
	for _, c := range r.Clusters {
		paint := colors.Bad
		if c.Ready == string(corev1.ConditionTrue) {
			ready++
			paint = colors.Good
		}
		endpoint := ""
		if wide {
			endpoint = c.Endpoint
		}
		clusters.Rows = append(clusters.Rows, []output.Cell{
			output.Plain("%s", c.Name), {Text: c.Ready, Paint: paint}, output.Plain("%s", age(c.Since)), output.Plain("%s", c.Version),
			output.Plain("%s", c.Region), output.Plain("%s", strings.Join(c.Zones, ",")), output.Plain("%s", age(c.LastSeen)), removals(c.PendingRemovals, colors),
			output.Plain("%s", endpoint), output.Plain("%s", c.Message),
		})
	}
	fmt.Fprintf(out, "\n%s  %d, %d ready\n", colors.Strong("Clusters"), len(r.Clusters), ready)
	if len(clusters.Rows) > 0 {
		clusters.Print(out)
	}

	fmt.Fprintf(out, "\n%s  %d\n", colors.Strong("Types"), len(r.Types))
	types := output.Table{Indent: "  ", Headings: []string{"NAME", "KIND", "PROPAGATION", "OBJECTS", "IN SYNC", "NOT IN SYNC", "OLDEST", "MESSAGE"}}
	for _, t := range r.Types {
		types.Rows = append(types.Rows, typeRow(&t, colors, wide, age))
	}
	if len(types.Rows) > 0 {
		types.Print(out)
	}
	r.printUnsynced(out, colors, wide, age)
}

// removals is a cell that is empty where there is nothing to remove.
func removals(count int, colors output.Palette) output.Cell {
	if count == 0 {
		return output.Cell{}
	}
	return output.Cell{Text: strconv.Itoa(count), Paint: colors.Bad}
}

func typeRow(t *Type, colors output.Palette, wide bool, age func(*time.Time) string) []output.Cell {
	kind, oldest, message := "", "", t.Trouble
	if wide {
		kind = t.FederatedKind
	}
	if len(t.Oldest) > 0 {
		oldest = age(&t.Oldest[0].Since)
	}
	if t.Error != "" {
		message = t.Error
	}
	count := func(n int, paint func(string) string) output.Cell {
		cell := output.Plain("%d", n)
		if n > 0 {
			cell.Paint = paint
		}
		return cell
	}
	return []output.Cell{
		output.Plain("%s", t.Name), output.Plain("%s", kind), output.Plain("%s", t.Propagation), count(t.Objects, nil),
		count(t.InSync, colors.Good), count(t.NotInSync, colors.Bad), output.Plain("%s", oldest), {Text: message, Paint: colors.Bad},
	}
}

// printUnsynced names the objects that have not been in sync for longest.
func (r *Report) printUnsynced(out io.Writer, colors output.Palette, wide bool, age func(*time.Time) string) {
	type entry struct {
		Unsynced
		typeName string
	}
	var all []entry
	total := 0
	for _, t := range r.Types {
		total += t.NotInSync
		for _, unsynced := range t.Oldest {
			all = append(all, entry{unsynced, t.Name})
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.Since.Compare(b.Since) })
	if !wide {
		all = all[:min(len(all), shownUnsynced)]
	}
	fmt.Fprintf(out, "\n%s  %d\n", colors.Strong("Not in sync"), total)
	table := output.Table{Indent: "  ", Headings: []string{"TYPE", "NAMESPACE", "NAME", "FOR", "REASON", "MESSAGE"}}
	for _, one := range all {
		table.Rows = append(table.Rows, []output.Cell{
			output.Plain("%s", one.typeName), output.Plain("%s", one.Namespace), output.Plain("%s", one.Name),
			output.Plain("%s", age(&one.Since)), {Text: one.Reason, Paint: colors.Bad}, output.Plain("%s", one.Message),
		})
	}
	table.Print(out)
	if total > len(all) {
		fmt.Fprintf(out, "  and %d more\n", total-len(all))
	}
}
