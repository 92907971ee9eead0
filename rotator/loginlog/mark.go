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

// pairEnd returns how far into the text a user name, @ and a database name can reach at most: isPair knows it exactly.
func pairEnd(text string) int {
	if !grows(text) {
		return min(len(text), 2*maxName+1)
	}
	database := lastAt(text, sentEnd(text, maxName+1)) + 1
	return database + sentEnd(text[database:], maxName)
}

// lastAt returns where the last @ before an end stands, -1 = there is none.
func lastAt(text string, end int) int {
	text = text[:min(len(text), end)]
	for last := -1; ; {
		at := strings.IndexByte(text[last+1:], '@')
		if at < 0 {
			return last
		}
		last += 1 + at
	}
}

// replacement stands in CloudWatch for what is not UTF-8: for a byte, or for several.
const replacement = "\ufffd"

// grows reports whether the names that the text begins with may have replacements.
func grows(text string) bool {
	return strings.IndexByte(text[:min(len(text), 2*maxName+1)], replacement[0]) >= 0
}

// sentEnd returns where n bytes that a client sent end, at most. A replacement may be one of them, though it is three long itself:
// without that a stranger's names would reach beyond where the server's mark is looked for.
func sentEnd(text string, n int) int {
	end := min(len(text), n)
	for from := 0; strings.IndexByte(text[from:end], replacement[0]) >= 0; {
		at := strings.Index(text[from:min(len(text), end+len(replacement)-1)], replacement)
		if at < 0 || from+at >= end {
			break
		}
		from += at + len(replacement)
		end = min(len(text), end+len(replacement)-1)
	}
	return end
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
	if body == "" || !isDigit(body[0]) {
		m.severity, m.message, ok = cutSeverity(body)
		return ok || isSeverityLike(body)
	}
	if m.sqlstate, m.body, ok = cutDetails(body); ok {
		m.severed, _ = nextSeverity(m.body, 0)
	}
	return ok
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
	if len(text) <= maxName+1 {
		return strings.IndexByte(text, '@') >= 0
	}
	return endsIn(text, maxName)
}

// isPairCut reports whether the text can be the beginning of such a pair, up to a newline in one of the names.
func isPairCut(text string) bool {
	switch {
	case len(text) < maxName:
		return true
	case len(text) > 2*maxName && !grows(text):
		return false
	}
	return sentEnd(text, maxName-1) == len(text) || endsIn(text, maxName-1)
}

// endsIn reports whether the text can be a user name, @ and n bytes of a database name, or fewer.
func endsIn(text string, n int) bool {
	at := lastAt(text, sentEnd(text, maxName+1))
	return at >= 0 && at+1+sentEnd(text[at+1:], n) == len(text)
}
