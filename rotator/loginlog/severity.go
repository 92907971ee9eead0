package loginlog

import "strings"

// severity is the word that an entry begins with, in whatever language.
type severity uint8

const (
	noSeverity severity = iota
	severityLog
	severityFatal
	severityError
	severityWarning
	severityNotice
	severityInfo
	severityDebug
	severityPanic
	severityStatement
	// From here on: what follows another entry of the same report.
	severityDetail
	severityHint
	severityContext
	severityQuery
	severityLocation
	severityBacktrace
)

var severityNames = [...]string{
	severityLog: "LOG", severityFatal: "FATAL", severityError: "ERROR", severityWarning: "WARNING",
	severityNotice: "NOTICE", severityInfo: "INFO", severityDebug: "DEBUG", severityPanic: "PANIC",
	severityStatement: "STATEMENT", severityDetail: "DETAIL", severityHint: "HINT", severityContext: "CONTEXT",
	severityQuery: "QUERY", severityLocation: "LOCATION", severityBacktrace: "BACKTRACE",
}

// String returns PostgreSQL's English word.
func (s severity) String() string { return severityNames[s] }

func severityNamed(name string) severity {
	for s, word := range severityNames {
		if strings.EqualFold(word, name) {
			return severity(s)
		}
	}
	return noSeverity
}

// severityOf knows the words that elog.c writes to the server log; each part of a report repeats the prefix.
func severityOf(word string) severity {
	if s := englishSeverity(word); s != noSeverity {
		return s
	}
	return knownTexts().severities[strings.TrimRight(word, " ")]
}

// IsSeverity reports whether an entry can begin with a word and a colon, in any of the languages that are known.
func IsSeverity(word string) bool { return severityOf(word) != noSeverity }

func englishSeverity(word string) severity {
	switch word {
	case "LOG":
		return severityLog
	case "FATAL":
		return severityFatal
	case "ERROR":
		return severityError
	case "WARNING":
		return severityWarning
	case "NOTICE":
		return severityNotice
	case "INFO":
		return severityInfo
	case "DEBUG":
		return severityDebug
	case "PANIC":
		return severityPanic
	case "STATEMENT":
		return severityStatement
	case "DETAIL":
		return severityDetail
	case "HINT":
		return severityHint
	case "CONTEXT":
		return severityContext
	case "QUERY":
		return severityQuery
	case "LOCATION":
		return severityLocation
	case "BACKTRACE":
		return severityBacktrace
	}
	return noSeverity
}

// maxSeverity is longer than the word for a severity is in any language.
const maxSeverity = 48

// cutSeverity parts "LOG:  message".
func cutSeverity(text string) (s severity, message string, ok bool) {
	end := strings.IndexByte(text[:min(len(text), maxSeverity)], ':')
	if end < 0 {
		return noSeverity, "", false
	}
	if s = severityOf(text[:end]); s == noSeverity {
		return noSeverity, "", false
	}
	message, ok = s.cutColon(text[end:])
	return s, message, ok
}

// cutColon takes the colon and the blanks after it off the text: elog.c itself writes two; translators wrote what stands
// after the words that follow another entry.
func (s severity) cutColon(text string) (message string, ok bool) {
	if message, ok = strings.CutPrefix(text, ":  "); ok || s < severityStatement {
		return message, ok
	}
	return strings.TrimPrefix(text[1:], " "), true
}

// severed is a body, cut before and after its severity.
type severed struct {
	// start is the length of the application name.
	start    int
	severity severity
	message  string
}

// nextSeverity finds the next severity, at from or after it, that an application name of at most 63 printable bytes
// can precede.
func nextSeverity(text string, from int) (severed, bool) {
	window := text[:min(len(text), maxName+maxSeverity)]
	for colon := from; colon < len(window); colon++ {
		next := strings.IndexByte(window[colon:], ':')
		if next < 0 {
			break
		}
		colon += next
		s, length := severityAtEnd(text[from:colon])
		start := colon - length
		if s == noSeverity || start > maxName || !isApplicationName(text[:start]) {
			continue
		}
		if message, ok := s.cutColon(text[colon:]); ok {
			return severed{start, s, message}, true
		}
	}
	return severed{}, false
}

// isApplicationName accepts what %a can be: PostgreSQL makes names printable ASCII; the word for none is translated.
func isApplicationName(text string) bool {
	return isPrintable(text) || knownTexts().unknowns[text]
}

// severityAtEnd finds the longest severity that the text ends with.
func severityAtEnd(text string) (s severity, length int) {
	for n := len("LOG"); n <= min(len(text), len("STATEMENT")); n++ {
		if found := englishSeverity(text[len(text)-n:]); found != noSeverity {
			return found, n
		}
	}
	for word, found := range knownTexts().severities {
		if len(word) > length && strings.HasSuffix(text, word) {
			s, length = found, len(word)
		}
	}
	return s, length
}
