// Package terminal writes for a person at a terminal: lines of at most 80 columns, coloured where the reader wants it, and with
// nothing in them that a terminal obeys. Names in a database, and of anything in AWS, are whatever a stranger chose.
package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe is text in one line, in which every character that does not show itself is written as Go escapes it: control characters, what
// begins an ANSI sequence (\x1b), marks of bidirectional text (\u202e), blanks other than the ordinary one, and bytes that are not
// UTF-8 (\xff).
func Safe(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 || !shows(r) {
			b.WriteString(escape(text[:size]))
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

// shows reports whether a reader sees the character. The fillers count as letters to Unicode, and are drawn as blanks.
func shows(r rune) bool {
	return unicode.IsPrint(r) && !strings.ContainsRune("\u115f\u1160\u2800\u3164\uffa0", r)
}

// Columns is how many columns of a terminal a safe text takes: two for each wide character of East Asian writing and for emoji, none
// for marks that are drawn over the character before.
func Columns(text string) int {
	columns := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case unicode.Is(wide, r):
			columns += 2
		default:
			columns++
		}
	}
	return columns
}

// wide are the blocks whose characters take two columns (Unicode Standard Annex 11, East Asian Width, W and F), without the gaps in them.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, {Lo: 0x231a, Hi: 0x231b, Stride: 1}, {Lo: 0x23e9, Hi: 0x23f3, Stride: 1},
		{Lo: 0x25fd, Hi: 0x27bf, Stride: 1}, {Lo: 0x2b1b, Hi: 0x2b55, Stride: 1}, {Lo: 0x2e80, Hi: 0xa4cf, Stride: 1},
		{Lo: 0xa960, Hi: 0xa97f, Stride: 1}, {Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, {Lo: 0xf900, Hi: 0xfaff, Stride: 1},
		{Lo: 0xfe10, Hi: 0xfe6f, Stride: 1}, {Lo: 0xff00, Hi: 0xff60, Stride: 1}, {Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x16fe0, Hi: 0x18cff, Stride: 1}, {Lo: 0x1aff0, Hi: 0x1b2ff, Stride: 1}, {Lo: 0x1f000, Hi: 0x1faff, Stride: 1},
		{Lo: 0x20000, Hi: 0x3fffd, Stride: 1},
	},
}

// Wrap makes text safe and breaks it between words into lines of at most so many columns, at least one line. Lines of its own stay
// apart, and a word that is too long goes on in the next line.
func Wrap(text string, columns int) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, wrapLine(line, columns)...)
	}
	return lines
}

func wrapLine(text string, columns int) (lines []string) {
	line := ""
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }) {
		word = Safe(word)
		if line != "" && Columns(line)+1+Columns(word) > columns {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		for line += word; Columns(line) > columns; {
			head, rest := cut(line, columns)
			lines, line = append(lines, head), rest
		}
	}
	return append(lines, line)
}

// cut divides text after at most so many columns, and after one character at least.
func cut(text string, columns int) (head, rest string) {
	taken := 0
	for at, r := range text {
		taken += Columns(string(r))
		if taken > columns && at > 0 {
			return text[:at], text[at:]
		}
	}
	return text, ""
}

// Pad fills text with blanks up to a number of columns.
func Pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-Columns(text)))
}
