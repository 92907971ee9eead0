package loginlog

import "strings"

const secondLen = len("2006-01-02 15:04:05")

// cutStamp takes "2026-11-22 07:43:03[.560] UTC:" off the front of an entry.
func cutStamp(entry string) (stamp, rest string, ok bool) {
	if len(entry) < secondLen || !matchesDigits(entry[:secondLen], "0000-00-00 00:00:00") {
		return "", "", false
	}
	zone := secondLen
	if strings.HasPrefix(entry[zone:], ".") {
		zone += len(".000")
		if len(entry) < zone || !matchesDigits(entry[secondLen:zone], ".000") {
			return "", "", false
		}
	}
	end := strings.IndexByte(entry[zone:min(len(entry), zone+maxName)], ':')
	if end < len(" Z") || entry[zone] != ' ' || !isZone(entry[zone+1:zone+end]) {
		return "", "", false
	}
	return entry[:zone+end], entry[zone+end+1:], true
}

// matchesDigits reports whether text has a digit wherever shape has a 0, and shape's own byte elsewhere.
func matchesDigits(text, shape string) bool {
	for i := range len(shape) {
		if shape[i] == '0' {
			if !isDigit(text[i]) {
				return false
			}
		} else if text[i] != shape[i] {
			return false
		}
	}
	return true
}

// isZone accepts what PostgreSQL prints for a zone: letters, or an offset such as -03 where the zone has no letters.
func isZone(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !isDigit(c) && !('A' <= c && c <= 'Z') && !('a' <= c && c <= 'z') && c != '+' && c != '-' {
			return false
		}
	}
	return true
}

// maxHost is the longest host name that the system gives (NI_MAXHOST).
const maxHost = 1025

// cutClient takes %r and the colon after it off the text: "host(port):" or "[local]:".
func cutClient(text string) (host string, port int, rest string, ok bool) {
	if rest, ok := strings.CutPrefix(text, "[local]:"); ok {
		return "[local]", 0, rest, true
	}
	if masked := maskLen(text); masked > 0 && strings.HasPrefix(text[masked:], ":") {
		return text[:masked], 0, text[masked+1:], true // The address and the port.
	}
	open := 0
	for open < min(len(text), maxHost) && isHostByte(text[open]) {
		open++
	}
	if open == 0 || open == len(text) || text[open] != '(' {
		return "", 0, "", false
	}
	port, rest, ok = cutNumber(text[open+1:])
	rest, closed := strings.CutPrefix(rest, "):")
	return text[:open], port, rest, ok && closed && port <= 65535
}

// isHostByte accepts addresses, also IPv6 with a zone, host names, and the ??? of an address that cannot be printed.
func isHostByte(c byte) bool {
	return c > ' ' && c < 0x7f && c != '(' && c != ')' && c != '@'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// maxDigits is longer than process ids, ports and line numbers are.
const maxDigits = 10

func leadingDigits(text string) int {
	n := 0
	for n < min(len(text), maxDigits+1) && isDigit(text[n]) {
		n++
	}
	return n
}

// cutNumber takes a number of at most ten digits off the text.
func cutNumber(text string) (n int, rest string, ok bool) {
	digits := 0
	for digits < len(text) && digits <= maxDigits && isDigit(text[digits]) {
		n = 10*n + int(text[digits]-'0')
		digits++
	}
	if digits == 0 || digits > maxDigits {
		return 0, text, false
	}
	return n, text[digits:], true
}
