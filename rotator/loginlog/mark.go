package loginlog

import "strings"

// maxName is the longest role or database name in bytes: PostgreSQL cuts the names of the startup packet there, so a
// client without credentials has twice that and the @ between them for what it wants to forge.
const maxName = 63

// mark is a place where the names of the prefix may end: ":[pid]:" and what follows it.
type mark struct {
	// at is where the mark begins and the names end.
	at  int
	pid int
	// sqlstate is "" under the first prefix, which has none.
	sqlstate string
	// body starts with the severity; under the second prefix with the application name (%a), which PostgreSQL does
	// not part from the severity.
	body string
	// severed has no severity where the word for it is in none of the known languages.
	severed
}

// pairEnd returns how far into the text a user name, @ and a database name can reach.
func pairEnd(text string) int {
	user := text[:min(len(text), maxName+1)]
	end := 0
	for {
		at := strings.IndexByte(user[end:], '@')
		if at < 0 {
			return min(len(text), end+maxName)
		}
		end += at + 1
	}
}

// find finds the first mark that begins in text[from:end+1].
func (m *mark) find(text string, from, end int) bool {
	window := text[:min(len(text), end+len(":["))]
	for from < len(window) {
		bracket := strings.IndexByte(window[from:], '[')
		if bracket < 0 {
			break
		}
		if at := from + bracket - 1; at >= from && text[at] == ':' && m.read(text, at) {
			return true
		}
		from += bracket + 1
	}
	return false
}

// read reads the mark that begins at a colon of the text; false if there is none.
func (m *mark) read(text string, at int) bool {
	pid, body, ok := cutNumber(text[at+len(":["):])
	if !ok {
		return false
	}
	if body, ok = strings.CutPrefix(body, "]:"); !ok {
		return false
	}
	*m = mark{at: at, pid: pid, body: body}
	if m.severity, m.message, ok = cutSeverity(body); ok {
		return true
	}
	if m.sqlstate, m.body, ok = cutDetails(body); ok {
		m.severed, _ = nextSeverity(m.body, 0)
		return true
	}
	return isSeverityLike(body)
}

// isSeverityLike accepts a word in capitals or in another script before a colon. A mark must be seen in any language: one
// that is overlooked leaves a stranger's names to pass for an entry.
func isSeverityLike(body string) bool {
	end := strings.IndexByte(body[:min(len(body), maxSeverity)], ':')
	for i := range max(end, 0) {
		c := body[i]
		if c < 0x80 && (c < 'A' || c > 'Z') && c != ' ' && c != '\'' && c != '(' && c != ')' {
			return false
		}
	}
	return end > 0
}

// cutDetails takes "%l:%e:%s:%v:%x:%c:" of the second prefix off the text.
func cutDetails(text string) (sqlstate, rest string, ok bool) {
	line := leadingDigits(text)
	state := line + len(":")
	start := state + len("00000:")
	if line == 0 || len(text) < start || text[line] != ':' || text[start-1] != ':' {
		return "", "", false
	}
	_, rest, ok = cutStamp(text[start:])
	if !ok {
		return "", "", false
	}
	for range len("vxc") {
		n := 0
		for n < min(len(rest), maxName) && isDetailByte(rest[n]) {
			n++
		}
		if rest, ok = strings.CutPrefix(rest[n:], ":"); !ok {
			return "", "", false
		}
	}
	return text[state : start-1], rest, true
}

// isDetailByte accepts what transaction and session identifiers consist of.
func isDetailByte(c byte) bool { return isDigit(c) || ('a' <= c && c <= 'f') || c == '/' || c == '.' }

// isPrintable reports whether the text is printable ASCII.
func isPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// isPair reports whether the text can be a user name, @ and a database name.
func isPair(text string) bool {
	return hasAt(text, len(text)-maxName-1)
}

// isPairCut reports whether the text can be the beginning of such a pair, up to a newline in one of the names.
func isPairCut(text string) bool {
	return len(text) < maxName || hasAt(text, len(text)-maxName)
}

// hasAt reports whether an @ stands at or after first, behind no more than one name.
func hasAt(text string, first int) bool {
	first, end := max(0, first), min(len(text), maxName+1)
	return first < end && strings.IndexByte(text[first:end], '@') >= 0
}
