package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFiguresAndTables(t *testing.T) {
	results, page := t.TempDir(), filepath.Join(t.TempDir(), "page.md")
	names := []string{"burst", "cpu", "memory", "unloaded", "budgets-burst", "scale", "growth", "budgets-scale", "figures-burst", "figures-scale"}
	text := "words\n"
	for _, name := range names {
		text += "<!-- begin " + name + " -->\nold\n<!-- end " + name + " -->\n"
	}
	write(t, page, text)
	write(t, filepath.Join(results, "burst-configmaps-3.json"), `{"kind":"configmaps","title":"ConfigMaps","members":3,"objects":10,
		"phases":[{"operation":"create","directCopiesPerSecond":100,"copiesPerSecond":61,"ratio":0.61,"p50Millis":1,"p90Millis":2,"p99Millis":3,"cpuMillisPerObject":{"a":1},"directCPUMillisPerObject":{"a":0.5}}],
		"memory":{"a":{"peakBytes":1048576}},"budgets":[{"what":"ratio","value":0.61,"limit":0.6,"atLeast":true,"met":true},{"what":"cpu","unit":"ms","value":9,"limit":8}]}`)
	write(t, filepath.Join(results, "scale-deployments.json"), `{"title":"Deployments","fleets":[{"members":10}],
		"cells":[{"operation":"create","members":10,"objects":100,"seconds":1,"serverCPUSeconds":1,"heapBytes":1048576},{"operation":"create","members":100,"objects":100,"seconds":10,"serverCPUSeconds":10,"heapBytes":10485760}],
		"fits":[{"operation":"create","cost":"time","exponentByObjects":1}],"budgets":[]}`)
	figures := filepath.Join(results, "figures")
	if err := run(results, figures, page); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"burst-rates", "burst-latencies", "scale-time", "scale-cpu", "scale-heap"} {
		for _, file := range []string{filepath.Join(results, name+".png"), filepath.Join(figures, name+".svg")} {
			if info, err := os.Stat(file); err != nil || info.Size() < 1000 {
				t.Errorf("%s: %v %v", file, info, err)
			}
		}
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| ratio | at least 0.6 | met | 0.61 |", "| cpu | at most 8 ms | **not met** | 9.00 |", "| 10 ConfigMaps | 3 | create |", "| a | 1 |  |", "| ConfigMaps | 3 | direct create | 0.5 |  |", "| ConfigMaps | 3 | create | 1.0 | 0.0 |", "burst-rates.svg)"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%q is not in\n%s", want, data)
		}
	}
	if strings.Contains(string(data), "old") {
		t.Error("a table was not written")
	}
	before := string(data)
	if err := run(results, figures, page); err != nil {
		t.Fatal(err)
	}
	if data, _ = os.ReadFile(page); string(data) != before {
		t.Error("writing the same again changes the page")
	}
	write(t, page, "no markers")
	if err := run(results, "", page); err == nil {
		t.Error("a page without markers must be an error")
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
