package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// dashboard is what of a Grafana dashboard is looked at.
type dashboard struct {
	UID        string  `json:"uid"`
	Title      string  `json:"title"`
	Panels     []panel `json:"panels"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
}

type panel struct {
	Title   string  `json:"title"`
	Type    string  `json:"type"`
	Panels  []panel `json:"panels"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

type variable struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Query any    `json:"query"`
}

var (
	// labelValues is how a variable asks for the values of a label.
	labelValues = regexp.MustCompile(`^label_values\((.+), *([a-zA-Z_]\w*)\)$`)
	used        = regexp.MustCompile(`\$\{?(\w+)\}?`)
)

// windows are the variables that Grafana brings.
var windows = map[string]string{"__rate_interval": "2m", "__interval": "30s", "__range": "1h"}

func (c *checker) judgeDashboard(ctx context.Context, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	name := filepath.Base(file)
	var d dashboard
	if err := json.Unmarshal(data, &d); err != nil {
		c.wrong("%s: %v", name, err)
		return nil
	}
	if d.UID == "" || d.Title == "" || len(d.Panels) == 0 {
		c.wrong("%s: a dashboard has a uid, a title and panels", name)
	}
	end := 0.0
	for _, r := range c.readings {
		end = max(end, r.at)
	}
	played, err := newTimeline(c.readings, end+interval, nil, nil)
	if err != nil {
		return err
	}
	variables := map[string]bool{}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
		if v.Type != "query" {
			continue
		}
		text, _ := v.Query.(string)
		parts := labelValues.FindStringSubmatch(text)
		if parts == nil {
			c.wrong("%s: variable %s: not understood: %v", name, v.Name, v.Query)
			continue
		}
		if err := c.judgeQuery(ctx, played, query{Dashboard: name, Panel: "$" + v.Name, Expression: fmt.Sprintf(`count by (%s) (%s{%s!=""})`, parts[2], parts[1], parts[2])}, variables); err != nil {
			return err
		}
	}
	var visit func(panels []panel) error
	visit = func(panels []panel) error {
		for _, p := range panels {
			if p.Type != "row" && p.Type != "text" && len(p.Targets) == 0 {
				c.wrong("%s: panel %s has no query", name, p.Title)
			}
			for _, target := range p.Targets {
				if err := c.judgeQuery(ctx, played, query{Dashboard: name, Panel: p.Title, Expression: target.Expr}, variables); err != nil {
					return err
				}
			}
			if err := visit(p.Panels); err != nil {
				return err
			}
		}
		return nil
	}
	return visit(d.Panels)
}

// judgeQuery parses a query and evaluates it at the end.
func (c *checker) judgeQuery(ctx context.Context, played *timeline, q query, variables map[string]bool) error {
	text := used.ReplaceAllStringFunc(q.Expression, func(reference string) string {
		name := strings.Trim(reference, "${}")
		if window, ok := windows[name]; ok {
			return window
		}
		if !variables[name] {
			c.wrong("%s: panel %s: no variable %s", q.Dashboard, q.Panel, name)
		}
		return ".+"
	})
	_, missing, err := c.metrics(text)
	if err != nil {
		c.wrong("%s: panel %s: %v", q.Dashboard, q.Panel, err)
		return nil
	}
	q.Missing = missing
	last := int64(0)
	for _, s := range played.series {
		last = max(last, s.samples[len(s.samples)-1].T())
	}
	evaluation, err := c.engine.NewInstantQuery(ctx, played, nil, text, time.UnixMilli(last))
	if err != nil {
		return err
	}
	defer evaluation.Close()
	result := evaluation.Exec(ctx)
	if result.Err != nil {
		c.wrong("%s: panel %s: %v", q.Dashboard, q.Panel, result.Err)
		return nil
	}
	vector, err := result.Vector()
	if err != nil {
		c.wrong("%s: panel %s: %v", q.Dashboard, q.Panel, err)
		return nil
	}
	q.Series = len(vector)
	c.verdict.Queries = append(c.verdict.Queries, q)
	return nil
}
