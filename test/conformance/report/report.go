// Package report writes what the conformance checks found, for people and for
// machines.
package report

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Outcome is how one check ended.
type Outcome string

const (
	// Passed: the server did as it must.
	Passed Outcome = "passed"
	// Failed: it did not.
	Failed Outcome = "failed"
	// NotApplicable: the rule says nothing about the kind.
	NotApplicable Outcome = "not applicable"
)

// Result is one row checked for one kind on one path to the server.
type Result struct {
	Row      int
	Name     string
	Optional bool
	// Path is direct or aggregated, Kind a resource.version.group or "server".
	Path, Kind string
	Outcome    Outcome
	// Detail says what was wrong, or why the row does not apply.
	Detail  string
	Seconds float64
}

// Unchecked is a row without a check, and why.
type Unchecked struct {
	Row    int
	Reason string
}

// Counts are numbers of results.
type Counts struct {
	Passed, Failed, NotApplicable int
}

func (c *Counts) add(outcome Outcome) {
	switch outcome {
	case Passed:
		c.Passed++
	case Failed:
		c.Failed++
	case NotApplicable:
		c.NotApplicable++
	}
}

// Line is the total of a row.
type Line struct {
	Row      int
	Name     string
	Optional bool
	Counts
	// Failures are its failed results.
	Failures []Result
	// Reasons are why it did not apply, with how often.
	Reasons []Reason
}

// Reason is why rows did not apply.
type Reason struct {
	Text  string
	Count int
}

// Label is the number and the name.
func (l Line) Label() string {
	if l.Optional {
		return fmt.Sprintf("%02d %s (optional)", l.Row, l.Name)
	}
	return fmt.Sprintf("%02d %s", l.Row, l.Name)
}

// Report is the whole of a run.
type Report struct {
	Counts
	Rows      []Line
	Results   []Result
	Unchecked []Unchecked
}

// New counts results.
func New(results []Result, unchecked []Unchecked) *Report {
	r := &Report{Results: slices.Clone(results), Unchecked: unchecked}
	slices.SortStableFunc(r.Results, func(a, b Result) int {
		return cmp.Or(a.Row-b.Row, cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path))
	})
	for _, result := range r.Results {
		last := len(r.Rows) - 1
		if last < 0 || r.Rows[last].Row != result.Row || r.Rows[last].Name != result.Name {
			r.Rows = append(r.Rows, Line{Row: result.Row, Name: result.Name, Optional: result.Optional})
			last++
		}
		line := &r.Rows[last]
		line.add(result.Outcome)
		r.add(result.Outcome)
		switch result.Outcome {
		case Failed:
			line.Failures = append(line.Failures, result)
		case NotApplicable:
			line.addReason(result.Detail)
		}
	}
	return r
}

func (l *Line) addReason(text string) {
	for i := range l.Reasons {
		if l.Reasons[i].Text == text {
			l.Reasons[i].Count++
			return
		}
	}
	l.Reasons = append(l.Reasons, Reason{Text: text, Count: 1})
}

// Write writes junit.xml and report.html into a folder, which it makes.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the report's folder: %w", err)
	}
	junit, err := r.JUnit()
	if err != nil {
		return err
	}
	page, err := r.HTML()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"junit.xml": junit, "report.html": page} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}
