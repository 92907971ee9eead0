package terminal

import "strings"

// comment begins a comment of SQL.
const comment = "--"

// Paste writes statements for psql, or commands of the AWS CLI for a shell, so that what is copied from the terminal does what they do.
// A line that is too wide goes on in the next one where that means the same: at a blank outside quotes, in a shell after a backslash. A
// comment does not, since the rest of it would be a statement; nor does a line in which quotes are not plain.
func (p *Page) Paste(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		shell := strings.HasPrefix(line, "aws ")
		pieces := []string{line}
		if Columns(Safe(line)) > Width && (shell || !strings.Contains(line, comment)) && !strings.Contains(line, `\`) {
			pieces = divide(line)
		}
		p.pieces(pieces, shell)
	}
}

// pieces writes as many in a line as fit.
func (p *Page) pieces(pieces []string, shell bool) {
	goesOn := ""
	if shell {
		goesOn = ` \`
	}
	line := Safe(pieces[0])
	for _, piece := range pieces[1:] {
		piece = Safe(piece)
		if Columns(line)+1+Columns(piece)+len(goesOn) > Width {
			p.write(line + goesOn)
			line = " " // and one more blank
		}
		line += " " + piece
	}
	p.write(line)
}

// divide divides a line at its blanks outside quotes. One whose quotes do not end is one piece.
func divide(line string) (pieces []string) {
	var quote rune // that is open; 0 = none
	begun := 0
	for at, r := range line {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		case quote == 0 && r == ' ':
			pieces, begun = append(pieces, line[begun:at]), at+1
		}
	}
	if quote != 0 {
		return []string{line}
	}
	return append(pieces, line[begun:])
}
