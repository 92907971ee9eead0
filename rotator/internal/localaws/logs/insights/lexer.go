package insights

import "strings"

// tokenKind is what a token is.
type tokenKind int

const (
	endOfText tokenKind = iota
	word                // fields, @message, strlen
	numeral             // 12, 1.5
	period              // 5m
	quoted              // "text"
	symbol              // | , ( ) = != …
)

// token is a piece of a query's text.
type token struct {
	kind       tokenKind
	text       string // of a quoted one, what is between the quotes
	start, end int    // offsets in the query's text
}

// symbols, longer ones before those that they begin with.
var symbols = []string{"!=", "<=", ">=", "=~", "|", ",", "(", ")", "[", "]", "+", "-", "*", "/", "%", "^", "=", "<", ">"}

// lex reads the token that begins at or after an offset.
func lex(text string, at int) (token, error) {
	at = skipBlanks(text, at)
	if at == len(text) {
		return token{kind: endOfText, start: at, end: at}, nil
	}
	switch c := text[at]; {
	case isLetter(c) || c == '@' || c == '_':
		return run(word, text, at, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c == '@' }), nil
	case isDigit(c):
		return lexNumber(text, at), nil
	case c == '"' || c == '\'':
		return lexQuoted(text, at)
	}
	for _, s := range symbols {
		if strings.HasPrefix(text[at:], s) {
			return token{symbol, s, at, at + len(s)}, nil
		}
	}
	return token{}, &SyntaxError{at, "unexpected symbol found " + text[at:at+1]}
}

// skipBlanks passes over white space, and comments from # to the end of their line.
func skipBlanks(text string, at int) int {
	for at < len(text) {
		switch {
		case strings.IndexByte(" \t\r\n", text[at]) >= 0:
			at++
		case text[at] == '#':
			line := strings.IndexByte(text[at:], '\n')
			if line < 0 {
				return len(text)
			}
			at += line
		default:
			return at
		}
	}
	return at
}

// run takes the bytes that belong to a token.
func run(kind tokenKind, text string, at int, belongs func(byte) bool) token {
	end := at
	for end < len(text) && belongs(text[end]) {
		end++
	}
	return token{kind, text[at:end], at, end}
}

func lexNumber(text string, at int) token {
	t := run(numeral, text, at, func(c byte) bool { return isDigit(c) || c == '.' })
	if t.end < len(text) && isLetter(text[t.end]) {
		unit := run(word, text, t.end, isLetter)
		return token{period, text[at:unit.end], at, unit.end}
	}
	return t
}

// lexQuoted refuses a backslash: what it does within quotes is not documented.
func lexQuoted(text string, at int) (token, error) {
	length := strings.IndexByte(text[at+1:], text[at])
	if length < 0 {
		return token{}, &SyntaxError{at, "a string does not end"}
	}
	inner := text[at+1 : at+1+length]
	if strings.Contains(inner, `\`) {
		return token{}, &SyntaxError{at, "a backslash in a string is not documented"}
	}
	return token{quoted, inner, at, at + length + 2}, nil
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
