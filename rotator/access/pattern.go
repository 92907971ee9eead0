package access

import "strings"

// element is one element of a pattern.
type element struct {
	kind elementKind
	char rune // of a letter
}

type elementKind int

const (
	letter  elementKind = iota
	one                 // ?
	within              // *: any text inside a segment of the ARN
	beyond              // *, the last character of its segment: any text
	unknown             // a variable's value that nobody knows here: any text
)

// pattern is the resource of a policy. * and ? stand for text within the parts between colons, but for a * at the end of a part,
// which reaches beyond (IAM User Guide, "IAM JSON policy elements: Resource").
type pattern []element

// add takes in a text of a policy with its wildcards.
func (p pattern) add(text string) pattern {
	for _, c := range text {
		switch c {
		case '*':
			p = append(p, element{kind: within})
		case '?':
			p = append(p, element{kind: one})
		default:
			p = append(p, element{kind: letter, char: c})
		}
	}
	return p
}

// addLiteral takes in a text in which nothing is a wildcard.
func (p pattern) addLiteral(text string) pattern {
	for _, c := range text {
		p = append(p, element{kind: letter, char: c})
	}
	return p
}

// matcher is a pattern ready to be compared: most are a text, or one with a * at its end.
type matcher struct {
	prefix string // as it stands
	rest   pattern
}

// matcher marks the wildcards that end a segment, and parts the text before the first wildcard from the rest.
func (p pattern) matcher() matcher {
	for n := range p {
		last := n+1 == len(p) || p[n+1].kind == letter && p[n+1].char == ':'
		if p[n].kind == within && last {
			p[n].kind = beyond
		}
	}
	var prefix strings.Builder
	for len(p) > 0 && p[0].kind == letter {
		prefix.WriteRune(p[0].char)
		p = p[1:]
	}
	return matcher{prefix.String(), p}
}

func (m matcher) matches(text string) bool {
	text, ok := strings.CutPrefix(text, m.prefix)
	switch {
	case !ok:
		return false
	case len(m.rest) == 0:
		return text == ""
	case len(m.rest) == 1 && m.rest[0].kind == beyond:
		return true
	}
	return m.rest.matches(text)
}

// matches follows all readings of the pattern side by side, so that its time is bounded by the product of both lengths.
func (p pattern) matches(text string) bool {
	at, next := make([]bool, len(p)+1), make([]bool, len(p)+1)
	at[0] = true
	p.skip(at)
	for _, c := range text {
		clear(next)
		alive := false
		for n, e := range p {
			if !at[n] || !e.takes(c) {
				continue
			}
			alive = true
			if e.repeats() {
				next[n] = true
			} else {
				next[n+1] = true
			}
		}
		if !alive {
			return false
		}
		p.skip(next)
		at, next = next, at
	}
	return at[len(p)]
}

// skip goes on past the elements that may stand for no text.
func (p pattern) skip(at []bool) {
	for n, e := range p {
		if at[n] && e.repeats() {
			at[n+1] = true
		}
	}
}

func (e element) repeats() bool { return e.kind == within || e.kind == beyond || e.kind == unknown }

func (e element) takes(c rune) bool {
	switch e.kind {
	case letter:
		return c == e.char
	case one, within:
		return c != ':'
	}
	return true
}

// actionMatches compares an action with one of a policy, in which case does not count and * and ? stand for any text.
func actionMatches(written, action string) bool {
	p := pattern(nil).add(strings.ToLower(written))
	for n := range p {
		switch p[n].kind {
		case within:
			p[n].kind = beyond
		}
	}
	return p.matches(action)
}
