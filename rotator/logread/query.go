package logread

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strings"
)

//go:embed rows.txt
var rowsFile string

// rowLimit is the most rows that a query may give (StartQuery); rows.txt asks for as many.
const rowLimit = 100000

// Query is the text, always the same, that Logs Insights gets for a group whose events are not masked, or for one whose events are:
// unmask is not to be had in groups of class INFREQUENT_ACCESS.
func Query(protected bool) string {
	text := strings.Join(commands(rowsFile), "\n")
	if !protected {
		return text
	}
	return "fields unmask(@message) as unmasked\n| " + strings.ReplaceAll(text, "parse @message ", "parse unmasked ")
}

// folded is a query without the texts that any role can multiply by RAISE LOG, each of which makes a row: names of applications like the
// sweep's, and entries like the server's. It is for a minute that has too many of them for one query, and that would otherwise never be
// read. The sweep's own logins are logins in it, and the server's entries are nobody's.
func folded(query string) string {
	var lines []string
	for line := range strings.Lines(query) {
		if !strings.Contains(line, "(?<canary>") && !strings.Contains(line, "(?<server>") {
			lines = append(lines, strings.Replace(line, ", canary, server", "", 1))
		}
	}
	return strings.Join(lines, "")
}

// commands are the lines of a query, without its comments.
func commands(file string) []string {
	var lines []string
	for line := range strings.Lines(file) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// QueryVersion tells one version of the division into rows from another: what one found holds for it alone.
var QueryVersion = version(Query(false))

func version(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
