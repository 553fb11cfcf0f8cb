package recovery

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
)

// meaning of the effects.
var meaning = map[identity.Effect]string{
	identity.Removed:   "removed",
	identity.MadeAgain: "made again, though they are gone",
	identity.Changed:   "changed",
	identity.Released:  "let go: no federated object",
	identity.Adopted:   "adopted",
	identity.Created:   "created",
}

func (s *State) print(out io.Writer, colors output.Palette) {
	fmt.Fprintf(out, "%s  %s, at sequence %d\n", colors.Strong("Federation"), s.HubID, s.Sequence)
	if s.Recovery == nil {
		fmt.Fprintf(out, "%s  none: clusters are written to\n", colors.Strong("Recovery"))
		return
	}
	r := s.Recovery
	fmt.Fprintf(out, "%s  %s since %s: %s\n", colors.Strong("Recovery"), colors.Bad(string(r.Reason)), r.Since.UTC().Format(time.RFC3339), output.Clean(r.Message))
	fmt.Fprintf(out, "Nothing is written to clusters. The store was at sequence %d; %d has been seen elsewhere.\n", r.Stored, r.Seen)
	if r.Refused != "" {
		fmt.Fprintf(out, "A confirmation was not taken: %s.\n", output.Clean(r.Refused))
	}
	if r.Report == nil {
		fmt.Fprintln(out, "What would be done is not known yet.")
		return
	}
	fmt.Fprintf(out, "\n%s  in %d clusters (hash %s)\n", colors.Strong("What a confirmation would do"), r.Report.Clusters, r.Report.Hash)
	table := output.Table{Indent: "  ", Headings: []string{"COPIES ARE", "COUNT", "TYPE", "CLUSTER", "OBJECTS"}}
	for _, group := range r.Report.Groups {
		names := strings.Join(group.Names, ", ")
		if more := group.Count - len(group.Names); more > 0 {
			names = fmt.Sprintf("%s and %d more", names, more)
		}
		paint := colors.Good
		if group.Effect == identity.Removed || group.Effect == identity.MadeAgain {
			paint = colors.Bad
		}
		table.Rows = append(table.Rows, []output.Cell{
			{Text: meaning[group.Effect], Paint: paint}, output.Plain("%d", group.Count), output.Plain("%s", group.Type),
			output.Plain("%s", group.Cluster), output.Plain("%s", names),
		})
	}
	if len(table.Rows) > 0 {
		table.Print(out)
	} else {
		fmt.Fprintln(out, "  nothing")
	}
	if r.Report.MoreGroups > 0 {
		fmt.Fprintf(out, "  and %d more lines of the kind\n", r.Report.MoreGroups)
	}
	if len(r.Report.Unseen) > 0 {
		fmt.Fprintf(out, "\n%s\n", colors.Bad("What could not be looked at"))
		for _, unseen := range r.Report.Unseen {
			fmt.Fprintf(out, "  %s\n", output.Clean(unseen))
		}
	}
}
