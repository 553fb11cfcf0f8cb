package report

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	r := New([]Result{
		{Row: 2, Name: "b", Kind: "k", Path: "direct", Outcome: NotApplicable, Detail: "read-only"},
		{Row: 1, Name: "a", Kind: "k", Path: "direct", Outcome: Passed, Seconds: 0.5},
		{Row: 1, Name: "a", Kind: "j", Path: "direct", Outcome: Failed, Detail: "got <500> & more"},
		{Row: 2, Name: "b", Kind: "j", Path: "direct", Outcome: NotApplicable, Detail: "read-only"},
		{Row: 3, Name: "c", Kind: "k", Path: "direct", Outcome: Failed, Optional: true, Detail: "slow"},
	}, []Unchecked{{Row: 4, Reason: "elsewhere"}})

	require.Equal(t, Counts{Passed: 1, Failed: 2, NotApplicable: 2}, r.Counts)
	require.Len(t, r.Rows, 3)
	require.Equal(t, Counts{Passed: 1, Failed: 1}, r.Rows[0].Counts)
	require.Equal(t, []Reason{{Text: "read-only", Count: 2}}, r.Rows[1].Reasons)
	require.Equal(t, "03 c (optional)", r.Rows[2].Label())

	dir := filepath.Join(t.TempDir(), "new")
	require.NoError(t, r.Write(dir))
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "got &lt;500&gt; &amp; more")
	require.Contains(t, string(page), "4: elsewhere")

	raw, err := os.ReadFile(filepath.Join(dir, "junit.xml"))
	require.NoError(t, err)
	var read junitSuites
	require.NoError(t, xml.Unmarshal(raw, &read))
	require.Len(t, read.Suites, 3)
	require.Equal(t, []int{2, 1, 0}, []int{read.Suites[0].Tests, read.Suites[0].Failures, read.Suites[0].Skipped})
	require.Equal(t, "got <500> & more", read.Suites[0].Cases[0].Failure.Text)
	require.Equal(t, 2, read.Suites[1].Skipped)
	require.Equal(t, []int{0, 1}, []int{read.Suites[2].Failures, read.Suites[2].Skipped}, "an optional row fails nothing")
}
