package postgres

import "strings"

// western are the characters of WIN1252 that LATIN1 lacks, from byte 0x80 on; a blank = none.
const western = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ"

// inWestern is a user's name as a database in LATIN1 or WIN1252 has it, where it differs from UTF-8 and both have all of its characters.
// A login's name is compared as it is sent, byte by byte, with what the database stored in which the role was made (protocol,
// StartupMessage); only in a session are names converted.
func inWestern(name string) (other string, ok bool) {
	var b strings.Builder
	for _, r := range name {
		at := strings.IndexRune(western, r)
		switch {
		case r < 0x80 || r >= 0xA0 && r <= 0xFF:
			b.WriteByte(byte(r))
		case at >= 0:
			b.WriteByte(0x80 + byte(len([]rune(western[:at]))))
		default:
			return "", false
		}
	}
	return b.String(), b.String() != name
}
