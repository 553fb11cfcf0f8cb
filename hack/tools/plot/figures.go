package main

import (
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	canvas "gonum.org/v1/plot/vg/draw"
)

// Colours that are told apart by those who see few, too.
var colours = []color.Color{
	color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff},
	color.RGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff},
	color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff},
	color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff},
}

func draw(bursts []burst, scales []scale) ([]figure, error) {
	var figures []figure
	if len(bursts) > 0 {
		rates, err := drawRates(bursts)
		if err != nil {
			return nil, err
		}
		latencies, err := drawLatencies(bursts)
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{"burst-rates", "figures-burst", rates}, figure{"burst-latencies", "figures-burst", latencies})
	}
	for _, s := range scales {
		for _, f := range []struct {
			name, title, unit string
			of                func(cell) float64
		}{
			{"scale-time", "Creating " + s.Title + " in hollow members", "seconds", func(c cell) float64 { return c.Seconds }},
			{"scale-cpu", "CPU of the server, creating " + s.Title + " in hollow members", "CPU seconds", func(c cell) float64 { return c.ServerCPUSeconds }},
			{"scale-heap", "Live heap of the server with " + s.Title + " in hollow members", "MiB", func(c cell) float64 { return float64(c.HeapBytes) / (1 << 20) }},
		} {
			drawn, err := drawGrowth(f.title, f.unit, s.Cells, f.of)
			if err != nil {
				return nil, err
			}
			figures = append(figures, figure{f.name, "figures-scale", drawn})
		}
	}
	return figures, nil
}

// drawBars draws groups of bars, one group for each name.
func drawBars(title, unit string, names, series []string, value func(series, name int) float64) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = title
	p.Y.Label.Text = unit
	p.Y.Min = 0
	p.Legend.Top = true
	width := vg.Points(12)
	for i, label := range series {
		values := make(plotter.Values, len(names))
		for j := range names {
			values[j] = value(i, j)
		}
		bars, err := plotter.NewBarChart(values, width)
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", title, err)
		}
		bars.Color, bars.LineStyle.Width = colours[i%len(colours)], 0
		bars.Offset = width * vg.Length(2*i-len(series)+1) / 2
		p.Add(bars)
		p.Legend.Add(label, bars)
	}
	p.NominalX(names...)
	// Room for the legend.
	p.Y.Max *= 1.2
	return p, nil
}

// bars are the names of all phases, and the phases.
func phasesOf(bursts []burst) (names []string, phases []phase) {
	for _, b := range bursts {
		for _, p := range b.Phases {
			names = append(names, fmt.Sprintf("%s\n%s\n%d members", p.Operation, b.Kind, b.Members))
			phases = append(phases, p)
		}
	}
	return names, phases
}

func drawRates(bursts []burst) (*plot.Plot, error) {
	names, phases := phasesOf(bursts)
	return drawBars("A burst of objects, from the host into all members", "copies per second", names, []string{"written straight into the members", "federated"},
		func(series, name int) float64 {
			return []float64{phases[name].DirectCopiesPerSecond, phases[name].CopiesPerSecond}[series]
		})
}

func drawLatencies(bursts []burst) (*plot.Plot, error) {
	names, phases := phasesOf(bursts)
	return drawBars("A burst of objects: from acknowledgement to a member", "milliseconds", names, []string{"p50", "p90", "p99"},
		func(series, name int) float64 {
			return []float64{phases[name].P50Millis, phases[name].P90Millis, phases[name].P99Millis}[series]
		})
}

// drawGrowth draws a cost over the number of copies, a line for each number of
// members, and a line of what is linear.
func drawGrowth(title, unit string, cells []cell, cost func(cell) float64) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = title
	p.X.Label.Text, p.Y.Label.Text = "copies (objects x members)", unit
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.Left = true, true
	byMembers := map[int]plotter.XYs{}
	var members []int
	var all plotter.XYs
	for _, c := range cells {
		if value := cost(c); c.Operation == "create" && value > 0 {
			point := plotter.XY{X: float64(c.Members * c.Objects), Y: value}
			if byMembers[c.Members] == nil {
				members = append(members, c.Members)
			}
			byMembers[c.Members] = append(byMembers[c.Members], point)
			all = append(all, point)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("draw %s: nothing was measured", title)
	}
	slices.Sort(members)
	for i, m := range members {
		line, points, err := plotter.NewLinePoints(byMembers[m])
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", title, err)
		}
		line.Color, points.Color, points.Shape = colours[i%len(colours)], colours[i%len(colours)], canvas.CircleGlyph{}
		p.Add(line, points)
		p.Legend.Add(fmt.Sprintf("%d hollow members", m), line, points)
	}
	first, last := all[0], all[0]
	for _, point := range all {
		if point.X < first.X {
			first = point
		}
		if point.X > last.X {
			last = point
		}
	}
	linear, err := plotter.NewLine(plotter.XYs{first, {X: last.X, Y: first.Y * last.X / first.X}})
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", title, err)
	}
	linear.Color, linear.Dashes = color.Gray{Y: 0x80}, []vg.Length{vg.Points(4), vg.Points(4)}
	p.Add(linear)
	p.Legend.Add("linear in copies", linear)
	return p, nil
}
