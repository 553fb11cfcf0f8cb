// Command promcheck judges alert rules and dashboards with Prometheus' own parser and engine. It reads a request as
// JSON from standard input and writes a verdict as JSON to standard output; see request and verdict. It fails only where
// the request itself cannot be carried out: what is wrong with rules and dashboards is in the verdict.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// request says what to judge. Times are seconds since the beginning of a made-up time.
type request struct {
	// Rules are files of rule groups.
	Rules []string `json:"rules"`
	// Dashboards are files of Grafana dashboards.
	Dashboards []string `json:"dashboards"`
	// Scrapes are what servers exposed, in the text format.
	Scrapes []scrape `json:"scrapes"`
	// Scenarios are timelines in which the alerts are evaluated.
	Scenarios []scenario `json:"scenarios"`
}

// scrape is one reading of a target. A target's last reading holds until the end.
type scrape struct {
	At     float64           `json:"at"`
	Labels map[string]string `json:"labels"`
	File   string            `json:"file"`
	// Down is a reading that failed: File is then empty.
	Down bool `json:"down"`
}

// scenario is the scrapes with changes.
type scenario struct {
	Name    string   `json:"name"`
	Until   float64  `json:"until"`
	Changes []change `json:"changes"`
}

// change of the series that a selector finds, from a time on. One that finds none is an error: then the servers do not
// expose what the scenario is about.
type change struct {
	Select string  `json:"select"`
	From   float64 `json:"from"`
	// To sets a value; Rate adds so much in each second.
	To   *float64 `json:"to"`
	Rate float64  `json:"rate"`
	// As leaves the series as they are, and changes copies of them that have these labels: of a kind that there is, but
	// that has not come up.
	As map[string]string `json:"as"`
}

// verdict is what was found.
type verdict struct {
	// Errors are faults of rules and dashboards; empty is good.
	Errors    []string         `json:"errors"`
	Alerts    []alert          `json:"alerts"`
	Queries   []query          `json:"queries"`
	Scenarios []scenarioResult `json:"scenarios"`
}

// alert is a rule. Missing are the metrics of its expression that no scrape has.
type alert struct {
	Name        string            `json:"name"`
	For         float64           `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Missing     []string          `json:"missing"`
}

// query of a dashboard. Series is how many it yields at the end of the scrapes.
type query struct {
	Dashboard  string   `json:"dashboard"`
	Panel      string   `json:"panel"`
	Expression string   `json:"expression"`
	Missing    []string `json:"missing"`
	Series     int      `json:"series"`
}

// scenarioResult has the alerts that fire at the end of a scenario.
type scenarioResult struct {
	Name   string   `json:"name"`
	Firing []firing `json:"firing"`
}

type firing struct {
	Alert       string            `json:"alert"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "promcheck:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in io.Reader, out io.Writer) error {
	var r request
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	readings, err := readAll(r.Scrapes)
	if err != nil {
		return err
	}
	c := newChecker(readings)
	for _, file := range r.Rules {
		c.readRules(file)
	}
	c.judgeAlerts()
	for _, file := range r.Dashboards {
		if err := c.judgeDashboard(ctx, file); err != nil {
			return err
		}
	}
	for _, s := range r.Scenarios {
		result, err := c.play(ctx, s)
		if err != nil {
			return fmt.Errorf("scenario %s: %w", s.Name, err)
		}
		c.verdict.Scenarios = append(c.verdict.Scenarios, result)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(c.verdict)
}
