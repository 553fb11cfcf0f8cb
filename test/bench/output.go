package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// write stores the summary as JSON and its phases as CSV. The files are named
// after what was measured, so that several runs stand side by side.
func (r *results) write() error {
	summary := struct {
		Kind     string            `json:"kind"`
		Title    string            `json:"title"`
		Members  int               `json:"members"`
		Objects  int               `json:"objects"`
		Rounds   int               `json:"rounds"`
		Phases   []phase           `json:"phases"`
		Unloaded unloaded          `json:"unloaded"`
		Memory   map[string]memory `json:"memory"`
		Budgets  []budget          `json:"budgets"`
	}{
		r.options.kind, workloads[r.options.kind].title, r.options.members, r.options.objects, r.options.rounds,
		r.phases(), r.unloaded(), r.memory, r.budgets(),
	}
	rows := [][]string{{
		"operation", "directCopiesPerSecond", "copiesPerSecond", "ratio", "p50Millis", "p90Millis", "p99Millis",
		"hubCPUMillisPerObject", "serverCPUMillisPerObject", "revisionsPerObject", "storeKiBPerObject",
	}}
	for _, p := range summary.Phases {
		rows = append(rows, append([]string{string(p.Operation)}, numbers(p.DirectCopiesPerSec, p.CopiesPerSec, p.Ratio,
			p.P50Millis, p.P90Millis, p.P99Millis, p.HubCPUMillis, p.ServerCPUMillis, p.RevisionsPerObject, p.StoreKiB)...))
	}
	return writeFiles(r.options.output, fmt.Sprintf("burst-%s-%d", r.options.kind, r.options.members), summary, rows)
}

func numbers(values ...float64) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = strconv.FormatFloat(value, 'g', 6, 64)
	}
	return texts
}

// writeFiles writes name.json and name.csv.
func writeFiles(folder, name string, summary any, rows [][]string) error {
	data, err := json.MarshalIndent(summary, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	table := &bytes.Buffer{}
	if err := csv.NewWriter(table).WriteAll(rows); err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	for file, content := range map[string][]byte{name + ".json": append(data, '\n'), name + ".csv": table.Bytes()} {
		if err := os.WriteFile(filepath.Join(folder, file), content, 0o644); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
	}
	return nil
}
