package terminal

import (
	"slices"
	"strings"
)

// Row is a line of a table, or several where a cell does not fit into its column.
type Row struct {
	Ink   Ink // of the first cell
	Cells []string
	Note  string // a paragraph below the row; "" = none
}

const (
	indent = 2 // columns before a table
	gap    = 2 // columns between two of a table's

	deepest = 12 // columns before a note, whatever the first column takes
)

// Table writes rows of as many cells each in columns, which are as wide as they need to be; what is too wide for the page goes on
// below. head is in the first row, nil = none.
func (p *Page) Table(head []string, rows []Row) {
	if head != nil {
		rows = append([]Row{{Ink: Dim, Cells: head}}, rows...)
	}
	widths := columnWidths(rows)
	for n, r := range rows {
		ink := [2]Ink{r.Ink, Plain}
		if n == 0 && head != nil {
			ink[1] = Dim
		}
		p.row(r.Cells, widths, ink)
		if r.Note != "" {
			p.Hang(Yellow, strings.Repeat(" ", min(indent+widths[0]+gap, deepest))+"> ", r.Note)
		}
	}
}

// row writes the cells of a row, the first one in ink[0] and the others in ink[1].
func (p *Page) row(cells []string, widths []int, ink [2]Ink) {
	wrapped, height := make([][]string, len(cells)), 0
	for n, cell := range cells {
		wrapped[n] = Wrap(Safe(cell), widths[n])
		height = max(height, len(wrapped[n]))
	}
	for y := range height {
		line := strings.Repeat(" ", indent)
		for n, lines := range wrapped {
			text := ""
			if y < len(lines) {
				text = lines[y]
			}
			if n > 0 {
				line += strings.Repeat(" ", gap)
			}
			line += p.Paint(ink[min(n, 1)], text) + strings.Repeat(" ", max(0, widths[n]-Columns(text)))
		}
		p.Line(line)
	}
}

// columnWidths are what the cells need; while that is too much for the page, the widest column gives one up.
func columnWidths(rows []Row) []int {
	var widths []int
	for _, r := range rows {
		for n, cell := range r.Cells {
			if n == len(widths) {
				widths = append(widths, 1)
			}
			widths[n] = max(widths[n], Columns(Safe(cell)))
		}
	}
	for total(widths) > Width {
		widest := slices.Index(widths, slices.Max(widths))
		if widths[widest] == 1 {
			break
		}
		widths[widest]--
	}
	return widths
}

func total(widths []int) int {
	columns := indent - gap
	for _, w := range widths {
		columns += w + gap
	}
	return columns
}
