package identity

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReportCountsAllAndNamesTheFirst(t *testing.T) {
	collect := func(objects, clusters int) *Report {
		var c Collector
		for i := range objects {
			for j := range clusters {
				c.Add(Released, fmt.Sprintf("c%04d", (j+i)%clusters), "configmaps", fmt.Sprintf("a/b%05d", objects-i))
			}
		}
		c.Add(Removed, "c0000", "secrets", "a/gone")
		return c.Report(clusters)
	}
	report := collect(1000, 300)
	require.Equal(t, Group{Effect: Removed, Cluster: "c0000", Type: "secrets", Count: 1, Names: []string{"a/gone"}}, report.Groups[0], "the gravest first")
	require.Equal(t, 1000, report.Groups[1].Count)
	require.Len(t, report.Groups[1].Names, namesInGroup)
	require.Equal(t, "a/b00001", report.Groups[1].Names[0])
	require.Len(t, report.Groups, groupsInReport)
	require.Equal(t, 301-groupsInReport, report.MoreGroups)

	require.Equal(t, report.Hash, collect(1000, 300).Hash, "the order in which it is found does not matter")
	require.NotEqual(t, report.Hash, collect(1001, 300).Hash, "what is not named counts")
	var empty, unseen Collector
	unseen.Unseen("something")
	require.NotEqual(t, empty.Report(1).Hash, unseen.Report(1).Hash)
	require.NotEqual(t, empty.Report(1).Hash, empty.Report(2).Hash)
}
