package logs

import (
	"strings"

	"pgrotator/rotator/internal/localaws/protocol"
)

// filterPattern is a parsed filterPattern of unstructured logs:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
// Terms are case-sensitive and match anywhere in the message.
type filterPattern struct {
	all  []string // term, "a phrase"
	any  []string // ?term, ?"a phrase"; ignored where all has some, as the service does
	none []string // -term, -"a phrase"
}

func errInvalidPattern() error { return protocol.InvalidParameter("Invalid filter pattern") }

// parsePattern refuses JSON, space-delimited and regular-expression patterns,
// which the service knows and the stand-in does not.
func parsePattern(text string) (filterPattern, error) {
	var p filterPattern
	rest := strings.TrimLeft(text, " ")
	for rest != "" {
		list := &p.all
		switch rest[0] {
		case '?':
			list, rest = &p.any, rest[1:]
		case '-':
			list, rest = &p.none, rest[1:]
		}
		term, after, err := cutTerm(rest)
		if err != nil {
			return filterPattern{}, err
		}
		*list = append(*list, term)
		rest = strings.TrimLeft(after, " ")
	}
	return p, nil
}

// cutTerm takes a word or a quoted phrase off the front of text.
func cutTerm(text string) (term, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		term, rest, _ = strings.Cut(text, " ")
		if term == "" || strings.ContainsFunc(term, needsQuotes) {
			return "", "", errInvalidPattern()
		}
		return term, rest, nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case text[i] == '"':
			return b.String(), text[i+1:], nil
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", errInvalidPattern()
}

// needsQuotes tells of what a word may hold only within quotes.
func needsQuotes(r rune) bool {
	isWord := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
	return !isWord
}

func (p filterPattern) matches(message string) bool {
	for _, term := range p.none {
		if strings.Contains(message, term) {
			return false
		}
	}
	for _, term := range p.all {
		if !strings.Contains(message, term) {
			return false
		}
	}
	if len(p.all) > 0 || len(p.any) == 0 {
		return true
	}
	for _, term := range p.any {
		if strings.Contains(message, term) {
			return true
		}
	}
	return false
}
