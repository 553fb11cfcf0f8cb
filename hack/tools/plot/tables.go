package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// writeTables writes the tables and figures into the page, between their markers. A
// table of what was not measured stays as it is.
func writeTables(page string, bursts []burst, scales []scale, figures map[string]string) error {
	data, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("write the tables: %w", err)
	}
	tables := map[string]string{}
	maps.Copy(tables, figures)
	if len(bursts) > 0 {
		tables["burst"], tables["cpu"], tables["memory"], tables["unloaded"] = burstTable(bursts), cpuTable(bursts), memoryTable(bursts), unloadedTable(bursts)
		for _, b := range bursts {
			if len(b.Budgets) > 0 {
				tables["budgets-burst"] += fmt.Sprintf("\n%s, %d members:\n\n", b.Title, b.Members) + budgetTable(b.Budgets)
			}
		}
	}
	for _, s := range scales {
		tables["scale"], tables["growth"], tables["budgets-scale"] = scaleTable(s), growthTable(s), budgetTable(s.Budgets)
	}
	text := string(data)
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if text, err = replace(text, name, tables[name]); err != nil {
			return fmt.Errorf("write the tables into %s: %w", page, err)
		}
	}
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the tables: %w", err)
	}
	return nil
}

// replace puts a table between its markers.
func replace(text, name, table string) (string, error) {
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, found := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("there are no markers %q and %q", strings.TrimSpace(begin), end)
	}
	return before + begin + strings.Trim(table, "\n") + "\n" + end + after, nil
}

// markdown writes a table whose columns are numbers but for the first ones.
func markdown(texts int, header []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(header)
	rule := make([]string, len(header))
	for i := range rule {
		if rule[i] = "---:"; i < texts {
			rule[i] = "---"
		}
	}
	line(rule)
	for _, row := range rows {
		line(row)
	}
	return b.String()
}

func number(value float64, decimals int) string { return fmt.Sprintf("%.*f", decimals, value) }

func listed(numbers map[string]float64) string {
	var listed []string
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		if numbers[name] >= 0.005 {
			listed = append(listed, fmt.Sprintf("%s %.2f", name, numbers[name]))
		}
	}
	return strings.Join(listed, ", ")
}

func burstTable(bursts []burst) string {
	var rows [][]string
	for _, b := range bursts {
		for _, p := range b.Phases {
			rows = append(rows, []string{
				fmt.Sprintf("%d %s", b.Objects, b.Title), number(float64(b.Members), 0), p.Operation, listed(p.RequestsPerCopy),
				number(p.DirectCopiesPerSecond, 0), number(p.CopiesPerSecond, 0), number(p.Ratio, 2),
				number(p.P50Millis, 0), number(p.P90Millis, 0), number(p.P99Millis, 0), number(p.RevisionsPerObject, 2), number(p.StoreKiBPerObject, 1),
			})
		}
	}
	return markdown(4, []string{"Objects", "Members", "Phase", "Requests per copy", "Direct, copies/s", "Federated, copies/s", "Ratio", "p50 ms", "p90 ms", "p99 ms", "Hub revisions per object", "Store KiB per object"}, rows)
}

func processes[T any](bursts []burst, of func(burst) map[string]T) []string {
	names := map[string]bool{}
	for _, b := range bursts {
		for name := range of(b) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func cpuTable(bursts []burst) string {
	names := processes(bursts, func(b burst) map[string]float64 {
		if len(b.Phases) == 0 {
			return nil
		}
		return b.Phases[0].CPUMillisPerObject
	})
	var rows [][]string
	for _, b := range bursts {
		for _, p := range b.Phases {
			direct, federated := []string{b.Title, number(float64(b.Members), 0), "direct " + p.Operation}, []string{b.Title, number(float64(b.Members), 0), p.Operation}
			for _, name := range names {
				direct, federated = append(direct, number(p.DirectCPUMillis[name], 1)), append(federated, number(p.CPUMillisPerObject[name], 1))
			}
			rows = append(rows, append(direct, ""), append(federated, number(p.HubCPUMillisPerObject, 1)))
		}
	}
	return markdown(3, append(append([]string{"Objects", "Members", "Phase"}, names...), "hub"), rows)
}

func memoryTable(bursts []burst) string {
	var rows [][]string
	for _, b := range bursts {
		for _, name := range slices.Sorted(maps.Keys(b.Memory)) {
			live := ""
			if m := b.Memory[name]; m.LiveHeapBytes > 0 {
				live = number(float64(m.LiveHeapBytes)/(1<<20), 0)
			}
			rows = append(rows, []string{fmt.Sprintf("%d %s", b.Objects, b.Title), number(float64(b.Members), 0), name, number(float64(b.Memory[name].PeakBytes)/(1<<20), 0), live})
		}
	}
	return markdown(3, []string{"Objects", "Members", "Process", "Peak MiB", "Live heap MiB"}, rows)
}

func unloadedTable(bursts []burst) string {
	var rows [][]string
	for _, b := range bursts {
		u := b.Unloaded
		rows = append(rows, []string{b.Title, number(float64(b.Members), 0), number(u.DirectP50Millis, 1), number(u.P50Millis, 1), number(u.P90Millis, 1), number(u.P99Millis, 1)})
	}
	return markdown(1, []string{"Objects", "Members", "One direct write, p50 ms", "In all members, p50 ms", "p90 ms", "p99 ms"}, rows)
}

func scaleTable(s scale) string {
	var rows [][]string
	for _, c := range s.Cells {
		heap := ""
		if c.HeapBytes > 0 {
			heap = number(float64(c.HeapBytes)/1024/float64(c.Objects), 1)
		}
		rows = append(rows, []string{
			c.Operation, listed(c.Requests), number(float64(c.Members), 0), number(float64(c.Objects), 0), number(float64(c.Members*c.Objects), 0),
			number(c.Seconds, 1), number(c.CopiesPerSecond, 0), number(c.CPUMillisPerObject, 2), number(c.CPUMillisPerCopy, 3),
			number(c.RevisionsPerObject, 2), number(c.StoreKiBPerObject, 1), heap,
		})
	}
	table := markdown(2, []string{"Phase", "Requests per copy", "Hollow members", "Objects", "Copies", "Seconds", "Copies/s", "Server CPU ms per object", "per copy", "Hub revisions per object", "Store KiB per object", "Live heap KiB per object"}, rows)
	rows = nil
	for _, f := range s.Fleets {
		rows = append(rows, []string{number(float64(f.Members), 0), number(float64(f.HeapBytes)/(1<<20), 0), number(f.IdleCPU, 2)})
	}
	return table + "\nWithout objects:\n\n" + markdown(0, []string{"Hollow members", "Live heap MiB", "Processors in use"}, rows)
}

func growthTable(s scale) string {
	var rows [][]string
	for _, f := range s.Fits {
		rows = append(rows, []string{f.Operation, f.Cost, number(f.ByObjects, 2), number(f.ByMembers, 2), number(f.PerObject, 3) + " " + f.Unit, number(f.PerCopy, 3) + " " + f.Unit})
	}
	return markdown(2, []string{"Phase", "Cost", "Exponent by objects", "Exponent by members", "Per object", "Per copy"}, rows)
}

func budgetTable(budgets []budget) string {
	var rows [][]string
	for _, b := range budgets {
		bound, verdict := "at most ", "**not met**"
		if b.AtLeast {
			bound = "at least "
		}
		if b.Met {
			verdict = "met"
		}
		rows = append(rows, []string{b.What, strings.TrimSpace(bound + fmt.Sprintf("%g %s", b.Limit, b.Unit)), verdict, number(b.Value, 2)})
	}
	return markdown(3, []string{"What", "Budget", "Verdict", "Measured"}, rows)
}
