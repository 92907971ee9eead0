package terminal

import (
	"slices"
	"strings"
)

// Row is a line of a table, or several where a cell does not fit into its column.
type Row struct {
	Ink   Ink // of the first cell
	Cells []string
	Note  string // below the row; "" = none. What follows its first line is to be pasted
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
		p.note(r.Note, min(indent+widths[0]+gap, deepest))
	}
}

// note writes what stands below a row, indented by so many columns, and what of it is to be pasted at the beginning of the line.
func (p *Page) note(text string, indent int) {
	say, paste, _ := strings.Cut(text, "\n")
	if say != "" {
		p.Hang(Yellow, strings.Repeat(" ", indent)+"> ", say)
	}
	if paste != "" {
		p.Paste(paste)
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
