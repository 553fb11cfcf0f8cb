package conformance

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/kubefederation/federation-apiserver/test/conformance/report"
)

// outcome is how a row came out for one kind on one path.
type outcome = report.Outcome

const (
	passed        = report.Passed
	failed        = report.Failed
	notApplicable = report.NotApplicable
)

type result struct {
	row        row
	path, kind string
	outcome    outcome
	detail     string
	seconds    float64
}

var results struct {
	sync.Mutex
	all []report.Result
}

func record(r result) {
	results.Lock()
	defer results.Unlock()
	results.all = append(results.all, report.Result{
		Row: r.row.number, Name: r.row.name, Optional: r.row.optional,
		Path: r.path, Kind: r.kind, Outcome: r.outcome, Detail: r.detail, Seconds: r.seconds,
	})
}

// finish prints the totals of each row and writes the reports that were asked for.
func finish() error {
	results.Lock()
	defer results.Unlock()
	if len(results.all) == 0 {
		return nil
	}
	var unchecked []report.Unchecked
	for number, other := range elsewhere {
		unchecked = append(unchecked, report.Unchecked{Row: number, Reason: other.why + "; checked by " + strings.Join(other.tests, ", ")})
	}
	slices.SortFunc(unchecked, func(a, b report.Unchecked) int { return a.Row - b.Row })
	summary := report.New(results.all, unchecked)
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(out, "row\tpassed\tfailed\tnot applicable"); err != nil {
		return err
	}
	for _, line := range summary.Rows {
		if _, err := fmt.Fprintf(out, "%s\t%d\t%d\t%d\n", line.Label(), line.Passed, line.Failed, line.NotApplicable); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(out, "total\t%d\t%d\t%d\n", summary.Passed, summary.Failed, summary.NotApplicable); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if *reportFlag == "" {
		return nil
	}
	return summary.Write(*reportFlag)
}
