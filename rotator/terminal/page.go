package terminal

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Width is how many columns a line takes at most, but for some that are to be pasted.
const Width = 80

// Ink is an ANSI "select graphic rendition" sequence.
type Ink string

// The inks.
const (
	Plain  Ink = ""
	Bold   Ink = "\x1b[1m"
	Dim    Ink = "\x1b[2m"
	Red    Ink = "\x1b[31m"
	Green  Ink = "\x1b[32m"
	Yellow Ink = "\x1b[33m"
	Pink   Ink = "\x1b[35m"
	Blue   Ink = "\x1b[36m"
	normal Ink = "\x1b[0m"
)

// Page writes lines for a reader, from top to bottom.
type Page struct {
	out    io.Writer
	colour bool
	unread func()
}

// NewPage writes to out, and calls unread when a line could not be written. colour says whether inks are used.
func NewPage(out io.Writer, colour bool, unread func()) *Page {
	return &Page{out: out, colour: colour, unread: unread}
}

// Colour reports whether a file is a terminal that shows colours, and its reader wants them (no-color.org).
func Colour(out *os.File) bool {
	return Is(out) && os.Getenv("NO_COLOR") == ""
}

// Is reports whether a file is a terminal that knows ANSI sequences.
func Is(out *os.File) bool {
	info, err := out.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// Paint makes text safe and gives it a colour.
func (p *Page) Paint(i Ink, text string) string {
	if !p.colour || i == Plain || text == "" {
		return Safe(text)
	}
	return string(i) + Safe(text) + string(normal)
}

// Line writes a line as it is: what is not the program's own must have been made safe.
func (p *Page) Line(text string) {
	p.write(strings.TrimRight(text, " "))
}

func (p *Page) write(line string) {
	if _, err := fmt.Fprintln(p.out, line); err != nil {
		p.unread()
	}
}

// Title begins a part.
func (p *Page) Title(text string) {
	p.Line("")
	for _, line := range Wrap(text, Width) {
		p.Line(p.Paint(Bold, line))
	}
}

// Say is a paragraph or several, indented by two.
func (p *Page) Say(text string) {
	p.Hang(Plain, "  ", text)
}

// Hang is a paragraph whose first line begins with mark and whose others are indented as far.
func (p *Page) Hang(i Ink, mark, text string) {
	columns := Columns(mark)
	for n, line := range Wrap(text, Width-columns) {
		if n == 0 {
			p.Line(p.Paint(i, mark) + line)
		} else {
			p.Line(strings.Repeat(" ", columns) + line)
		}
	}
}

// escape writes what does not show itself as Go does, without quotes.
func escape(character string) string {
	return strings.Trim(strconv.QuoteToASCII(character), `"`)
}
