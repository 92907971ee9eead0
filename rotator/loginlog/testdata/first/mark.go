package first

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
	severed
}

// severed is a body, cut before and after its severity.
type severed struct {
	// start is the length of the application name.
	start             int
	severity, message string
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

// nextMark finds the first mark that begins in text[from:end+1].
func nextMark(text string, from, end int) (mark, bool) {
	window := text[:min(len(text), end+len(":["))]
	for from < len(window) {
		bracket := strings.IndexByte(window[from:], '[')
		if bracket < 0 {
			break
		}
		if at := from + bracket - 1; at >= from && text[at] == ':' {
			if m, ok := readMark(text, at); ok {
				return m, true
			}
		}
		from += bracket + 1
	}
	return mark{}, false
}

func readMark(text string, at int) (mark, bool) {
	pid, body, ok := cutNumber(text[at+len(":["):])
	if !ok {
		return mark{}, false
	}
	if body, ok = strings.CutPrefix(body, "]:"); !ok {
		return mark{}, false
	}
	m := mark{at: at, pid: pid, body: body}
	if m.severity, m.message, ok = cutSeverity(body); ok {
		return m, true
	}
	if m.sqlstate, m.body, ok = cutDetails(body); !ok {
		return mark{}, false
	}
	m.severed, ok = nextSeverity(m.body, 0)
	return m, ok
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
		for n < len(rest) && isDetailByte(rest[n]) {
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

// isSeverity knows the words that elog.c writes to the server log; each part of a report repeats the prefix.
func isSeverity(word string) bool {
	switch word {
	case "LOG", "FATAL", "ERROR", "DETAIL", "STATEMENT", "WARNING", "HINT", "CONTEXT", "NOTICE", "INFO", "DEBUG",
		"PANIC", "QUERY", "LOCATION", "BACKTRACE":
		return true
	}
	return false
}

// cutSeverity parts "LOG:  message".
func cutSeverity(text string) (severity, message string, ok bool) {
	end := strings.IndexByte(text[:min(len(text), len("STATEMENT:"))], ':')
	if end < 0 || !isSeverity(text[:end]) {
		return "", "", false
	}
	message, ok = strings.CutPrefix(text[end+1:], "  ")
	return text[:end], message, ok
}

// nextSeverity finds the next severity, at from or after it, that an application name of at most 63 printable bytes
// can precede.
func nextSeverity(text string, from int) (severed, bool) {
	window := text[:min(len(text), maxName+len("STATEMENT:"))]
	for colon := from; ; colon++ {
		next := strings.IndexByte(window[min(colon, len(window)):], ':')
		if next < 0 {
			return severed{}, false
		}
		colon += next
		message, ok := strings.CutPrefix(text[colon+1:], "  ")
		start := colon - severityLen(text[from:colon])
		if ok && start < colon && start <= maxName && isPrintable(text[:start]) {
			return severed{start, text[start:colon], message}, true
		}
	}
}

// severityLen returns the length of the severity that the text ends with, or 0.
func severityLen(text string) int {
	for n := len("LOG"); n <= min(len(text), len("STATEMENT")); n++ {
		if isSeverity(text[len(text)-n:]) {
			return n
		}
	}
	return 0
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
