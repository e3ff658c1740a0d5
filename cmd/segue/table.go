package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A table lines up columns. Colors are put on after the padding, so that they
// do not count.
type table struct {
	columns []column
	rows    [][]string
}

// A column of a table.
type column struct {
	name  string
	right bool                // numbers
	wide  bool                // shown by --output wide only
	paint func(string) string // colors a cell, nil for none
}

// add appends a row with a cell for each column.
func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// text formats t; gap is two spaces, empty cells are shown as "-".
func (t *table) text(a *app) string {
	var shown []int

	for i, c := range t.columns {
		if !c.wide || a.format == formatWide {
			shown = append(shown, i)
		}
	}

	widths := make([]int, len(t.columns))
	for _, i := range shown {
		widths[i] = utf8.RuneCountInString(t.columns[i].name)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell(row[i])))
		}
	}

	var s strings.Builder

	header := make([]string, len(t.columns))
	for i, c := range t.columns {
		header[i] = c.name
	}

	for n, row := range append([][]string{header}, t.rows...) {
		var line strings.Builder

		for _, i := range shown {
			c := t.columns[i]
			text := cell(row[i])
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))

			if c.paint != nil && n > 0 && a.color() {
				text = c.paint(text)
			}

			if c.right {
				text = padding + text
			} else {
				text += padding
			}

			line.WriteString(text + "  ")
		}

		s.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}

	return s.String()
}

// cell makes a text fit for one cell or line.
func cell(s string) string {
	if s == "" {
		return "-"
	}

	return strings.ReplaceAll(printable(s), "\n", " ")
}

// printable takes out what could drive a terminal: texts come from a cluster.
// Lines stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}

		return r
	}, s)
}

// color reports whether colors are wanted on stdout.
func (a *app) color() bool {
	return a.outTTY && !a.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

// paintWord colors the words of states: green for good, yellow for what moves
// or may need a look, red for what needs a person.
func paintWord(s string) string {
	const (
		green  = "\x1b[32m"
		yellow = "\x1b[33m"
		red    = "\x1b[31m"
		reset  = "\x1b[0m"
	)

	switch strings.ToLower(s) {
	case "alive", "owned", "completed", "healthy":
		return green + s + reset
	case "suspect", "leaving", "opening", "moving", "held", "degraded", "forming", "progressing", "paused", "gating",
		"baking", "finalizing", "aborting", "rolling_back", "rolled_back":
		return yellow + s + reset
	case "failed", "fenced", "lost", "unowned", "unavailable":
		return red + s + reset
	}

	return s
}

// word colors a state outside of a table.
func (a *app) word(s string) string {
	if a.color() {
		return paintWord(s)
	}

	return s
}
