package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
)

// checker collects a verdict.
type checker struct {
	readings []reading
	exposed  map[string]bool
	parser   parser.Parser
	engine   *promql.Engine
	rules    []rulefmt.Rule
	// asked are the metrics that alerts ask for.
	asked   map[string]bool
	verdict verdict
}

func newChecker(readings []reading) *checker {
	p := parser.NewParser(parser.Options{})
	return &checker{
		readings: readings,
		exposed:  names(readings),
		asked:    map[string]bool{},
		parser:   p,
		engine: promql.NewEngine(promql.EngineOpts{
			Logger: slog.New(slog.DiscardHandler), MaxSamples: 50_000_000, Timeout: time.Minute, Parser: p,
			EnableAtModifier: true, EnableNegativeOffset: true,
		}),
		verdict: verdict{Errors: []string{}, Alerts: []alert{}, Queries: []query{}, Scenarios: []scenarioResult{}},
	}
}

func (c *checker) wrong(format string, args ...any) {
	c.verdict.Errors = append(c.verdict.Errors, fmt.Sprintf(format, args...))
}

func (c *checker) readRules(file string) {
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, c.parser, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		c.wrong("%v", err)
	}
	if groups == nil {
		return
	}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				c.wrong("%s: rule %s: only alerts are evaluated here", file, rule.Record)
				continue
			}
			c.rules = append(c.rules, rule)
		}
	}
}

func (c *checker) judgeAlerts() {
	for _, rule := range c.rules {
		metrics, missing, err := c.metrics(rule.Expr)
		for _, name := range metrics {
			c.asked[name] = true
		}
		if err != nil {
			c.wrong("alert %s: %v", rule.Alert, err)
			continue
		}
		c.verdict.Alerts = append(c.verdict.Alerts, alert{
			Name: rule.Alert, For: time.Duration(rule.For).Seconds(), Labels: rule.Labels, Annotations: rule.Annotations, Missing: missing,
		})
	}
}

// metrics are those that an expression asks for; missing, those of them that no server exposes.
func (c *checker) metrics(expression string) (asked, missing []string, err error) {
	parsed, err := c.parser.ParseExpr(expression)
	if err != nil {
		return nil, nil, err
	}
	absent := map[string]bool{}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		switch {
		case !ok:
		case selector.Name == "":
			absent[selector.String()] = true // a selector without a metric finds anything
		default:
			asked = append(asked, selector.Name)
			if !c.exposed[selector.Name] {
				absent[selector.Name] = true
			}
		}
		return nil
	})
	return asked, slices.Sorted(maps.Keys(absent)), nil
}

type selectedChange struct {
	change
	matchers []*labels.Matcher
}

// play evaluates all alerts in a scenario.
func (c *checker) play(ctx context.Context, s scenario) (scenarioResult, error) {
	result := scenarioResult{Name: s.Name, Firing: []firing{}}
	var changes []selectedChange
	for _, ch := range s.Changes {
		matchers, err := c.parser.ParseMetricSelector(ch.Select)
		if err != nil {
			return result, fmt.Errorf("%s: %w", ch.Select, err)
		}
		changes = append(changes, selectedChange{ch, matchers})
	}
	played, err := newTimeline(c.readings, s.Until, c.asked, changes)
	if err != nil {
		return result, err
	}
	for _, rule := range c.rules {
		fires, err := c.fires(ctx, played, rule, s.Until)
		if err != nil {
			return result, fmt.Errorf("alert %s: %w", rule.Alert, err)
		}
		result.Firing = append(result.Firing, fires...)
	}
	return result, nil
}

// fires evaluates an alert as Prometheus does: each series of the expression that was there at every evaluation for the
// time that the rule says, up to the end.
func (c *checker) fires(ctx context.Context, played *timeline, rule rulefmt.Rule, until float64) ([]firing, error) {
	evaluation, err := c.engine.NewRangeQuery(ctx, played, nil, rule.Expr, time.UnixMilli(0), time.UnixMilli(int64(until*1000)), interval*time.Second)
	if err != nil {
		return nil, err
	}
	defer evaluation.Close()
	matrix, err := evaluation.Exec(ctx).Matrix()
	if err != nil {
		return nil, err
	}
	last := int64(until) / interval * interval * 1000
	var found []firing
	for _, series := range matrix {
		since, next := last+1, last
		for _, p := range slices.Backward(series.Floats) {
			if p.T != next {
				break
			}
			since, next = p.T, p.T-interval*1000
		}
		if since > last || last-since < time.Duration(rule.For).Milliseconds() {
			continue
		}
		f, err := render(ctx, rule, promql.Sample{Metric: series.Metric, T: last, F: series.Floats[len(series.Floats)-1].F})
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// render fills in labels and annotations.
func render(ctx context.Context, rule rulefmt.Rule, of promql.Sample) (firing, error) {
	f := firing{Alert: rule.Alert, Labels: of.Metric.Map(), Annotations: map[string]string{}}
	delete(f.Labels, labels.MetricName)
	const definitions = "{{$labels := .Labels}}{{$value := .Value}}"
	expand := func(text string) (string, error) {
		return template.NewTemplateExpander(ctx, definitions+text, rule.Alert, template.AlertTemplateData(f.Labels, nil, "", of),
			model.Time(of.T), nil, nil, nil).Expand()
	}
	for name, text := range rule.Annotations {
		expanded, err := expand(text)
		if err != nil {
			return f, fmt.Errorf("annotation %s: %w", name, err)
		}
		f.Annotations[name] = expanded
	}
	maps.Copy(f.Labels, rule.Labels)
	return f, nil
}
