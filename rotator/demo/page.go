package main

import (
	"fmt"
	"os"
	"time"

	"pgrotator/rotator/terminal"
)

// page writes the story for a reader.
type page struct{ *terminal.Page }

// newPage writes to out; unread is called when a line cannot be written.
func newPage(out *os.File, unread func()) *page {
	return &page{terminal.NewPage(out, terminal.Colour(out), unread)}
}

// part is a line that ends with how long something took.
func (p *page) part(text string, took time.Duration) {
	const clock = 10 // columns
	lines := terminal.Wrap(text, terminal.Width-2-clock)
	for _, line := range lines[:len(lines)-1] {
		p.Line("  " + line)
	}
	p.Line("  " + terminal.Pad(lines[len(lines)-1], terminal.Width-2-clock) + p.Paint(terminal.Dim, fmt.Sprintf("%8.1f s", took.Seconds())))
}
