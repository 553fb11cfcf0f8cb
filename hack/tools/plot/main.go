// Command plot draws what test/bench measured, and writes its tables into a page.
//
//	go -C hack/tools/plot run . -results ../../../.bench -figures ../../../docs/performance -page ../../../docs/performance.md
//
// Every figure is drawn as PNG and SVG next to the results, and as SVG into the
// folder of figures if there is one. The page has markers between which a table
// stands: <!-- begin NAME --> and <!-- end NAME -->.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

func main() {
	results := flag.String("results", ".bench", "folder of the results")
	figures := flag.String("figures", "", "folder for the figures of a page; empty: none")
	page := flag.String("page", "", "page whose tables are written; empty: none")
	flag.Parse()
	if err := run(*results, *figures, *page); err != nil {
		fmt.Fprintf(os.Stderr, "plot: %v\n", err)
		os.Exit(1)
	}
}

// figure is a drawing, the name of its file and that of the markers between which
// it stands in a page.
type figure struct {
	name, markers string
	plot          *plot.Plot
}

// links show the figures in a page, by the names of the markers. There are none
// without a folder of figures.
func links(page, folder string, drawn []figure) map[string]string {
	if folder == "" {
		return nil
	}
	links := map[string]string{}
	for _, f := range drawn {
		file := filepath.Join(folder, f.name+".svg")
		if relative, err := filepath.Rel(filepath.Dir(page), file); err == nil {
			file = filepath.ToSlash(relative)
		}
		links[f.markers] += fmt.Sprintf("![%s](%s)\n\n", f.plot.Title.Text, file)
	}
	return links
}

func run(results, figures, page string) error {
	bursts, err := read[burst](results, "burst-*.json")
	if err != nil {
		return err
	}
	scales, err := read[scale](results, "scale-*.json")
	if err != nil {
		return err
	}
	if len(bursts)+len(scales) == 0 {
		return errors.New("there are no results: run make bench or make bench-scale first")
	}
	drawn, err := draw(bursts, scales)
	if err != nil {
		return err
	}
	if figures != "" {
		if err := os.MkdirAll(figures, 0o755); err != nil {
			return fmt.Errorf("write the figures: %w", err)
		}
	}
	for _, f := range drawn {
		files := []string{filepath.Join(results, f.name+".png"), filepath.Join(results, f.name+".svg")}
		if figures != "" {
			files = append(files, filepath.Join(figures, f.name+".svg"))
		}
		for _, file := range files {
			if err := f.plot.Save(18*vg.Centimeter, 11*vg.Centimeter, file); err != nil {
				return fmt.Errorf("draw %s: %w", file, err)
			}
		}
	}
	if page == "" {
		return nil
	}
	return writeTables(page, bursts, scales, links(page, figures, drawn))
}
