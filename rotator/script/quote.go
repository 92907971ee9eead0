// Package script writes what people are told to run: statements and scripts for psql, and command lines. Each is quoted for the
// place that it is read in, since the names in it may be anybody's, and none needs a search_path.
package script

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// writable reports whether SQL can carry a text at all: a name that is no UTF-8, as an SQL_ASCII database can hold, would come out
// as another one.
func writable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0) && !strings.ContainsRune(text, utf8.RuneError)
}

// Ident quotes a name for SQL. What a terminal would take for a key or not show at all is written as Unicode escapes.
func Ident(name string) string {
	if printable(name) {
		return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	var b strings.Builder
	b.WriteString(`U&"`)
	for _, r := range name {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune(r)
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\+%06X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Literal quotes a value for SQL, whatever standard_conforming_strings is.
func Literal(value string) string {
	if printable(value) && !strings.Contains(value, `\`) {
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	var b strings.Builder
	b.WriteString("E'")
	for _, r := range value {
		switch {
		case r == '\'' || r == '\\':
			b.WriteRune(r)
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// connect is psql's command that moves on to another database, with the server, user and password as they are; ok is false for
// a name that no psql command can carry. A plain name would do for most; one with = or :// in it is read as where to connect to.
func connect(database string) (command string, ok bool) {
	if !writable(database) || strings.ContainsFunc(database, unicode.IsControl) {
		return "", false
	}
	value := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database)
	return `\connect -reuse-previous=on "dbname='` + strings.ReplaceAll(value, `"`, `""`) + `'"`, true
}

// comment is a line that no reader of SQL takes for anything else. Names in it must be shown, that is escaped, already.
func comment(line string) string { return "-- " + line }

// shown is a name as a comment or an error shows it: in quotes, and with everything escaped that could end a line.
func shown(name string) string { return strconv.Quote(name) }

// shellArgument quotes an argument for a POSIX shell.
func shellArgument(text string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("-_./:=+@,%", r)
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
