package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// width is how many columns a line takes at most.
const width = 96

// ink is an ANSI "select graphic rendition" sequence.
type ink string

const (
	plain  ink = ""
	bold   ink = "\x1b[1m"
	dim    ink = "\x1b[2m"
	green  ink = "\x1b[32m"
	red    ink = "\x1b[31m"
	yellow ink = "\x1b[33m"
	blue   ink = "\x1b[36m"
	pink   ink = "\x1b[35m"
	normal ink = "\x1b[0m"
)

// page writes lines for a reader, from top to bottom.
type page struct {
	out    io.Writer
	colour bool
	unread func() // called when a line cannot be written
}

// newPage writes colours where out is a terminal, unless the reader wants none (no-color.org).
func newPage(out *os.File, unread func()) *page {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	return &page{out: out, colour: terminal && os.Getenv("NO_COLOR") == "", unread: unread}
}

func (p *page) paint(i ink, text string) string {
	if !p.colour || i == plain {
		return text
	}
	return string(i) + text + string(normal)
}

func (p *page) line(text string) {
	if _, err := fmt.Fprintln(p.out, strings.TrimRight(text, " ")); err != nil {
		p.unread()
	}
}

// title begins a part.
func (p *page) title(text string) {
	p.line("")
	p.line(p.paint(bold, text))
}

// say is a paragraph.
func (p *page) say(text string) {
	p.hang(plain, "  ", text)
}

// hang is a paragraph whose first line begins with mark and whose others are indented as far.
func (p *page) hang(i ink, mark, text string) {
	columns := utf8.RuneCountInString(mark)
	for n, line := range wrap(text, width-columns) {
		if n == 0 {
			p.line(p.paint(i, mark) + line)
		} else {
			p.line(strings.Repeat(" ", columns) + line)
		}
	}
}

// part is a line that ends with how long something took.
func (p *page) part(text string, took time.Duration) {
	lines := wrap(text, width-12)
	for _, line := range lines[:len(lines)-1] {
		p.line("  " + line)
	}
	p.line("  " + pad(lines[len(lines)-1], width-10) + p.paint(dim, fmt.Sprintf("%6.1f s", took.Seconds())))
}

// pad fills text up to a number of columns.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-utf8.RuneCountInString(text)))
}

// wrap breaks text between words into lines of at most so many columns; a longer word has a line of its own.
func wrap(text string, columns int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
