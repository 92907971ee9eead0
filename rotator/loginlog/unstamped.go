package loginlog

import "strings"

// judgeUnstamped judges an event without a timestamp of either prefix. PostgreSQL starts the further lines of a message with
// a tab; any other line is the rest of a name with a newline in it, and so is one with a tab that holds a mark.
func judgeUnstamped(entry string) (shape string, kind Kind) {
	switch {
	case strings.HasPrefix(entry, "\t") && !holdsMark(entry):
		return "", Bystander
	case isStamped(entry):
		return OtherPrefix, Unknown
	case hasTime(entry), strings.HasPrefix(entry, `{"timestamp":"`):
		return "", Bystander
	case holdsMark(entry):
		return "", Tampering
	case isHTTP(entry):
		return "", Bystander
	}
	return "", Tampering
}

// isStamped reports whether an event starts with a date and a time, and is not an entry in CSV.
func isStamped(entry string) bool { return hasTime(entry) && !isCSV(entry) }

// hasTime reports whether an event starts with a date and a time.
func hasTime(entry string) bool {
	return len(entry) >= secondLen && matchesDigits(entry[:secondLen], "0000-00-00 00:00:00")
}

// isCSV reports whether a timestamp with milliseconds is the first field of an entry in CSV (log_destination = csvlog), and the user's name,
// quoted or empty, the second.
func isCSV(entry string) bool {
	const zone = secondLen + len(".000 ")
	if len(entry) < zone || !matchesDigits(entry[secondLen:zone], ".000 ") {
		return false
	}
	name, user, found := strings.Cut(entry[zone:min(len(entry), zone+maxName)], ",")
	return found && name != "" && isZone(name) && (strings.HasPrefix(user, `"`) || strings.HasPrefix(user, ","))
}

// holdsMark reports whether the end of a prefix stands where the names of one can reach.
func holdsMark(text string) bool {
	if strings.IndexByte(text, '[') < 0 {
		return false
	}
	var m mark
	return m.find(text, 0, sentEnd(text, 2*maxName+1))
}

// isHTTP accepts what the HTTP client behind RDS's pam module writes, besides the log, of a refused IAM login: "* Trying …",
// "> POST /authenticateRequest HTTP/1.1" with its header lines, "< HTTP/1.1 403 Forbidden".
func isHTTP(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); !isHTTPLine(line) {
			return false
		}
	}
	return text != ""
}

func isHTTPLine(line string) bool {
	if line == "" || strings.HasPrefix(line, "* ") || line[0] == '>' || line[0] == '<' {
		return true
	}
	name, _, found := strings.Cut(line, ": ")
	switch strings.ToLower(name) {
	case "host", "accept", "content-type", "content-length", "user-agent", "connection", "expect", "date", "server":
		return found
	}
	return false
}

// withoutStrayLines takes off an entry's end the lines of the HTTP client, which a publisher that cuts at timestamps leaves
// with whatever entry stands before them. Where one of them holds a bracket, which a mark has, they stay: they may be the
// rest of a stranger's names.
func withoutStrayLines(text string) string {
	end := strings.IndexByte(text, '\n')
	if end < 0 {
		return text
	}
	for at := end; ; {
		if stray := text[at+1:]; isHTTPStart(stray) {
			if strings.Contains(stray, ":[") || !isHTTP(stray) {
				return text
			}
			return text[:at]
		}
		next := strings.IndexByte(text[at+1:], '\n')
		if next < 0 {
			return text
		}
		at += 1 + next
	}
}

func isHTTPStart(text string) bool {
	return strings.HasPrefix(text, "* ") || strings.HasPrefix(text, "> ") || strings.HasPrefix(text, "< ")
}
