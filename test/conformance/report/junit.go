package report

import (
	"encoding/xml"
	"fmt"
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Seconds string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit is the report as JUnit XML, one suite for each row. A failed optional row
// is shown as skipped, with what was found.
func (r *Report) JUnit() ([]byte, error) {
	var document junitSuites
	next := 0
	for _, line := range r.Rows {
		suite := junitSuite{Name: line.Label()}
		for ; next < len(r.Results) && r.Results[next].Row == line.Row && r.Results[next].Name == line.Name; next++ {
			suite.add(r.Results[next])
		}
		document.Suites = append(document.Suites, suite)
	}
	out, err := xml.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the report as JUnit XML: %w", err)
	}
	return append([]byte(xml.Header), append(out, '\n')...), nil
}

func (s *junitSuite) add(result Result) {
	c := junitCase{Class: result.Path + "." + result.Kind, Name: fmt.Sprintf("%02d %s", result.Row, result.Name), Seconds: fmt.Sprintf("%.3f", result.Seconds)}
	s.Tests++
	switch {
	case result.Outcome == NotApplicable:
		s.Skipped++
		c.Skipped = &junitMessage{Message: result.Detail}
	case result.Outcome == Failed && result.Optional:
		s.Skipped++
		c.Skipped = &junitMessage{Message: "optional", Text: result.Detail}
	case result.Outcome == Failed:
		s.Failures++
		c.Failure = &junitMessage{Message: "failed", Text: result.Detail}
	}
	s.Cases = append(s.Cases, c)
}
