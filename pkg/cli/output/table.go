package output

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Cell is a field of a table.
type Cell struct {
	Text string
	// Paint colours the text; nil leaves it.
	Paint func(string) string
}

// Plain is a cell without colour.
func Plain(format string, args ...any) Cell {
	return Cell{Text: fmt.Sprintf(format, args...)}
}

// Table is columns under headings.
type Table struct {
	Headings []string
	Rows     [][]Cell
	// Indent goes before every line.
	Indent string
}

// gap is what is between columns.
const gap = "   "

// Print writes the table. Columns that are empty in every row are left out.
func (t *Table) Print(out io.Writer) {
	widths := make([]int, len(t.Headings))
	for _, row := range t.Rows {
		for i := range row {
			row[i].Text = Clean(row[i].Text)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].Text))
		}
	}
	headings := make([]Cell, len(t.Headings))
	for i, heading := range t.Headings {
		headings[i] = Cell{Text: heading}
		if widths[i] > 0 {
			widths[i] = max(widths[i], utf8.RuneCountInString(heading))
		}
	}
	for _, row := range append([][]Cell{headings}, t.Rows...) {
		line := ""
		for i, cell := range row {
			if widths[i] == 0 {
				continue
			}
			text := cell.Text
			if cell.Paint != nil {
				text = cell.Paint(text)
			}
			line += text + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell.Text)) + gap
		}
		fmt.Fprintln(out, t.Indent+strings.TrimRight(line, " "))
	}
}
