package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// burst is a file burst-KIND-MEMBERS.json of test/bench.
type burst struct {
	Kind     string  `json:"kind"`
	Title    string  `json:"title"`
	Members  int     `json:"members"`
	Objects  int     `json:"objects"`
	Phases   []phase `json:"phases"`
	Unloaded struct {
		DirectP50Millis float64 `json:"directP50Millis"`
		P50Millis       float64 `json:"p50Millis"`
		P90Millis       float64 `json:"p90Millis"`
		P99Millis       float64 `json:"p99Millis"`
	} `json:"unloaded"`
	Memory map[string]struct {
		PeakBytes     int64 `json:"peakBytes"`
		LiveHeapBytes int64 `json:"liveHeapBytes"`
	} `json:"memory"`
	Budgets []budget `json:"budgets"`
}

type phase struct {
	Operation              string             `json:"operation"`
	DirectCopiesPerSecond  float64            `json:"directCopiesPerSecond"`
	CopiesPerSecond        float64            `json:"copiesPerSecond"`
	Ratio                  float64            `json:"ratio"`
	P50Millis              float64            `json:"p50Millis"`
	P90Millis              float64            `json:"p90Millis"`
	P99Millis              float64            `json:"p99Millis"`
	HubCPUMillisPerObject  float64            `json:"hubCPUMillisPerObject"`
	RevisionsPerObject     float64            `json:"revisionsPerObject"`
	CPUMillisPerObject     map[string]float64 `json:"cpuMillisPerObject"`
	DirectCPUMillis        map[string]float64 `json:"directCPUMillisPerObject"`
	RequestsPerCopy        map[string]float64 `json:"requestsPerCopy"`
	StoreKiBPerObject      float64            `json:"storeKiBPerObject"`
	ServerCPUMillisPerItem float64            `json:"serverCPUMillisPerObject"`
}

type budget struct {
	What    string  `json:"what"`
	Unit    string  `json:"unit"`
	Value   float64 `json:"value"`
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"atLeast"`
	Met     bool    `json:"met"`
}

// scale is a file scale-KIND.json of test/bench.
type scale struct {
	Title  string `json:"title"`
	Fleets []struct {
		Members   int     `json:"members"`
		HeapBytes int64   `json:"heapBytes"`
		IdleCPU   float64 `json:"idleCPU"`
	} `json:"fleets"`
	Cells   []cell   `json:"cells"`
	Fits    []fitted `json:"fits"`
	Budgets []budget `json:"budgets"`
}

type cell struct {
	Operation          string             `json:"operation"`
	Members            int                `json:"members"`
	Objects            int                `json:"objects"`
	Seconds            float64            `json:"seconds"`
	CopiesPerSecond    float64            `json:"copiesPerSecond"`
	ServerCPUSeconds   float64            `json:"serverCPUSeconds"`
	CPUMillisPerObject float64            `json:"serverCPUMillisPerObject"`
	CPUMillisPerCopy   float64            `json:"serverCPUMillisPerCopy"`
	RevisionsPerObject float64            `json:"revisionsPerObject"`
	StoreKiBPerObject  float64            `json:"storeKiBPerObject"`
	Requests           map[string]float64 `json:"requestsPerCopy"`
	HeapBytes          int64              `json:"heapBytes"`
	PeakBytes          int64              `json:"peakBytes"`
}

type fitted struct {
	Operation string  `json:"operation"`
	Cost      string  `json:"cost"`
	ByObjects float64 `json:"exponentByObjects"`
	ByMembers float64 `json:"exponentByMembers"`
	PerObject float64 `json:"perObject"`
	PerCopy   float64 `json:"perCopy"`
	Unit      string  `json:"unit"`
}

// read reads all files of a pattern, in the order of their names.
func read[T any](folder, pattern string) ([]T, error) {
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		return nil, fmt.Errorf("find the results: %w", err)
	}
	var all []T
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the results: %w", err)
		}
		var one T
		if err := json.Unmarshal(data, &one); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		all = append(all, one)
	}
	return all, nil
}
