package insights

import (
	"regexp"
	"strings"
)

// cutRegex reads the regular expression between slashes that begins at an offset, and tells where it ends.
func cutRegex(text string, at int) (source string, end int, err error) {
	inClass := false
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '[':
			inClass = true
		case c == ']':
			inClass = false
		case c == '/' && inClass:
			return "", 0, &SyntaxError{i, "a slash in a class of a regular expression is not documented, write \\x2F"}
		case c == '/':
			return text[at+1 : i], i + 1, nil
		}
	}
	return "", 0, &SyntaxError{at, "a regular expression does not end"}
}

// compileRegex takes what is documented of regular expressions.
func compileRegex(source string, at int) (*regexp.Regexp, error) {
	if reason := undocumentedIn(source); reason != "" {
		return nil, &SyntaxError{at, reason}
	}
	compiled, err := regexp.Compile(strings.ReplaceAll(source, `\/`, "/"))
	if err != nil {
		return nil, &SyntaxError{at, err.Error()}
	}
	return compiled, nil
}

// undocumentedIn names what a regular expression holds that the documentation leaves open, "" = nothing.
func undocumentedIn(source string) string {
	inClass := false
	for i := 0; i < len(source); i++ {
		switch c := source[i]; {
		case c >= 0x80:
			return "a multi-byte character in a regular expression is not documented"
		case c == '\\':
			i++
			if i == len(source) || !documentedEscape(source[i]) {
				return "the escape " + source[i-1:min(i+1, len(source))] + " in a regular expression is not documented"
			}
		case inClass:
			inClass = c != ']'
		case c == '[':
			inClass = true
			i = skipClassStart(source, i)
		case c == '.':
			return `whether . in a regular expression matches a newline is not documented, write [\s\S] or [^\n]`
		case c == '(' && !documentedGroup(source[i+1:]):
			return "this kind of group in a regular expression is not documented"
		}
	}
	return ""
}

// skipClassStart passes over a ^ and a ] that stand first in a class.
func skipClassStart(source string, at int) int {
	rest := source[at+1:]
	negation := len(rest) - len(strings.TrimPrefix(rest, "^"))
	if strings.HasPrefix(rest[negation:], "]") {
		return at + negation + 1
	}
	return at + negation
}

// documentedEscape: classes, code points, line ends, and every punctuation mark.
func documentedEscape(c byte) bool {
	return strings.IndexByte("dDsSwWxnrt", c) >= 0 || !isLetter(c) && !isDigit(c)
}

// documentedGroup takes what follows a parenthesis.
func documentedGroup(rest string) bool {
	if !strings.HasPrefix(rest, "?") {
		return true
	}
	return strings.HasPrefix(rest, "?:") || strings.HasPrefix(rest, "?i)") ||
		strings.HasPrefix(rest, "?<") && len(rest) > 2 && isLetter(rest[2])
}
